from __future__ import annotations

from typing import Any

import pytest

from reconciler.plan.health import health, worst
from reconciler.plan.model import Health, HealthResult


def _object(kind: str, api: str = "v1", *, spec: Any = None, status: Any = None, **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": {"name": "x", **metadata},
        "spec": spec or {},
        "status": status or {},
    }


def _condition(kind: str, status: str = "True", reason: str = "") -> dict[str, str]:
    return {"type": kind, "status": status, "reason": reason}


_DONE = {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, "readyReplicas": 2,
         "conditions": [_condition("Progressing", "True", "NewReplicaSetAvailable")]}  # fmt: skip
_LATE = {"conditions": [_condition("Progressing", "False", "ProgressDeadlineExceeded")]}

_CASES = [
    (_object("ConfigMap"), Health.CURRENT),
    (_object("ConfigMap", deletionTimestamp="now", finalizers=["f"]), Health.TERMINATING),
    (_object("Thing", "e/v1", generation=2, status={"observedGeneration": 1}), Health.PROGRESSING),
    (_object("Thing", "e/v1", status={"conditions": [_condition("Ready", "False")]}), Health.PROGRESSING),
    (_object("Thing", "e/v1", status={"conditions": [_condition("Ready")]}), Health.CURRENT),
    (_object("Thing", "e/v1", status={"conditions": [_condition("Stalled"), _condition("Ready")]}), Health.FAILED),
    (_object("Thing", "e/v1", status={"conditions": [_condition("Reconciling")]}), Health.PROGRESSING),
    (_object("Deployment", "apps/v1", spec={"replicas": 2}, status=_DONE), Health.CURRENT),
    (_object("Deployment", "apps/v1", spec={"replicas": 3}, status=_DONE), Health.PROGRESSING),
    (_object("Deployment", "apps/v1", spec={"replicas": 1}, status=_DONE), Health.PROGRESSING),
    (_object("Deployment", "apps/v1", spec={"replicas": 2}, status=_LATE), Health.FAILED),
    (_object("StatefulSet", "apps/v1", spec={"replicas": 1}, status={"replicas": 1, "readyReplicas": 0}), Health.PROGRESSING),
    (_object("DaemonSet", "apps/v1"), Health.PROGRESSING),
    (_object("DaemonSet", "apps/v1", status={"desiredNumberScheduled": 0}), Health.CURRENT),
    (_object("Job", "batch/v1", status={"conditions": [_condition("Failed")]}), Health.FAILED),
    (_object("Job", "batch/v1", status={"conditions": [_condition("Complete")]}), Health.CURRENT),
    (_object("Job", "batch/v1"), Health.PROGRESSING),
    (_object("Pod", status={"phase": "Running", "conditions": [_condition("Ready")]}), Health.CURRENT),
    (_object("Pod", status={"phase": "Pending"}), Health.PROGRESSING),
    (_object("PersistentVolumeClaim", status={"phase": "Bound"}), Health.CURRENT),
    (_object("PersistentVolumeClaim", status={"phase": "Pending"}), Health.PROGRESSING),
    (_object("Service", spec={"type": "ClusterIP"}), Health.CURRENT),
    (_object("Service", spec={"type": "LoadBalancer"}), Health.PROGRESSING),
    (_object("CustomResourceDefinition", "apiextensions.k8s.io/v1", status={"conditions": [_condition("Established")]}), Health.CURRENT),
    (_object("CustomResourceDefinition", "apiextensions.k8s.io/v1", status={"conditions": [_condition("NamesAccepted", "False")]}), Health.FAILED),
]  # fmt: skip


@pytest.mark.parametrize(("obj", "expected"), _CASES, ids=lambda value: getattr(value, "value", None) or value["kind"])
def test_health_follows_kstatus(obj: dict[str, Any], expected: Health) -> None:
    assert health(obj).health is expected


def test_the_worst_object_decides_for_the_app_and_is_named() -> None:
    results = {
        "a": HealthResult(Health.CURRENT),
        "b": HealthResult(Health.FAILED, "crashes"),
        "c": HealthResult(Health.PROGRESSING, "waits"),
    }
    assert worst(results) == HealthResult(Health.FAILED, "b: crashes")


def test_an_app_of_no_objects_is_current() -> None:
    assert worst({}).health is Health.CURRENT
