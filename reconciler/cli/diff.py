"""`spinfleet diff`: what would change in a live cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.connected import cluster_options, place_of
from reconciler.cli.folder import folder_option
from reconciler.cli.output import output_option, write

if TYPE_CHECKING:
    from reconciler.cluster.connection import Connection
    from reconciler.cluster.discovery import Discovery
    from reconciler.fleet.model import Assignment
    from reconciler.plan.model import ObjectKey, Step
    from reconciler.plan.plan import Plan

_MARKS = {
    "create": ("+", "green"),
    "configure": ("~", "yellow"),
    "prune": ("-", "red"),
    "blocked": ("!", "red"),
    "unchanged": ("=", "white"),
}


@click.command()
@click.option("--cluster", required=True, metavar="NAME", help="The Cluster document that describes the live cluster.")
@folder_option()
@click.option("--revision", metavar="REV", help="Compare this commit, not the files.")
@cluster_options
@output_option
def diff(
    cluster: str,
    path: Path,
    revision: str | None,
    fleetsync: str,
    kubeconfig: Path | None,
    context: str | None,
    form: str,
) -> int:
    """Show what syncing would create, change and prune in a live cluster; secret values are hidden.

    Exits with 0 where nothing would change, 1 where something would, 2 where it could not be told.
    """
    import asyncio

    from reconciler.cli.fleets import assignment_for, withheld_problems
    from reconciler.plan.replicas import replicas_note

    assignment = assignment_for(path, cluster, revision)
    for problem in withheld_problems(assignment):
        click.echo(str(problem), err=True)
    namespace, name = place_of(fleetsync)
    plan = asyncio.run(_plan(assignment, namespace, name, kubeconfig, context))
    if form != "text":
        write([_json(step) for step in plan.changes], form)
    else:
        for step in plan.changes:
            _show(step)
        counts = ", ".join(f"{sum(1 for step in plan.steps if step.action == action)} {action}" for action in _MARKS)
        click.echo(counts, err=True)
    for note in filter(None, map(replicas_note, plan.changes)):
        click.echo(f"note: {note}", err=True)
    return 1 if plan.changes else 0


async def _plan(
    assignment: Assignment, namespace: str, name: str, kubeconfig: Path | None, context: str | None
) -> Plan:
    from reconciler.cluster.connection import Connection
    from reconciler.cluster.discovery import discover
    from reconciler.fleet.model import API_GROUP, Withheld
    from reconciler.plan.adoption import annotation_of
    from reconciler.plan.drift import drift_policy
    from reconciler.plan.membership import applyset_id, field_manager
    from reconciler.plan.model import ObjectKey, key_of
    from reconciler.plan.plan import Wish, plan
    from reconciler.plan.prepare import prepare, scaled_workloads
    from reconciler.plan.scope import in_scope
    from reconciler.render import render

    parent = (name, namespace, "FleetSync", API_GROUP)
    applyset = applyset_id(*parent)
    rendered = render(assignment).values()
    objects = [obj for each in rendered for obj in each.objects]
    defaulted = frozenset[ObjectKey]().union(*(each.defaulted for each in rendered))
    withheld = frozenset(unit.name for unit in assignment.units.values() if isinstance(unit, Withheld))
    async with await Connection.open(kubeconfig, context) as connection:
        discovery = await discover(connection)
        placed, _ = in_scope(objects, defaulted, discovery.is_namespaced)
        scaled = scaled_workloads(placed.values())
        desired = [prepare(obj, applyset, scaled) for obj in placed.values()]
        live = await _live(connection, discovery, desired, applyset)
        adoption = await _adoption(connection, discovery, namespace, name)
    wishes = {}
    for each in rendered:
        unit = assignment.units.get(each.name)
        spec = unit.spec if unit is not None and not isinstance(unit, Withheld) else {}
        for obj in each.objects:
            key = key_of(placed[key_of(obj)])
            wishes[key] = Wish(
                adoption=annotation_of(obj) or str(spec.get("adoption") or ""), drift=drift_policy(spec, key)
            )
    return plan(
        desired,
        live,
        applyset=applyset,
        withheld=withheld,
        manager=field_manager(*parent),
        wishes=wishes,
        adoption=adoption,
    )


async def _adoption(connection: Connection, discovery: Discovery, namespace: str, name: str) -> str:
    """Give the FleetSync's policy of adoption; without the FleetSync, or the right to read it, nothing is taken over."""
    from reconciler.cluster.read import get
    from reconciler.errors import ClusterError
    from reconciler.fleet.model import API_GROUP
    from reconciler.plan.adoption import NEVER

    resource = discovery.find(API_GROUP, "FleetSync")
    if resource is None:
        return NEVER
    try:
        sync = await get(connection, resource, namespace=namespace, name=name)
    except ClusterError as error:
        if error.status not in {403, 404}:
            raise
        return NEVER
    return str((sync["spec"].get("policy") or {}).get("adoption") or NEVER)


async def _live(
    connection: Connection, discovery: Discovery, desired: Iterable[Mapping[str, Any]], applyset: str
) -> dict[ObjectKey, Mapping[str, Any]]:
    """Read the members of every kind that is served and listable, and what else stands under a desired identity."""
    import asyncio

    from reconciler.cluster.read import get, list_objects
    from reconciler.errors import ClusterError
    from reconciler.plan.membership import PART_OF_LABEL
    from reconciler.plan.model import key_of

    found: dict[ObjectKey, Mapping[str, Any]] = {}
    resources = [resources[0] for resources in discovery.resources.values() if {"list", "watch"} <= resources[0].verbs]

    async def members(resource: Any) -> None:
        try:
            listed = await list_objects(connection, resource, label_selector=f"{PART_OF_LABEL}={applyset}")
        except ClusterError as error:
            if error.status not in {403, 404, 405}:
                raise
            return
        found.update((key_of(obj), obj) for obj in listed.items)

    await asyncio.gather(*(members(resource) for resource in resources))
    for obj in desired:
        key = key_of(obj)
        resource = discovery.find(key.group, key.kind, obj["apiVersion"])
        if key in found or resource is None:
            continue
        try:
            found[key] = await get(connection, resource, namespace=key.namespace, name=key.name)
        except ClusterError as error:
            if error.status != 404:
                raise
    return found


def _show(step: Step) -> None:
    mark, colour = _MARKS[str(step.action)]
    click.echo(click.style(f"{mark} {step.key}", fg=colour) + f"  ({step.owner}: {step.reason})")
    if step.action not in {"configure", "blocked"}:
        return
    for change in step.diff:
        click.echo(f"    {change.pointer}: {_text(change.live)} → {_text(change.desired)}")


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
        "diff": [{"pointer": change.pointer, "live": change.live, "desired": change.desired} for change in step.diff],
    }
