"""autoscaling of type KEDA becomes a ScaledObject on the SpinApp's Deployment (source: keda.sh/v1alpha1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.fleet.model import AppAssignment
from reconciler.problems import Problem
from reconciler.render.places import problem_at
from reconciler.render.spinkube import deployment_of

_RESOURCES = ("cpu", "memory")


def scaled_object(app: AppAssignment, problems: list[Problem]) -> dict[str, Any]:
    """Give the ScaledObject: triggers for cpu and memory, then the schedule's, then the others as written."""
    scaling = app.spec["autoscaling"]
    triggers: list[dict[str, Any]] = [
        {"type": name, "metricType": "Utilization", "metadata": {"value": str(scaling[name])}}
        for name in _RESOURCES
        if name in scaling
    ]
    triggers += [{"type": "cron", "metadata": _texts(entry)} for entry in scaling.get("schedule") or ()]
    triggers += [_trigger(each) for each in scaling.get("triggers") or ()]
    if not triggers:
        message = "KEDA needs a trigger, and there is none"
        hint = "set autoscaling.cpu, autoscaling.schedule or autoscaling.triggers"
        problems.append(problem_at(app, "/autoscaling", "render.autoscaling", message, hint))
    spec: dict[str, Any] = {
        "scaleTargetRef": deployment_of(app.name),
        "minReplicaCount": scaling.get("min", 1),
        "maxReplicaCount": scaling["max"],
        "triggers": triggers,
    }
    if scaling.get("behavior"):
        spec["advanced"] = {"horizontalPodAutoscalerConfig": {"behavior": scaling["behavior"]}}
    metadata = {"name": f"{app.name}-autoscaler", "namespace": app.namespace}
    return {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": metadata, "spec": spec}


def _trigger(trigger: Mapping[str, Any]) -> dict[str, Any]:
    return {**trigger, "metadata": _texts(trigger.get("metadata") or {})}


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    """Give a trigger's metadata as KEDA takes it: texts alone. YAML users write numbers and booleans."""
    return {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in values.items()}
