"""autoscaling of type HTTP: scale to zero by KEDA's HTTP add-on (source: http.keda.sh/v1alpha1).

Requests must go through the add-on's interceptor, which wakes the app. An Ingress can only name a Service of its own namespace,
so an ExternalName Service stands there for the interceptor.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.fleet.model import AppAssignment
from reconciler.problems import Problem
from reconciler.render.labels import metadata_of
from reconciler.render.places import problem_at
from reconciler.render.routes import Route
from reconciler.render.spinkube import SERVICE_PORT, deployment_of

#: Where the add-on's chart puts its interceptor.
INTERCEPTOR = "keda-add-ons-http-interceptor-proxy"
INTERCEPTOR_NAMESPACE = "keda"
INTERCEPTOR_PORT = 8080


def http_scaled_object(app: AppAssignment, routes: Sequence[Route], problems: list[Problem]) -> list[dict[str, Any]]:
    """Give the HTTPScaledObject and the Service that stands for the interceptor."""
    scaling = app.spec["autoscaling"]
    if not routes:
        message = "type HTTP tells apps apart by host, and this one has no route"
        problems.append(problem_at(app, "/autoscaling/type", "render.autoscaling", message, "add a route"))
    spec: dict[str, Any] = {
        "hosts": sorted({route.host for route in routes}),
        "pathPrefixes": sorted({route.path for route in routes}),
        "scaleTargetRef": {**deployment_of(app.name), "service": app.name, "port": SERVICE_PORT},
        "replicas": {"min": scaling.get("min", 0), "max": scaling["max"]},
    }
    for field in ("concurrency", "requestRate"):
        if field in scaling:
            spec["scalingMetric"] = {field: {"targetValue": scaling[field]}}
    if "cooldownPeriod" in scaling:
        spec["scaledownPeriod"] = scaling["cooldownPeriod"]
    scaled = {
        "apiVersion": "http.keda.sh/v1alpha1",
        "kind": "HTTPScaledObject",
        "metadata": metadata_of(app.name, app.namespace, scaling),
        "spec": spec,
    }
    return [_interceptor(app), scaled]


def interceptor_name(app: AppAssignment) -> str:
    """Give the name of the Service that stands for the interceptor in the app's namespace."""
    return f"{app.name}-interceptor"


def _interceptor(app: AppAssignment) -> dict[str, Any]:
    spec = {
        "type": "ExternalName",
        "externalName": f"{INTERCEPTOR}.{INTERCEPTOR_NAMESPACE}.svc.cluster.local",
        "ports": [{"name": "http", "port": INTERCEPTOR_PORT, "protocol": "TCP", "targetPort": INTERCEPTOR_PORT}],
    }
    metadata = {"name": interceptor_name(app), "namespace": app.namespace}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}
