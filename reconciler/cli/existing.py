"""What runs in a cluster and can be a fleet: SpinApps, executors, autoscalers, and the ways in to them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.cluster.connection import Connection
from reconciler.cluster.discovery import Discovery, Resource, discover
from reconciler.cluster.read import list_objects
from reconciler.convert.autoscaling import target_of
from reconciler.convert.objects import SPIN_GROUP

_CAPABILITIES = {
    "keda": ("keda.sh", "ScaledObject"), "keda-http": ("http.keda.sh", "HTTPScaledObject"),
    "gateway-api": ("gateway.networking.k8s.io", "HTTPRoute"), "prometheus-operator": ("monitoring.coreos.com", "PodMonitor"),
}  # fmt: skip
#: Kinds whose objects belong to a SpinApp where they name it: its Deployment, or the Service that the operator makes.
_SCALERS = (("autoscaling", "HorizontalPodAutoscaler"), ("keda.sh", "ScaledObject"))
_WAYS_IN = (
    ("networking.k8s.io", "Ingress"), ("gateway.networking.k8s.io", "HTTPRoute"), ("http.keda.sh", "HTTPScaledObject"),
)  # fmt: skip
_APP_NAME = "core.spinkube.dev/app-name"


@dataclass(frozen=True, kw_only=True, slots=True)
class Existing:
    """The objects, and what the cluster says of itself."""

    objects: tuple[Mapping[str, Any], ...]
    capabilities: tuple[str, ...]
    kubernetes: str


async def existing(kubeconfig: Path | None, context: str | None, namespace: str) -> Existing:
    """Read one namespace, or all where it is empty. Nothing is written. Raises ClusterError and UnavailableError."""
    async with await Connection.open(kubeconfig, context) as connection:
        discovery = await discover(connection)
        version = (await connection.request("GET", "/version")).body

        async def every(group: str, kind: str) -> list[Mapping[str, Any]]:
            resource = discovery.find(group, kind)
            return await _list(connection, resource, namespace) if resource is not None else []

        apps, executors = await asyncio.gather(every(SPIN_GROUP, "SpinApp"), every(SPIN_GROUP, "SpinAppExecutor"))
        names = {_place(app) for app in apps}
        found = [*apps, *executors]
        for group, kind in _SCALERS:
            scalers = await every(group, kind)
            found += [each for each in scalers if (each["metadata"]["namespace"], target_of(each)) in names]
        authentications = {
            (each["metadata"]["namespace"], name)
            for each in found
            if each["kind"] == "ScaledObject"
            for name in _authentications(each)
        }
        if authentications:
            found += [
                each for each in await every("keda.sh", "TriggerAuthentication") if _place(each) in authentications
            ]
        services = [each for each in await every("", "Service") if _selects(each, names)]
        found += services
        reached = names | {_place(each) for each in services}
        for group, kind in _WAYS_IN:
            found += [
                each
                for each in await every(group, kind)
                if any((each["metadata"]["namespace"], name) in reached for name in _services(each))
            ]
        return Existing(objects=tuple(found), capabilities=_capabilities(discovery), kubernetes=_minor(version))


async def _list(connection: Connection, resource: Resource, namespace: str) -> list[Mapping[str, Any]]:
    listed = await list_objects(connection, resource, namespace=namespace)
    # Items of a list leave out what the list says.
    return [{"apiVersion": resource.api_version, "kind": resource.kind, **item} for item in listed.items]


def _place(obj: Mapping[str, Any]) -> tuple[str, str]:
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


def _authentications(scaler: Mapping[str, Any]) -> list[str]:
    references = [trigger.get("authenticationRef") or {} for trigger in scaler["spec"].get("triggers") or ()]
    return [
        each["name"]
        for each in references
        if "name" in each and each.get("kind", "TriggerAuthentication") == "TriggerAuthentication"
    ]


def _selects(service: Mapping[str, Any], apps: set[tuple[str, str]]) -> bool:
    name = ((service.get("spec") or {}).get("selector") or {}).get(_APP_NAME)
    return (service["metadata"]["namespace"], name) in apps


def _services(value: Any) -> set[str]:
    """Give the names of Services that an Ingress, an HTTPRoute or an HTTPScaledObject leads to."""
    found: set[str] = set()
    if isinstance(value, Mapping):
        service = value.get("service")
        if isinstance(service, Mapping) and isinstance(service.get("name"), str):
            found.add(service["name"])
        elif isinstance(service, str):
            found.add(service)
        references = value.get("backendRefs")
        for each in references if isinstance(references, list) else ():
            if (
                isinstance(each, Mapping)
                and each.get("kind", "Service") == "Service"
                and isinstance(each.get("name"), str)
            ):
                found.add(each["name"])
        for below in value.values():
            found |= _services(below)
    elif isinstance(value, list):
        for below in value:
            found |= _services(below)
    return found


def _capabilities(discovery: Discovery) -> tuple[str, ...]:
    return tuple(name for name, (group, kind) in _CAPABILITIES.items() if discovery.find(group, kind) is not None)


def _minor(version: Mapping[str, Any]) -> str:
    return f"{version.get('major', '1')}.{str(version.get('minor', '')).rstrip('+')}"
