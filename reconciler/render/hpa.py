"""autoscaling of type HPA becomes a HorizontalPodAutoscaler on the SpinApp's Deployment (source: autoscaling/v2)."""

from __future__ import annotations

from typing import Any

from reconciler.fleet.model import AppAssignment
from reconciler.problems import Problem
from reconciler.render.places import problem_at
from reconciler.render.spinkube import deployment_of


def horizontal_pod_autoscaler(app: AppAssignment, problems: list[Problem]) -> dict[str, Any]:
    """Give the HorizontalPodAutoscaler; one with nothing to go by is a problem."""
    scaling = app.spec["autoscaling"]
    metrics = [
        {"type": "Resource", "resource": {"name": name, "target": {"type": "Utilization", "averageUtilization": scaling[name]}}}
        for name in ("cpu", "memory")
        if name in scaling
    ]  # fmt: skip
    if not metrics:
        message = "an HPA needs something to go by, and neither cpu nor memory is set"
        problems.append(problem_at(app, "/autoscaling", "render.autoscaling", message, "set autoscaling.cpu: 60"))
    spec: dict[str, Any] = {
        "scaleTargetRef": deployment_of(app.name),
        "minReplicas": scaling.get("min", 1),
        "maxReplicas": scaling["max"],
        "metrics": metrics,
    }
    if scaling.get("behavior"):
        spec["behavior"] = scaling["behavior"]
    metadata = {"name": f"{app.name}-autoscaler", "namespace": app.namespace}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata,
        "spec": spec,
    }
