"""Kinds that the API server does not serve: gone with their definitions, or out of sight for now.

An object whose kind is not served may well exist: a definition that is being installed again, a version that is switched off, an
API of another server that does not answer. Only a definition that is confirmed to be absent took its objects with it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from reconciler.agent.workloads import Workloads
from reconciler.cluster.discovery import Resource
from reconciler.errors import ClusterError
from reconciler.plan.model import ObjectKey

_GROUP, _KIND = "apiextensions.k8s.io", "CustomResourceDefinition"


async def unserved(workloads: Workloads, kinds: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Say of each kind (group, kind) that is not served why its objects may exist, in a text that is empty where they can't.

    Kinds that are served are left out. Costs two requests where all are served, and asks for definitions only of the groups in
    question. Raises UnavailableError.
    """
    asked = [kind for kind in dict.fromkeys(kinds) if kind not in workloads.discovery.resources]
    if not asked:
        return {}
    await workloads.rediscover()
    asked = [kind for kind in asked if kind not in workloads.discovery.resources]
    unknown = {
        kind: "the server that serves its group does not answer" for kind in asked if kind[0] in workloads.discovery.failed
    }  # fmt: skip
    told = [kind for kind in asked if kind not in unknown]
    try:
        defined = await _defined(workloads, {group for group, _ in told if group})
    except ClusterError as error:
        reason = f"whether its definition is gone can't be told: {error.message}"
        return unknown | {kind: reason if kind[0] else "" for kind in told}
    return unknown | {kind: defined.get(kind, "") for kind in told}


async def _defined(workloads: Workloads, groups: Collection[str]) -> dict[tuple[str, str], str]:
    """Give the kinds that definitions of these groups have, each with what is to be said of it while it is not served."""
    resource = workloads.discovery.find(_GROUP, _KIND)
    if resource is None or not groups:
        return {}
    found: dict[tuple[str, str], str] = {}
    for item in (await workloads.metadata(resource, "")).items:
        name = item["metadata"]["name"]
        if name.partition(".")[2] in groups and (kind := await _kind(workloads, resource, name)) is not None:
            found[kind] = f"its definition {name} is there and does not serve it"
    return found


async def _kind(workloads: Workloads, resource: Resource, name: str) -> tuple[str, str] | None:
    live = await workloads.live(ObjectKey(_GROUP, _KIND, "", name), resource)
    return None if live is None else (live["spec"]["group"], live["spec"]["names"]["kind"])
