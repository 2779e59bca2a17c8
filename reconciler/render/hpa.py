"""autoscaling of type HPA becomes a HorizontalPodAutoscaler on the SpinApp's Deployment (source: autoscaling/v2)."""

from __future__ import annotations

from typing import Any

from reconciler.fleet.model import AppAssignment
from reconciler.render.labels import metadata_of
from reconciler.render.spinkube import deployment_of


def horizontal_pod_autoscaler(app: AppAssignment) -> dict[str, Any]:
    """Give the HorizontalPodAutoscaler."""
    scaling = app.spec["autoscaling"]
    metrics = [
        {"type": "Resource", "resource": {"name": name, "target": {"type": "Utilization", "averageUtilization": scaling[name]}}}
        for name in ("cpu", "memory")
        if name in scaling
    ]  # fmt: skip
    spec: dict[str, Any] = {
        "scaleTargetRef": deployment_of(app.name),
        "minReplicas": scaling.get("min", 1),
        "maxReplicas": scaling["max"],
        "metrics": metrics,
    }
    if scaling.get("behavior"):
        spec["behavior"] = scaling["behavior"]
    metadata = metadata_of(scaling.get("name", f"{app.name}-autoscaler"), app.namespace, scaling)
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata,
        "spec": spec,
    }
