"""Reading what a plan is compared with: the members of a FleetSync, and what else stands where it wants to have something."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.agent.desired import Desired
from reconciler.agent.workloads import Workloads
from reconciler.cluster.answers import FORBIDDEN
from reconciler.cluster.discovery import Resource
from reconciler.errors import ClusterError, SpinfleetError
from reconciler.plan.membership import Extent, group_kind
from reconciler.plan.model import ObjectKey, key_of

#: From this many objects of one kind and namespace on, one LIST that tells which are there is cheaper than a GET each.
_LIST_FROM = 4
#: Stands for the name, and the namespace, of objects that could not be listed.
ANY = "*"


@dataclass(kw_only=True, slots=True)
class Survey:
    """The live objects, and why others could not be read: single ones, or (named `*`) all members of a kind in a namespace."""

    live: dict[ObjectKey, Mapping[str, Any]] = field(default_factory=dict)
    unread: dict[ObjectKey, str] = field(default_factory=dict)


async def survey(workloads: Workloads, extent: Extent, namespaces: Iterable[str], wanted: Iterable[Desired]) -> Survey:
    """Read the members within an extent, and what stands under a wanted identity.

    `namespaces` are those in which members are looked for where they can't be listed for the whole cluster. What can't be read is told
    in the answer, and stops nothing else.
    """
    found, items = Survey(), tuple(wanted)
    versions = {(item.key.group, item.key.kind): item.api_version for item in items}
    kinds = [workloads.discovery.find(*kind, versions.get(kind, "")) for kind in map(group_kind, extent.group_kinds)]
    await asyncio.gather(*(_members(workloads, kind, tuple(namespaces), found) for kind in kinds if kind is not None))
    groups: dict[tuple[Resource, str], list[Desired]] = {}
    for item in items:
        resource = workloads.discovery.find(item.key.group, item.key.kind, item.api_version)
        if resource is not None and item.key not in found.live:
            groups.setdefault((resource, item.key.namespace), []).append(item)
    await asyncio.gather(*(_others(workloads, *place, group, found) for place, group in groups.items()))
    return found


async def _members(workloads: Workloads, resource: Resource, namespaces: tuple[str, ...], found: Survey) -> None:
    try:
        listed = await workloads.members(resource)
    except ClusterError as error:
        if error.status == FORBIDDEN and resource.namespaced and namespaces:
            await asyncio.gather(*(_members_in(workloads, resource, each, found) for each in namespaces))
        else:
            found.unread[ObjectKey(resource.group, resource.kind, "", ANY)] = _unlisted(error)
    else:
        found.live.update((key_of(obj), obj) for obj in listed.items)


async def _members_in(workloads: Workloads, resource: Resource, namespace: str, found: Survey) -> None:
    try:
        listed = await workloads.members(resource, namespace)
    except ClusterError as error:
        found.unread[ObjectKey(resource.group, resource.kind, namespace, ANY)] = _unlisted(error)
    else:
        found.live.update((key_of(obj), obj) for obj in listed.items)


def _unlisted(error: ClusterError) -> str:
    return f"what of these would be pruned is not known: {error.message}"


async def _others(
    workloads: Workloads, resource: Resource, namespace: str, items: list[Desired], found: Survey
) -> None:
    """Read what stands under wanted identities and is no member: of many, first which are there at all."""
    if len(items) >= _LIST_FROM:
        try:
            listed = await workloads.metadata(resource, namespace)
        except SpinfleetError:
            pass  # each is then asked for by itself, and says why it can't be read
        else:
            names = {entry["metadata"]["name"] for entry in listed.items}
            items = [item for item in items if item.key.name in names]
    await asyncio.gather(*(_other(workloads, resource, item.key, found) for item in items))


async def _other(workloads: Workloads, resource: Resource, key: ObjectKey, found: Survey) -> None:
    try:
        live = await workloads.live(key, resource)
    except SpinfleetError as error:
        found.unread[key] = f"what is there can't be read: {error.message}"
    else:
        if live is not None:
            found.live[key] = live
