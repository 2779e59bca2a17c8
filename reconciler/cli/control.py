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
@cluster_options
def suspend(fleetsync: str, kubeconfig: Path | None, context: str | None) -> int:
    """Stop syncing and healing until `resume`; what runs keeps running."""
    _change(fleetsync, kubeconfig, context, {"spec": {"suspend": True}})
    click.echo(f"{fleetsync}: suspended")
    return 0


@click.command()
@cluster_options
def resume(fleetsync: str, kubeconfig: Path | None, context: str | None) -> int:
    """Sync and heal again."""
    _change(fleetsync, kubeconfig, context, {"spec": {"suspend": False}})
    click.echo(f"{fleetsync}: resumed")
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
