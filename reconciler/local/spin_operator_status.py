"""The status that SpinKube's operator writes on a SpinApp (spin-operator, updateStatus), with its known weaknesses.

observedGeneration is never set, and the status is taken from the Deployment before a change is carried to it: straight after
a new spec it still tells of the old one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TYPES = ("Available", "Progressing")


def status(
    app: Mapping[str, Any], deployment: Mapping[str, Any] | None, service: Mapping[str, Any] | None, *, now: str
) -> dict[str, Any]:
    """Give the status of an app whose executor makes Deployments; `now` is an RFC 3339 time."""
    before = app.get("status") or {}
    conditions = {condition["type"]: condition for condition in before.get("conditions") or ()}
    for condition in _copied(deployment):
        old = conditions.get(condition["type"])
        kept = old is not None and old["status"] == condition["status"]
        since = old["lastTransitionTime"] if old is not None and kept else now
        conditions[condition["type"]] = {**condition, "lastTransitionTime": since}
    named = {
        "deploymentName": deployment["metadata"]["name"] if deployment else before.get("deploymentName"),
        "serviceName": service["metadata"]["name"] if service else before.get("serviceName"),
    }
    return {
        "activeScheduler": app["spec"]["executor"],
        "conditions": list(conditions.values()),
        "readyReplicas": ((deployment or {}).get("status") or {}).get("readyReplicas") or 0,
        **{name: value for name, value in named.items() if value},
    }


def _copied(deployment: Mapping[str, Any] | None) -> list[dict[str, str]]:
    if deployment is None:
        told = {"status": "Unknown", "reason": "DeploymentNotFound", "message": "Deployment not found"}
        return [{"type": kind, **told} for kind in _TYPES]
    return [
        {name: condition.get(name) or "" for name in ("type", "status", "reason", "message")}
        for condition in (deployment.get("status") or {}).get("conditions") or ()
        if condition["type"] in _TYPES
    ]
