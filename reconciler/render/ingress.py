"""Routes of an app as one Ingress for each class and set of annotations (source: networking.k8s.io/v1)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.fleet.model import AppAssignment

_SERVICE_PORT = 80


def ingresses(app: AppAssignment) -> list[dict[str, Any]]:
    """Give the Ingresses of an app's routes that name no gateway; routes that differ in class or annotations need an object each."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for route in app.spec.get("routes") or ():
        if "gateway" not in route:
            kind = json.dumps([route.get("ingressClass", ""), route.get("annotations") or {}], sort_keys=True)
            groups.setdefault(kind, []).append(route)
    return [
        _ingress(app, app.name if number == 0 else f"{app.name}-{number + 1}", routes)
        for number, routes in enumerate(groups.values())
    ]


def _ingress(app: AppAssignment, name: str, routes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    spec: dict[str, Any] = {"rules": _rules(app.name, routes)}
    if routes[0].get("ingressClass"):
        spec["ingressClassName"] = routes[0]["ingressClass"]
    if tls := _tls(routes):
        spec["tls"] = tls
    metadata: dict[str, Any] = {"name": name, "namespace": app.namespace}
    if routes[0].get("annotations"):
        metadata["annotations"] = dict(routes[0]["annotations"])
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": spec}


def _rules(service: str, routes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    by_host: dict[str, list[dict[str, Any]]] = {}
    for route in routes:
        backend = {"service": {"name": service, "port": {"number": _SERVICE_PORT}}}
        path = {"path": route.get("path", "/"), "pathType": route.get("match", "Prefix"), "backend": backend}
        by_host.setdefault(route["host"], []).append(path)
    return [{"host": host, "http": {"paths": paths}} for host, paths in sorted(by_host.items())]


def _tls(routes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    hosts: dict[str, set[str]] = {}
    for route in routes:
        if route.get("tls"):
            hosts.setdefault(route["tls"], set()).add(route["host"])
    return [{"hosts": sorted(names), "secretName": secret} for secret, names in sorted(hosts.items())]
