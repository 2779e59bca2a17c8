"""`spinfleet approve`: a person's yes to what an agent does not do by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from reconciler.cli.connected import cluster_options, existing, fleetsync_resource, place_of
from reconciler.cli.output import output_option, write

#: Fewer characters of a digest than this could be meant for more than one list.
_SHORTEST = 8


@click.group()
def approve() -> None:
    """Say yes to what an agent holds back until a person has looked at it."""


@approve.command()
@click.argument("digests", nargs=-1, metavar="[DIGEST]...")
@click.option("--yes", is_flag=True, help="Do not ask.")
@cluster_options
@output_option
def prune(
    digests: tuple[str, ...], yes: bool, fleetsync: str, kubeconfig: Path | None, context: str | None, form: str
) -> int:
    """Show what waits to be pruned in a cluster, and approve the lists named by their DIGEST.

    An approval holds for that very list, once: where something else would go by the time the agent sees it, nothing goes. Without
    DIGEST the lists are shown, and on a terminal it is asked for each. Exits with 0 where nothing waits or something was approved, else 1.
    """
    import asyncio
    import sys

    namespace, name = place_of(fleetsync)
    live = asyncio.run(_read(namespace, name, kubeconfig, context))
    lists = (live.get("status") or {}).get("waiting") or []
    if form != "text" and not digests:
        write(lists, form)
        return 1 if lists else 0
    if not lists:
        click.echo(f"{fleetsync}: nothing waits for an approval")
        return 0 if not digests else 1
    chosen = [_chosen(text, lists) for text in digests]
    if not digests:
        for each in lists:
            _show(each, fleetsync)
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            return 1
        chosen = [str(each["digest"]) for each in lists if click.confirm(f"Prune these {each['count']} objects?")]
    elif not yes and sys.stdin.isatty():
        for each in lists:
            if each["digest"] in chosen:
                _show(each, fleetsync)
        click.confirm("Prune?", abort=True)
    if not chosen:
        return 1
    asyncio.run(_approve(chosen, namespace, name, kubeconfig, context))
    click.echo(f"{fleetsync}: approved {', '.join(digest[:16] for digest in chosen)}; the agent deletes what it names")
    return 0


def _chosen(text: str, lists: Sequence[Mapping[str, Any]]) -> str:
    """Give the whole digest that is meant: of a list, or of one object of a list whose objects may go one by one."""
    from reconciler.errors import InputError
    from reconciler.plan.guard import list_digest

    if len(text) < _SHORTEST:
        raise InputError(f"{text!r} is too short for a digest", hint=f"give at least {_SHORTEST} characters of it")
    known = {str(each["digest"]) for each in lists}
    known |= {list_digest([key]) for each in lists if not each.get("guarded") for key in each.get("objects") or ()}
    found = sorted(digest for digest in known if digest.startswith(text.lower()))
    if len(found) != 1:
        raise InputError(
            f"no list that waits has the digest {text}", hint="spinfleet approve prune shows those that wait now"
        )
    return found[0]


def _show(each: Mapping[str, Any], fleetsync: str) -> None:
    from reconciler.plan.guard import list_digest

    guarded, objects = bool(each.get("guarded")), each.get("objects") or ()
    click.echo(f"{each['count']} objects wait: {each.get('reason', '')}")
    for text in objects:
        click.echo(f"  - {text}" if guarded else f"  - {text}  {list_digest([text])[:16]}")
    if each["count"] > len(objects):
        click.echo(f"  and {each['count'] - len(objects)} more; spinfleet diff shows them all")
    click.echo(f"  approve with: spinfleet approve prune {str(each['digest'])[:16]} --fleetsync {fleetsync}")
    if not guarded and each["count"] > 1:
        click.echo("  or one of them, with the digest beside it")


async def _read(namespace: str, name: str, kubeconfig: Path | None, context: str | None) -> Mapping[str, Any]:
    from reconciler.cluster.connection import Connection
    from reconciler.cluster.read import get

    async with await Connection.open(kubeconfig, context) as connection:
        resource = await fleetsync_resource(connection)
        with existing(namespace, name):
            return await get(connection, resource, namespace=namespace, name=name)


async def _approve(
    digests: Sequence[str], namespace: str, name: str, kubeconfig: Path | None, context: str | None
) -> None:
    """Write the approvals. The time makes each another one: an approval that was used never counts again."""
    import datetime as dt

    from reconciler.cluster.connection import Connection
    from reconciler.cluster.patch import merge_patch
    from reconciler.plan.guard import APPROVAL_ANNOTATION

    now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    text = ",".join(f"{digest}@{now}" for digest in digests)
    change = {"metadata": {"annotations": {APPROVAL_ANNOTATION: text}}}
    async with await Connection.open(kubeconfig, context) as connection:
        await merge_patch(connection, await fleetsync_resource(connection), change, namespace=namespace, name=name)
