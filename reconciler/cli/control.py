"""`spinfleet sync`, `suspend` and `resume`: what a person tells an agent, through its FleetSync."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from reconciler.cli.connected import cluster_options, fleetsync_resource, place_of


@click.command()
@cluster_options
def sync(fleetsync: str, kubeconfig: Path | None, context: str | None) -> int:
    """Ask the agent to fetch and sync now, without waiting for its interval."""
    import datetime as dt

    from reconciler.agent.fleetsync import REQUEST_ANNOTATION

    now = dt.datetime.now(dt.UTC).isoformat()
    _change(fleetsync, kubeconfig, context, {"metadata": {"annotations": {REQUEST_ANNOTATION: now}}})
    click.echo(f"{fleetsync}: asked to sync")
    return 0


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
    if apps:
        return _suspend_apps(fleetsync, kubeconfig, context, remove=frozenset(apps))
    _change(fleetsync, kubeconfig, context, {"spec": {"suspend": False}})
    click.echo(f"{fleetsync}: resumed")
    return 0


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

    async def run() -> frozenset[str]:
        async with await Connection.open(kubeconfig, context) as connection:
            resource = await fleetsync_resource(connection)
            live = await get(connection, resource, namespace=namespace, name=name)
            metadata = live["metadata"]
            left = (suspended_apps(metadata.get("annotations") or {}) | add) - remove
            change = {
                "resourceVersion": metadata["resourceVersion"],
                "annotations": {SUSPENDED_ANNOTATION: ",".join(sorted(left)) or None},
            }
            await merge_patch(connection, resource, {"metadata": change}, namespace=namespace, name=name)
            return left

    left = asyncio.run(run())
    click.echo(f"{fleetsync}: {', '.join(sorted(add or remove))} {'suspended' if add else 'resumed'}")
    click.echo(f"suspended here now: {', '.join(sorted(left)) or 'nothing'}", err=True)
    return 0


def _change(fleetsync: str, kubeconfig: Path | None, context: str | None, change: Mapping[str, Any]) -> None:
    import asyncio

    from reconciler.cluster.connection import Connection
    from reconciler.cluster.patch import merge_patch

    namespace, name = place_of(fleetsync)

    async def run() -> None:
        async with await Connection.open(kubeconfig, context) as connection:
            await merge_patch(connection, await fleetsync_resource(connection), change, namespace=namespace, name=name)

    asyncio.run(run())
