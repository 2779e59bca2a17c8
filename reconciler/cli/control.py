"""`spinfleet sync`, `suspend` and `resume`: what a person tells an agent, through its FleetSync."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from reconciler.cli.connected import cluster_options, existing, fleetsync_resource, place_of


@click.command()
@click.option("--wait", is_flag=True, help="Wait until it is done and no app is progressing, then show the status.")
@click.option("--timeout", default="5m", show_default=True, metavar="DURATION", help="How long to wait at most.")
@cluster_options
def sync(wait: bool, timeout: str, fleetsync: str, kubeconfig: Path | None, context: str | None) -> int:
    """Ask the agent to fetch and sync now, without waiting for its interval.

    Exits with 0 where it was asked for or, with --wait, everything is ready; with 1 where something is not, 2 where it took too long.
    """
    import asyncio
    import datetime as dt

    from reconciler.agent.fleetsync import REQUEST_ANNOTATION, duration_seconds
    from reconciler.cli.status import is_ready, show

    seconds = duration_seconds(timeout)
    now = dt.datetime.now(dt.UTC).isoformat()
    _change(fleetsync, kubeconfig, context, {"metadata": {"annotations": {REQUEST_ANNOTATION: now}}})
    if not wait:
        click.echo(f"{fleetsync}: asked to sync")
        return 0
    live = asyncio.run(_handled(fleetsync, kubeconfig, context, now, seconds))
    show(live)
    return 0 if is_ready(live) else 1


@click.command()
@click.argument("apps", nargs=-1, metavar="[APP]...")
@cluster_options
def suspend(apps: tuple[str, ...], fleetsync: str, kubeconfig: Path | None, context: str | None) -> int:
    """Stop syncing and healing until `resume`, of everything or of the APPs named; what runs keeps running.

    This holds for one cluster. To suspend an app wherever it is placed, set spec.suspend in its document in Git.
    """
    if apps:
        return _suspend_apps(fleetsync, kubeconfig, context, add=frozenset(apps))
    _change(fleetsync, kubeconfig, context, {"spec": {"suspend": True}})
    click.echo(f"{fleetsync}: suspended")
    return 0


@click.command()
@click.argument("apps", nargs=-1, metavar="[APP]...")
@cluster_options
def resume(apps: tuple[str, ...], fleetsync: str, kubeconfig: Path | None, context: str | None) -> int:
    """Sync and heal again: everything, or the APPs that were suspended by name."""
    from reconciler.agent.fleetsync import suspended_apps

    if apps:
        return _suspend_apps(fleetsync, kubeconfig, context, remove=frozenset(apps))
    live = _change(fleetsync, kubeconfig, context, {"spec": {"suspend": False}})
    click.echo(f"{fleetsync}: resumed")
    if left := suspended_apps(live["metadata"].get("annotations") or {}):
        names = " ".join(sorted(left))
        click.echo(f"still suspended by name: {names} (spinfleet resume {names})", err=True)
    return 0


async def _handled(
    fleetsync: str, kubeconfig: Path | None, context: str | None, request: str, seconds: float
) -> Mapping[str, Any]:
    """Give the FleetSync once a request was handled and no app is progressing. Raises UnavailableError where that takes longer."""
    import asyncio

    from reconciler.cluster.connection import Connection
    from reconciler.cluster.watch import Complete, Removed, Selection, watch
    from reconciler.errors import InputError, UnavailableError

    namespace, name = place_of(fleetsync)
    try:
        async with asyncio.timeout(seconds), await Connection.open(kubeconfig, context) as connection:
            place = Selection(resource=await fleetsync_resource(connection), namespace=namespace, name=name)
            async for event in watch(connection, place):
                for live in event.items if isinstance(event, Complete) else (event.object,):
                    if not isinstance(event, Removed) and _is_done(live.get("status") or {}, request):
                        return live
                if isinstance(event, Removed) or (isinstance(event, Complete) and not event.items):
                    raise InputError(f"FleetSync {fleetsync} is gone")
    except TimeoutError as error:
        hint = "spinfleet status says what it waits for; where nothing changes there, see whether an agent runs"
        raise UnavailableError(f"{fleetsync}: the sync was not done within {seconds:g} s", hint=hint) from error
    raise AssertionError  # a watch has no end


def _is_done(status: Mapping[str, Any], request: str) -> bool:
    found = {each["type"]: each for each in status.get("conditions") or ()}
    moving = "Reconciling" in found or (found.get("Healthy") or {}).get("reason") == "Progressing"
    stopped = (found.get("Ready") or {}).get("reason") in {"Suspended", "Stalled", "Deleting"}
    return stopped or (status.get("lastHandledRequest") == request and not moving)


def _suspend_apps(
    fleetsync: str, kubeconfig: Path | None, context: str | None, *, add: frozenset[str] = frozenset(),
    remove: frozenset[str] = frozenset(),
) -> int:  # fmt: skip
    """Change which apps a FleetSync suspends; the precondition on its resourceVersion keeps two people apart."""
    import asyncio

    from reconciler.agent.fleetsync import SUSPENDED_ANNOTATION, suspended_apps
    from reconciler.cluster.connection import Connection
    from reconciler.cluster.patch import merge_patch
    from reconciler.cluster.read import get

    namespace, name = place_of(fleetsync)

    async def run() -> tuple[Mapping[str, Any], frozenset[str]]:
        async with await Connection.open(kubeconfig, context) as connection:
            resource = await fleetsync_resource(connection)
            with existing(namespace, name):
                live = await get(connection, resource, namespace=namespace, name=name)
            metadata = live["metadata"]
            left = (suspended_apps(metadata.get("annotations") or {}) | add) - remove
            change = {
                "resourceVersion": metadata["resourceVersion"],
                "annotations": {SUSPENDED_ANNOTATION: ",".join(sorted(left)) or None},
            }
            await merge_patch(connection, resource, {"metadata": change}, namespace=namespace, name=name)
            return live, left

    live, left = asyncio.run(run())
    click.echo(f"{fleetsync}: {', '.join(sorted(add or remove))} {'suspended' if add else 'resumed'}")
    click.echo(f"suspended here now: {', '.join(sorted(left)) or 'nothing'}", err=True)
    for note in _doubts(live, add, remove):
        click.echo(f"warning: {note}", err=True)
    return 0


def _doubts(live: Mapping[str, Any], add: frozenset[str], remove: frozenset[str]) -> Iterator[str]:
    """Say what may not be what was meant: names that nobody knows here, and what stays stopped all the same."""
    from reconciler.agent.fleetsync import suspended_apps
    from reconciler.schema_check import closest

    state = live.get("status") or {}
    known = [app["name"] for app in state.get("apps") or ()]
    if len(known) == (state.get("counts") or {}).get("apps"):  # else the status does not list all of them
        for name in sorted(add - set(known)):
            hint = closest(name, known)
            yield f"no app or bundle {name!r} is placed on this cluster{f'; {hint}' if hint else ''}"
    for name in sorted(remove - suspended_apps(live["metadata"].get("annotations") or {})):
        yield f"{name} was not suspended here"
    if remove and live["spec"].get("suspend"):
        yield "the FleetSync itself is suspended: nothing goes on before spinfleet resume"


def _change(
    fleetsync: str, kubeconfig: Path | None, context: str | None, change: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Change a FleetSync; gives it as it is then."""
    import asyncio

    from reconciler.cluster.connection import Connection
    from reconciler.cluster.patch import merge_patch

    namespace, name = place_of(fleetsync)

    async def run() -> Mapping[str, Any]:
        async with await Connection.open(kubeconfig, context) as connection:
            resource = await fleetsync_resource(connection)
            with existing(namespace, name):
                return await merge_patch(connection, resource, change, namespace=namespace, name=name)

    return asyncio.run(run())
