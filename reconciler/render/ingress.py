"""Routes of an app as one Ingress for each class and set of labels and annotations (source: networking.k8s.io/v1)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from reconciler.fleet.model import AppAssignment
from reconciler.render.keda_http import INTERCEPTOR_PORT, interceptor_name
from reconciler.render.labels import metadata_of
from reconciler.render.routes import Route
from reconciler.render.spinkube import SERVICE_PORT


def ingresses(app: AppAssignment, routes: Sequence[Route]) -> list[dict[str, Any]]:
    """Give the Ingresses of the routes that name no gateway; routes that differ in class, labels or annotations need an object each."""
    groups: dict[str, list[Route]] = {}
    for route in routes:
        if "gateway" not in route.entry:
            sort = [route.entry.get(field) or None for field in ("ingressClass", "labels", "annotations")]
            groups.setdefault(json.dumps(sort, sort_keys=True), []).append(route)
    return [
        _ingress(app, app.name if number == 0 else f"{app.name}-{number + 1}", group)
        for number, group in enumerate(groups.values())
    ]


def _ingress(app: AppAssignment, name: str, routes: Sequence[Route]) -> dict[str, Any]:
    first = routes[0].entry
    spec: dict[str, Any] = {"rules": _rules(_backend(app), routes)}
    if first.get("ingressClass"):
        spec["ingressClassName"] = first["ingressClass"]
    if tls := _tls(routes):
        spec["tls"] = tls
    metadata = metadata_of(name, app.namespace, first)
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": spec}


def _backend(app: AppAssignment) -> dict[str, Any]:
    if (app.spec.get("autoscaling") or {}).get("type") == "HTTP":
        return {"service": {"name": interceptor_name(app), "port": {"number": INTERCEPTOR_PORT}}}
    return {"service": {"name": app.name, "port": {"number": SERVICE_PORT}}}


def _rules(backend: dict[str, Any], routes: Sequence[Route]) -> list[dict[str, Any]]:
    by_host: dict[str, list[dict[str, Any]]] = {}
    for route in routes:
        path = {"path": route.path, "pathType": route.match, "backend": backend}
        by_host.setdefault(route.host, []).append(path)
    return [{"host": host, "http": {"paths": paths}} for host, paths in sorted(by_host.items())]


def _tls(routes: Sequence[Route]) -> list[dict[str, Any]]:
    hosts: dict[str, set[str]] = {}
    for route in routes:
        if route.entry.get("tls"):
            hosts.setdefault(route.entry["tls"], set()).add(route.host)
    return [{"hosts": sorted(names), "secretName": secret} for secret, names in sorted(hosts.items())]
