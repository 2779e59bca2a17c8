"""disruption becomes a PodDisruptionBudget of the app's pods (source: policy/v1)."""

from __future__ import annotations

from typing import Any

from reconciler.fleet.model import AppAssignment
from reconciler.render.spinkube import pods_of


def pod_disruption_budget(app: AppAssignment) -> dict[str, Any]:
    """Give the PodDisruptionBudget."""
    spec = {"selector": pods_of(app.name), **app.spec["disruption"]}
    metadata = {"name": app.name, "namespace": app.namespace}
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata, "spec": spec}
