"""`spinfleet history`: what a cluster has released, from its release records."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.connected import cluster_options, place_of
from reconciler.cli.output import output_option, write

if TYPE_CHECKING:
    from reconciler.rollout.records import Record, Released


@click.command()
@click.argument("app", required=False)
@cluster_options
@output_option
def history(app: str | None, fleetsync: str, kubeconfig: Path | None, context: str | None, form: str) -> int:
    """Show the last release of each app in a cluster, or all that are recorded of one APP, newest first."""
    import asyncio

    from reconciler.errors import InputError

    namespace, name = place_of(fleetsync)
    records, unread = asyncio.run(_records(namespace, name, kubeconfig, context))
    if app is not None:
        records = [record for record in records if record.app == app]
        if not records:
            raise InputError(
                f"there is no release record of {app!r} beside {fleetsync}",
                hint="spinfleet history lists the apps that were released; spinfleet status says what holds an app back",
            )
    for message in unread:
        click.echo(f"warning: {message}", err=True)
    if form != "text":
        write([_json(record) for record in records], form)
    elif app is not None:
        _table(
            [("VERSION", "COMMIT", "DIGEST", "RELEASED", "CURRENT"), *(_cells(each) for each in records[0].releases)]
        )
    else:
        head = ("APP", "VERSION", "COMMIT", "DIGEST", "RELEASED", "CURRENT")
        _table([head, *((record.app, *_cells(record.last)) for record in records)])
    return 1 if unread else 0


async def _records(
    namespace: str, name: str, kubeconfig: Path | None, context: str | None
) -> tuple[list[Record], list[str]]:
    from reconciler.agent.records import RecordStore
    from reconciler.cluster.connection import Connection

    async with await Connection.open(kubeconfig, context) as connection:
        store = RecordStore(connection=connection, namespace=namespace, name=name, uid="")
        await store.read()
        found = [record for each in sorted(store.apps()) if (record := store.get(each)) is not None]
        return found, [problem.message for problem in store.problems]


def _cells(released: Released) -> tuple[str, ...]:
    digest = released.digest.removeprefix("sha256:")[:12]
    return (
        released.version[:12],
        released.commit[:12],
        digest or "-",
        released.at or "-",
        released.current or "not yet",
    )


def _json(record: Record) -> dict[str, object]:
    fields = ("version", "commit", "digest", "path", "at", "current")
    return {"app": record.app, "releases": [{name: getattr(each, name) for name in fields} for each in record.releases]}


def _table(rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
