"""`spinfleet status`: what an agent is doing, from its FleetSync, as a tree: FleetSync, apps, objects."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.connected import cluster_options, existing, fleetsync_resource, place_of
from reconciler.cli.output import output_option, write

if TYPE_CHECKING:
    from reconciler.agent.looking import LiveObject
    from reconciler.cluster.connection import Connection

_COLOURS = {
    "True": "green", "False": "red", "current": "green", "failed": "red", "progressing": "yellow", "Unknown": "yellow",
}  # fmt: skip


@click.command()
@click.argument("apps", nargs=-1, metavar="[APP]...")
@cluster_options
@click.option("-A", "--all", "every", is_flag=True, help="List every FleetSync of the cluster.")
@click.option("-w", "--watch", "keep_watching", is_flag=True, help="Go on and show each change.")
@output_option
def status(
    apps: tuple[str, ...],
    fleetsync: str,
    kubeconfig: Path | None,
    context: str | None,
    every: bool,
    keep_watching: bool,
    form: str,
) -> int:
    """Show what a cluster's agent is doing; with APPs, only these, with their live objects.

    Exits with 0 where everything, or each APP, is ready, else 1.
    """
    import asyncio

    if every and (apps or keep_watching):
        raise click.UsageError("--all lists FleetSyncs: name one with --fleetsync to see its APPs, or to watch it")
    if every:
        return asyncio.run(_list(kubeconfig, context, form))
    namespace, name = place_of(fleetsync)
    try:
        return asyncio.run(_run(apps, namespace, name, kubeconfig, context, form, keep_watching=keep_watching))
    except KeyboardInterrupt:
        return 0


async def _run(
    apps: tuple[str, ...], namespace: str, name: str, kubeconfig: Path | None, context: str | None, form: str, *,
    keep_watching: bool,
) -> int:  # fmt: skip
    from reconciler.cluster.connection import Connection
    from reconciler.cluster.read import get
    from reconciler.cluster.watch import Changed, Selection, watch

    async with await Connection.open(kubeconfig, context) as connection:
        resource = await fleetsync_resource(connection)
        with existing(namespace, name):
            live = await get(connection, resource, namespace=namespace, name=name)
        code = await _show(connection, live, apps, form)
        if keep_watching:
            async for event in watch(connection, Selection(resource=resource, namespace=namespace, name=name)):
                if isinstance(event, Changed) and event.object != live:
                    live = event.object
                    click.echo("---" if form == "yaml" else "")
                    code = await _show(connection, live, apps, form)
    return code


async def _list(kubeconfig: Path | None, context: str | None, form: str) -> int:
    """List every FleetSync, those that are not ready with the reason; gives the exit code."""
    from reconciler.cluster.connection import Connection
    from reconciler.cluster.read import list_objects

    async with await Connection.open(kubeconfig, context) as connection:
        found = (await list_objects(connection, await fleetsync_resource(connection))).items
    found = tuple(sorted(found, key=lambda live: (live["metadata"]["namespace"], live["metadata"]["name"])))
    if form != "text":
        write([_summary(live) for live in found], form)
    else:
        rows = [("FLEETSYNC", "CLUSTER", "READY", "COMMIT", "APPS", ""), *map(_cells, found)]
        _columns(rows)
    return 0 if all(is_ready(live) for live in found) else 1


def _summary(live: Mapping[str, Any]) -> dict[str, Any]:
    metadata, state = live["metadata"], live.get("status") or {}
    return {"namespace": metadata["namespace"], "name": metadata["name"], "status": state}


def _cells(live: Mapping[str, Any]) -> tuple[str, ...]:
    metadata, state = live["metadata"], live.get("status") or {}
    ready: Mapping[str, Any] = next((each for each in state.get("conditions") or () if each["type"] == "Ready"), {})
    return (
        f"{metadata['namespace']}/{metadata['name']}",
        live["spec"]["cluster"],
        ready.get("status", "-"),
        ((state.get("commit") or {}).get("applied") or "-")[:12],
        str((state.get("counts") or {}).get("apps", 0)),
        "" if ready.get("status") == "True" else ready.get("message", "no agent has looked at it"),
    )


async def _show(connection: Connection, live: Mapping[str, Any], names: Sequence[str], form: str) -> int:
    """Write a FleetSync's status, or that of some of its apps with their objects; gives the exit code."""
    if not names:
        show(live, form)
        return 0 if is_ready(live) else 1
    from reconciler.agent.looking import live_objects

    objects, unread = await live_objects(connection, live, frozenset(names))
    known = {app["name"]: app for app in (live.get("status") or {}).get("apps") or ()}
    by_app = {name: [each for each in objects if each.owner == name] for name in names}
    if form != "text":
        write(
            [{**known.get(name, {"name": name}), "live": [each.to_json() for each in by_app[name]]} for name in names],
            form,
        )
    else:
        click.echo(_head(live))
        for name in names:
            app = known.get(name, {"name": name, "message": _unlisted(live, name)})
            click.echo("\n".join(_tree(app, by_app[name])))
    for message in unread:
        click.echo(f"not shown: {message}", err=True)
    return 0 if all(_fine(known.get(name)) for name in names) else 1


def show(live: Mapping[str, Any], form: str = "text") -> None:
    """Write a FleetSync's status."""
    state = live.get("status") or {}
    if form != "text":
        write(state, form)
        return
    click.echo(_head(live))
    for condition in state.get("conditions") or ():
        click.echo(
            f"  {condition['type']:<12} {_coloured(condition['status'], 8)} {condition['reason']}: {condition['message']}"
        )
    rows: list[tuple[str, ...]] = [("APP", "VERSION", "ARTIFACT", "OBJECTS", "HEALTH", "")]
    rows += [_row(app) for app in state.get("apps") or ()]
    _columns(rows)
    listed, total = len(state.get("apps") or ()), (state.get("counts") or {}).get("apps", 0)
    if listed < total:
        click.echo(f"and {total - listed} more, all current")
    for problem in state.get("problems") or ():
        place = ":".join(str(problem[part]) for part in ("path", "line", "column") if problem.get(part)) or problem.get(
            "object", ""
        )
        click.echo(f"{problem.get('severity', 'error')}[{problem.get('code', '')}] {place}: {problem['message']}")
        if problem.get("hint"):
            click.echo(f"  hint: {problem['hint']}")


def _columns(rows: Sequence[tuple[str, ...]]) -> None:
    """Write a table, whose last column is as wide as it is."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=False))
        click.echo("  ".join((*cells, row[-1])).rstrip())


def _head(live: Mapping[str, Any]) -> str:
    metadata, commit = live["metadata"], ((live.get("status") or {}).get("commit") or {}).get("applied", "")
    return f"{metadata['namespace']}/{metadata['name']}  cluster {live['spec']['cluster']}  commit {commit[:12] or '-'}"


def _row(app: Mapping[str, Any]) -> tuple[str, ...]:
    message = app.get("message", "")
    if app.get("reason"):
        message = f"{app['reason']}: {message}"
    return (app["name"], _version(app), app.get("artifact") or "-", str(app.get("objects", 0)), app["health"], message)


def _version(app: Mapping[str, Any]) -> str:
    """Say what runs, and beside it what Git has where that is another version."""
    newest, released = app.get("version") or "-", app.get("released") or "-"
    return newest if newest == released else f"{released} (Git: {newest})"


def _tree(app: Mapping[str, Any], objects: Sequence[LiveObject]) -> list[str]:
    """Draw an app and its objects."""
    health = app.get("health", "")
    lines = [f"└ {app.get('kind') or 'App'} {app['name']}  {_coloured(health)}  version {_version(app)}"]
    if app.get("message"):
        lines.append(f"    {app['reason'] + ': ' if app.get('reason') else ''}{app['message']}")
    drift = app.get("drift") or {}
    if drift:
        lines.append(f"    drifted {drift['count']} times since the agent started, last {_ago(drift['last'])}")
    width = max((len(str(each.key)) for each in objects), default=0)
    for number, each in enumerate(objects):
        branch = "└" if number == len(objects) - 1 else "├"
        change = f"changed {_ago(each.written)} by {each.writer}" if each.written else ""
        text = f"  {branch} {str(each.key).ljust(width)}  {_coloured(str(each.health.health), 11)}  {change}  {each.health.message}"
        lines.append(text.rstrip())
    return lines


def _coloured(word: str, width: int = 0) -> str:
    return click.style(word, fg=_COLOURS.get(word, "yellow")) + " " * max(0, width - len(word))


def _ago(time: str) -> str:
    """Say how long ago a time (RFC 3339) was, in one unit."""
    try:
        seconds = int((dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(time)).total_seconds())
    except ValueError:
        return time
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit} ago"
    return f"{max(0, seconds)}s ago"


def _unlisted(live: Mapping[str, Any], name: str) -> str:
    from reconciler.schema_check import closest

    counts = (live.get("status") or {}).get("counts") or {}
    listed = [app["name"] for app in (live.get("status") or {}).get("apps") or ()]
    if counts.get("apps", 0) > len(listed):
        return "not among the apps that the status lists, so nothing needs attention"
    hint = closest(name, listed)
    return f"not placed on this cluster{f'; {hint}' if hint else ''}"


def _fine(app: Mapping[str, Any] | None) -> bool:
    return app is not None and app.get("health") == "current" and not app.get("reason")


def is_ready(live: Mapping[str, Any]) -> bool:
    """Tell whether a FleetSync's status says that everything is as it should be."""
    conditions = (live.get("status") or {}).get("conditions") or ()
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
