"""`spinfleet diff`: what would change in a live cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.connected import cluster_options, place_of
from reconciler.cli.folder import folder_option
from reconciler.cli.output import output_option, write

if TYPE_CHECKING:
    from reconciler.agent.differences import Place
    from reconciler.fleet.model import Assignment
    from reconciler.plan.model import FieldChange, Step

_MARKS = {
    "create": ("+", "green"),
    "configure": ("~", "yellow"),
    "prune": ("-", "red"),
    "blocked": ("!", "red"),
    "unknown": ("?", "magenta"),
    "unchanged": ("=", "white"),
}


@click.command()
@click.option("--cluster", required=True, metavar="NAME", help="The Cluster document that describes the live cluster.")
@folder_option()
@click.option("--revision", metavar="REV", help="Compare this commit, not the files.")
@cluster_options
@click.option(
    "--as",
    "user",
    default="",
    metavar="USER",
    help="Read and ask as this user, such as the FleetSync's system:serviceaccount:NAMESPACE:NAME (impersonated; default: as yourself).",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 256),
    default=16,
    show_default=True,
    help="How many requests at once.",
)
@output_option
def diff(
    cluster: str,
    path: Path,
    revision: str | None,
    fleetsync: str,
    kubeconfig: Path | None,
    context: str | None,
    user: str,
    concurrency: int,
    form: str,
) -> int:
    """Show what syncing would create, change and prune in a live cluster; secret values are hidden.

    Objects are sent as the agent would send them, as a dry run: what the server defaults, changes or refuses is shown. Nothing is
    written. Exits with 0 where nothing would change, 1 where something would, 2 where something could not be told (marked ?).
    """
    import asyncio

    from reconciler.agent.differences import Place
    from reconciler.agent.install import NAMESPACE
    from reconciler.cli.fleets import assignment_for, withheld_problems
    from reconciler.plan.replicas import replicas_note

    assignment = assignment_for(path, cluster, revision)
    for problem in withheld_problems(assignment):
        click.echo(str(problem), err=True)
    namespace, name = place_of(fleetsync)
    place = Place(namespace=namespace, name=name, user=user, at_once=concurrency, agent_namespace=NAMESPACE)
    steps, notes = asyncio.run(_differences(assignment, place, kubeconfig, context))
    changes = [step for step in steps if step.action != "unchanged"]
    if form != "text":
        write([_json(step) for step in changes], form)
    else:
        for step in changes:
            _show(step)
        counts = ", ".join(f"{sum(1 for step in steps if step.action == action)} {action}" for action in _MARKS)
        click.echo(counts, err=True)
    for note in (*notes, *filter(None, map(replicas_note, changes))):
        click.echo(f"note: {note}", err=True)
    if any(step.action == "unknown" for step in steps):
        return 2
    return 1 if changes else 0


async def _differences(
    assignment: Assignment, place: Place, kubeconfig: Path | None, context: str | None
) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    from reconciler.agent.differences import differences
    from reconciler.cluster.connection import Connection

    async with await Connection.open(kubeconfig, context) as connection:
        return await differences(connection, assignment, place)


def _show(step: Step) -> None:
    mark, colour = _MARKS[str(step.action)]
    owner = f"{step.owner}: " if step.owner else ""
    click.echo(click.style(f"{mark} {step.key}", fg=colour) + f"  ({owner}{step.reason})")
    if step.action not in {"configure", "blocked"}:
        return
    for change in step.diff:
        by = f"  (set by {', '.join(change.set_by)})" if change.set_by else ""
        click.echo(f"    {change.pointer}: {_text(change.live)} → {_text(change.desired)}{by}")


def _text(value: Any) -> str:
    import json

    return "absent" if value is None else json.dumps(value, ensure_ascii=False)


def _json(step: Step) -> dict[str, Any]:
    key = step.key
    return {
        "action": str(step.action),
        "object": {"group": key.group, "kind": key.kind, "namespace": key.namespace, "name": key.name},
        "app": step.owner,
        "reason": step.reason,
        "diff": [_field(change) for change in step.diff],
    }


def _field(change: FieldChange) -> dict[str, Any]:
    told = {"pointer": change.pointer, "live": change.live, "desired": change.desired}
    return {**told, "setBy": list(change.set_by)} if change.set_by else told
