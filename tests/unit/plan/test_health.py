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
         "conditions": [_condition("Available"), _condition("Progressing", "True", "NewReplicaSetAvailable")]}  # fmt: skip
_QUIET = {**_DONE, "conditions": [_condition("Available")]}
_UNAVAILABLE = {
    **_DONE,
    "conditions": [_condition("Available", "False"), _condition("Progressing", "True", "NewReplicaSetAvailable")],
}
_SETS = {"replicas": 1, "fullyLabeledReplicas": 1, "availableReplicas": 1, "readyReplicas": 1}
_STATEFUL = {
    "replicas": 2,
    "readyReplicas": 2,
    "currentReplicas": 2,
    "updatedReplicas": 2,
    "currentRevision": "a",
    "updateRevision": "a",
}
_CRD = "apiextensions.k8s.io/v1"
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
    (_object("Deployment", "apps/v1", spec={"replicas": 2}, status=_UNAVAILABLE), Health.PROGRESSING),
    (_object("Deployment", "apps/v1", spec={"replicas": 2, "progressDeadlineSeconds": 2147483647}, status=_QUIET), Health.CURRENT),
    (_object("Deployment", "apps/v1", spec={"replicas": 2, "progressDeadlineSeconds": 600}, status=_QUIET), Health.PROGRESSING),
    (_object("Deployment", "apps/v1", status={"conditions": [_condition("Stalled")]}), Health.FAILED),
    (_object("Thing", "e/v1", generation=2, status={"observedGeneration": 3}), Health.PROGRESSING),
    (_object("StatefulSet", "apps/v1", spec={"replicas": 2}, status=_STATEFUL), Health.CURRENT),
    (_object("StatefulSet", "apps/v1", spec={"replicas": 2}, status={**_STATEFUL, "updateRevision": "b"}), Health.PROGRESSING),
    (_object("StatefulSet", "apps/v1", spec={"replicas": 2}, status={**_STATEFUL, "replicas": 3}), Health.PROGRESSING),
    (_object("StatefulSet", "apps/v1", spec={"replicas": 2, "updateStrategy": {"rollingUpdate": {"partition": 1}}},
             status={**_STATEFUL, "updatedReplicas": 1, "updateRevision": "b"}), Health.CURRENT),
    (_object("ReplicaSet", "apps/v1", status=_SETS), Health.CURRENT),
    (_object("ReplicaSet", "apps/v1", status={**_SETS, "readyReplicas": 0}), Health.PROGRESSING),
    (_object("ReplicaSet", "apps/v1", status={**_SETS, "replicas": 2}), Health.PROGRESSING),
    (_object("ReplicaSet", "apps/v1", status={"conditions": [_condition("ReplicaFailure")]}), Health.PROGRESSING),
    (_object("DaemonSet", "apps/v1", status={"desiredNumberScheduled": 0}), Health.PROGRESSING),
    (_object("DaemonSet", "apps/v1", generation=1, status={"desiredNumberScheduled": 0, "observedGeneration": 1}), Health.CURRENT),
    (_object("DaemonSet", "apps/v1", generation=1, status={"desiredNumberScheduled": 1, "observedGeneration": 1}), Health.PROGRESSING),
    (_object("Job", "batch/v1", status={"startTime": "now"}), Health.CURRENT),
    (_object("Pod", status={"phase": "Running", "containerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}), Health.FAILED),
    (_object("Pod", status={"phase": "Pending", "conditions": [_condition("PodScheduled", "False", "Unschedulable")]}), Health.PROGRESSING),
    (_object("Service", spec={"type": "LoadBalancer"}, status={"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}), Health.CURRENT),
    (_object("CustomResourceDefinition", _CRD, status={"conditions": [_condition("Established", "False", "Installing")]}), Health.PROGRESSING),
    (_object("CustomResourceDefinition", _CRD, status={"conditions": [_condition("Established", "False", "Broken")]}), Health.FAILED),
    (_object("PodDisruptionBudget", "policy/v1", generation=1, status={"observedGeneration": 1}), Health.CURRENT),
    (_object("PodDisruptionBudget", "policy/v1", generation=1), Health.PROGRESSING),
    (_object("CronJob", "batch/v1"), Health.CURRENT),
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
