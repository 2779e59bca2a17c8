"""The live objects of a FleetSync as whoever has the rights to read them sees them: for people, beside the agent or without it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.agent.spinapps import APP_LABEL, SpinApps
from reconciler.agent.spinapps import GROUP as SPIN_GROUP
from reconciler.cluster.connection import Connection
from reconciler.cluster.discovery import discover
from reconciler.cluster.read import list_objects
from reconciler.errors import ClusterError
from reconciler.plan.membership import ID_LABEL, PART_OF_LABEL, group_kind, recorded_extent
from reconciler.plan.model import HealthResult, ObjectKey, key_of
from reconciler.render.model import APP_ANNOTATION


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveObject:
    """One member: its app, its health, and when it was last written (RFC 3339; empty where unknown) by which field manager."""

    key: ObjectKey
    owner: str
    health: HealthResult
    written: str
    writer: str

    def to_json(self) -> dict[str, str]:
        """Give it as JSON."""
        return {
            "object": str(self.key),
            "health": str(self.health.health),
            "message": self.health.message,
            "lastChange": self.written,
            "changedBy": self.writer,
        }


async def live_objects(
    connection: Connection, fleetsync: Mapping[str, Any], apps: frozenset[str]
) -> tuple[tuple[LiveObject, ...], tuple[str, ...]]:
    """Give the members that belong to some apps, by key, and what could not be read of them.

    Costs one LIST for each kind that the FleetSync's ApplySet says it has. Raises UnavailableError.
    """
    metadata = fleetsync["metadata"]
    extent = recorded_extent(metadata.get("annotations") or {})
    selector = f"{PART_OF_LABEL}={(metadata.get('labels') or {}).get(ID_LABEL, '')}"
    discovery = await discover(connection)
    found: list[Mapping[str, Any]] = []
    unread: list[str] = []
    deployments: list[Mapping[str, Any]] = []
    for kind in sorted(extent.group_kinds):
        resource = discovery.find(*group_kind(kind))
        if resource is None:
            unread.append(f"{kind} is not served")
            continue
        try:
            found += (await list_objects(connection, resource, label_selector=selector)).items
        except ClusterError as error:
            unread.append(error.message)
    resource = discovery.find("apps", "Deployment")
    if resource is not None and any(key_of(obj).group == SPIN_GROUP for obj in found):
        try:
            deployments += (await list_objects(connection, resource, label_selector=APP_LABEL)).items
        except ClusterError as error:
            unread.append(error.message)
    return _judged(found, deployments, apps), tuple(unread)


def _judged(
    found: Iterable[Mapping[str, Any]], deployments: Iterable[Mapping[str, Any]], apps: frozenset[str]
) -> tuple[LiveObject, ...]:
    objects = list(found)
    executors = {
        (key.namespace, key.name): bool(obj["spec"].get("createDeployment", True))
        for obj in objects
        if (key := key_of(obj)).kind == "SpinAppExecutor"
    }
    spinapps = SpinApps(has_deployment=lambda namespace, name: executors.get((namespace, name), True))
    for deployment in deployments:
        spinapps.deployment(deployment)
    judged = [_live(obj, spinapps) for obj in objects]
    return tuple(sorted((each for each in judged if each.owner in apps), key=lambda each: (each.owner, each.key)))


def _live(obj: Mapping[str, Any], spinapps: SpinApps) -> LiveObject:
    metadata = obj["metadata"]
    # A status is written all the time; what people ask for is who last wrote what the object should be.
    entries = [
        (str(entry.get("time") or ""), str(entry.get("manager") or ""))
        for entry in metadata.get("managedFields") or ()
        if not entry.get("subresource")
    ]
    written, writer = max(entries, default=("", ""))
    return LiveObject(
        key=key_of(obj),
        owner=str((metadata.get("annotations") or {}).get(APP_ANNOTATION, "")),
        health=spinapps.health_of(obj),
        written=written,
        writer=writer,
    )
