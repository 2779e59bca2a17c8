"""`spinfleet status`: what an agent is doing, from its FleetSync."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from reconciler.cli.connected import cluster_options, fleetsync_resource, place_of
from reconciler.cli.output import output_option, write


@click.command()
@cluster_options
@click.option("-w", "--watch", "keep_watching", is_flag=True, help="Go on and show each change.")
@output_option
def status(fleetsync: str, kubeconfig: Path | None, context: str | None, keep_watching: bool, form: str) -> int:
    """Show what a cluster's agent is doing. Exits with 0 where it is ready, else 1."""
    import asyncio

    namespace, name = place_of(fleetsync)
    try:
        return asyncio.run(_run(namespace, name, kubeconfig, context, form, keep_watching=keep_watching))
    except KeyboardInterrupt:
        return 0


async def _run(
    namespace: str, name: str, kubeconfig: Path | None, context: str | None, form: str, *, keep_watching: bool
) -> int:
    from reconciler.cluster.connection import Connection
    from reconciler.cluster.read import get
    from reconciler.cluster.watch import Changed, Selection, watch

    async with await Connection.open(kubeconfig, context) as connection:
        resource = await fleetsync_resource(connection)
        live = await get(connection, resource, namespace=namespace, name=name)
        show(live, form)
        if keep_watching:
            async for event in watch(connection, Selection(resource=resource, namespace=namespace, name=name)):
                if isinstance(event, Changed):
                    live = event.object
                    click.echo()
                    show(live, form)
    return 0 if _ready(live) else 1


def show(live: Mapping[str, Any], form: str = "text") -> None:
    """Write a FleetSync's status."""
    state = live.get("status") or {}
    if form != "text":
        write(state, form)
        return
    metadata = live["metadata"]
    commit = (state.get("commit") or {}).get("applied", "")
    click.echo(
        f"{metadata['namespace']}/{metadata['name']}  cluster {live['spec']['cluster']}  commit {commit[:12] or '-'}"
    )
    for condition in state.get("conditions") or ():
        colour = {"True": "green", "False": "red"}.get(condition["status"], "yellow")
        click.echo(
            f"  {condition['type']:<12} {click.style(condition['status'], fg=colour):<8} {condition['reason']}: {condition['message']}"
        )
    rows: list[tuple[str, ...]] = [("APP", "VERSION", "ARTIFACT", "OBJECTS", "HEALTH", "")]
    rows += [_row(app) for app in state.get("apps") or ()]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    for row in rows:
        click.echo(
            "  ".join(
                cell.ljust(widths[column]) if column < len(widths) else cell for column, cell in enumerate(row)
            ).rstrip()
        )
    for problem in state.get("problems") or ():
        place = ":".join(str(problem[part]) for part in ("path", "line", "column") if problem.get(part)) or problem.get(
            "object", ""
        )
        click.echo(f"{problem.get('severity', 'error')}[{problem.get('code', '')}] {place}: {problem['message']}")


def _row(app: Mapping[str, Any]) -> tuple[str, ...]:
    version, artifact = app.get("version") or "-", app.get("artifact") or "-"
    return (app["name"], version, artifact, str(app.get("objects", 0)), app["health"], app.get("message", ""))


def _ready(live: Mapping[str, Any]) -> bool:
    conditions = (live.get("status") or {}).get("conditions") or ()
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
