"""Routes through a Gateway as HTTPRoutes: one for each gateway and host (source: gateway.networking.k8s.io/v1)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from reconciler.fleet.model import AppAssignment
from reconciler.problems import Problem
from reconciler.render.keda_http import INTERCEPTOR, INTERCEPTOR_NAMESPACE, INTERCEPTOR_PORT
from reconciler.render.labels import metadata_of
from reconciler.render.places import warning_at
from reconciler.render.routes import Route
from reconciler.render.spinkube import SERVICE_PORT

#: Of one rule (source: HTTPRouteRule, matches).
_MOST_MATCHES = 64
_MATCHES = {"Prefix": "PathPrefix", "Exact": "Exact"}


def http_routes(app: AppAssignment, routes: Sequence[Route], problems: list[Problem]) -> list[dict[str, Any]]:
    """Give the HTTPRoutes of the routes that name a gateway."""
    groups: dict[str, list[Route]] = {}
    for route in routes:
        if "gateway" in route.entry:
            sort = [
                route.entry["gateway"],
                route.host,
                *(route.entry.get(part) or {} for part in ("labels", "annotations")),
            ]
            groups.setdefault(json.dumps(sort, sort_keys=True), []).append(route)
    if groups and _intercepted(app):
        message = f"the HTTPRoute leads to the interceptor in namespace {INTERCEPTOR_NAMESPACE}"
        hint = "a ReferenceGrant there must let HTTPRoutes of this namespace refer to Services"
        problems.append(warning_at(app, "/autoscaling/type", "render.reference-grant", message, hint))
    parts = [group[at : at + _MOST_MATCHES] for group in groups.values() for at in range(0, len(group), _MOST_MATCHES)]
    return [
        _http_route(app, app.name if number == 0 else f"{app.name}-{number + 1}", part)
        for number, part in enumerate(parts)
    ]


def _intercepted(app: AppAssignment) -> bool:
    return (app.spec.get("autoscaling") or {}).get("type") == "HTTP"


def _http_route(app: AppAssignment, name: str, routes: Sequence[Route]) -> dict[str, Any]:
    first = routes[0].entry
    backend: dict[str, Any] = {"name": app.name, "port": SERVICE_PORT}
    if _intercepted(app):
        backend = {"name": INTERCEPTOR, "namespace": INTERCEPTOR_NAMESPACE, "port": INTERCEPTOR_PORT}
    metadata = metadata_of(name, app.namespace, first)
    matches = [{"path": {"type": _MATCHES[route.match], "value": route.path}} for route in routes]
    spec = {
        "parentRefs": [dict(first["gateway"])],
        "hostnames": [routes[0].host],
        "rules": [{"matches": matches, "backendRefs": [backend]}],
    }
    return {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": metadata, "spec": spec}
