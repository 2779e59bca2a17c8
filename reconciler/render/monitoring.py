"""monitoring becomes a PodMonitor where the cluster has the Prometheus operator (source: monitoring.coreos.com/v1)."""

from __future__ import annotations

from typing import Any

from reconciler.fleet.model import AppAssignment
from reconciler.render.spinkube import PORT_NAME, pods_of


def pod_monitor(app: AppAssignment) -> dict[str, Any]:
    """Give the PodMonitor: an endpoint of path /metrics on the app's own port, with what `monitoring` says of it instead."""
    endpoint = {"port": PORT_NAME, "path": "/metrics", **app.spec["monitoring"]}
    spec = {"selector": pods_of(app.name), "podMetricsEndpoints": [endpoint]}
    metadata = {"name": app.name, "namespace": app.namespace}
    return {"apiVersion": "monitoring.coreos.com/v1", "kind": "PodMonitor", "metadata": metadata, "spec": spec}
