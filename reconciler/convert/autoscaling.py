"""A HorizontalPodAutoscaler or ScaledObject on a SpinApp's Deployment becomes the App's `autoscaling`, where an App can say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_RESOURCES = ("cpu", "memory")
_KEDA_FIELDS = frozenset(
    {
        "scaleTargetRef",
        "minReplicaCount",
        "maxReplicaCount",
        "triggers",
        "advanced",
        "pollingInterval",
        "cooldownPeriod",
    }
)


class Unsayable(Exception):  # noqa: N818 - a finding, told to the user; nothing went wrong
    """Why an App has no words for an object."""


def target_of(scaler: Mapping[str, Any]) -> str | None:
    """Give the name of the Deployment that a scaler targets; None for another kind."""
    target = (scaler.get("spec") or {}).get("scaleTargetRef") or {}
    version, kind = target.get("apiVersion") or "apps/v1", target.get("kind") or "Deployment"
    return target.get("name") if (version, kind) == ("apps/v1", "Deployment") else None


def autoscaling_of(app: str, scaler: Mapping[str, Any]) -> dict[str, Any]:
    """Give the `autoscaling` of an App. Raises Unsayable."""
    spec = scaler["spec"]
    if scaler["kind"] == "ScaledObject":
        found = _keda(spec)
    elif scaler["apiVersion"] == "autoscaling/v2":
        found = _hpa(spec)
    else:
        raise Unsayable(f"apiVersion {scaler['apiVersion']} is not read here: use autoscaling/v2")
    name = scaler["metadata"]["name"]
    return found if name == f"{app}-autoscaler" else {"type": found["type"], "name": name, **found}


def _hpa(spec: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "HPA", "min": spec.get("minReplicas", 1), "max": spec.get("maxReplicas", 1)}
    for metric in spec.get("metrics") or ():
        resource = metric.get("resource") or {}
        target = resource.get("target") or {}
        name = resource.get("name")
        if (
            metric.get("type") != "Resource"
            or name not in _RESOURCES
            or target.get("type") != "Utilization"
            or name in found
        ):
            raise Unsayable(
                f"metric {metric.get('type')} {name or ''}: an App has cpu and memory, each in percent of the request".replace(
                    " :", ":"
                )
            )
        found[name] = target.get("averageUtilization")
    if spec.get("behavior"):
        found["behavior"] = spec["behavior"]
    return found


def _keda(spec: Mapping[str, Any]) -> dict[str, Any]:
    if unknown := sorted(spec.keys() - _KEDA_FIELDS):
        raise Unsayable(f"an App has no words for {', '.join(unknown)}")
    found: dict[str, Any] = {
        "type": "KEDA",
        "min": spec.get("minReplicaCount", 0),
        "max": spec.get("maxReplicaCount", 100),
    }
    found |= {name: spec[name] for name in ("pollingInterval", "cooldownPeriod") if name in spec}
    if (behavior := _behavior(spec.get("advanced"))) is not None:
        found["behavior"] = behavior
    rest = list(spec.get("triggers") or ())
    for name in _RESOURCES:
        if rest and (value := _utilization(rest[0], name)) is not None:
            found[name] = value
            rest.pop(0)
    if rest:
        found["triggers"] = rest
    return found


def _behavior(advanced: Any) -> Any:
    if not advanced:
        return None
    config = advanced.get("horizontalPodAutoscalerConfig") or {}
    if advanced.keys() - {"horizontalPodAutoscalerConfig"} or config.keys() - {"behavior"}:
        raise Unsayable("of advanced, an App has horizontalPodAutoscalerConfig.behavior alone")
    return config.get("behavior")


def _utilization(trigger: Mapping[str, Any], name: str) -> int | None:
    """Give the percentage of a trigger that says no more than `cpu: N` or `memory: N`."""
    value = (trigger.get("metadata") or {}).get("value")
    plain = {"type": name, "metricType": "Utilization", "metadata": {"value": value}}
    return int(value) if trigger == plain and isinstance(value, str) and value.isascii() and value.isdecimal() else None
