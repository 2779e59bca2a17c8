"""autoscaling of type KEDA becomes a ScaledObject on the SpinApp's Deployment (source: keda.sh/v1alpha1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.fleet.model import AppAssignment
from reconciler.render.labels import metadata_of
from reconciler.render.spinkube import deployment_of

_API_VERSION = "keda.sh/v1alpha1"
_RESOURCES = ("cpu", "memory")


def scaled_object(app: AppAssignment) -> dict[str, Any]:
    """Give the ScaledObject: triggers for cpu and memory, then the schedule's, then the others as written."""
    scaling = app.spec["autoscaling"]
    triggers: list[dict[str, Any]] = [
        {"type": name, "metricType": "Utilization", "metadata": {"value": str(scaling[name])}}
        for name in _RESOURCES
        if name in scaling
    ]
    triggers += [{"type": "cron", "metadata": _texts(entry)} for entry in scaling.get("schedule") or ()]
    triggers += [_trigger(app, index, each) for index, each in enumerate(scaling.get("triggers") or ())]
    spec: dict[str, Any] = {
        "scaleTargetRef": deployment_of(app.name),
        "minReplicaCount": scaling.get("min", 1),
        "maxReplicaCount": scaling["max"],
    }
    spec |= {field: scaling[field] for field in ("pollingInterval", "cooldownPeriod") if field in scaling}
    spec["triggers"] = triggers
    if scaling.get("behavior"):
        spec["advanced"] = {"horizontalPodAutoscalerConfig": {"behavior": scaling["behavior"]}}
    metadata = metadata_of(scaling.get("name", f"{app.name}-autoscaler"), app.namespace, scaling)
    return {"apiVersion": _API_VERSION, "kind": "ScaledObject", "metadata": metadata, "spec": spec}


def trigger_authentications(app: AppAssignment) -> list[dict[str, Any]]:
    """Give the TriggerAuthentication of each trigger that says how it logs in."""
    return [
        {
            "apiVersion": _API_VERSION,
            "kind": "TriggerAuthentication",
            "metadata": {"name": _authentication_name(app, index), "namespace": app.namespace},
            "spec": trigger["authentication"],
        }
        for index, trigger in enumerate(app.spec["autoscaling"].get("triggers") or ())
        if "authentication" in trigger
    ]


def _authentication_name(app: AppAssignment, index: int) -> str:
    return f"{app.name}-trigger-{index + 1}"


def _trigger(app: AppAssignment, index: int, trigger: Mapping[str, Any]) -> dict[str, Any]:
    passed = {key: value for key, value in trigger.items() if key != "authentication"}
    if "authentication" in trigger:
        passed["authenticationRef"] = {"name": _authentication_name(app, index)}
    return {**passed, "metadata": _texts(trigger.get("metadata") or {})}


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    """Give a trigger's metadata as KEDA takes it: texts alone. YAML users write numbers and booleans."""
    return {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in values.items()}
