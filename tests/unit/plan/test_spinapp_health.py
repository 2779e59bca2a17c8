from __future__ import annotations

from typing import Any

import pytest

from reconciler.plan.health import spinapp_health
from reconciler.plan.model import Health

_APP: dict[str, Any] = {
    "apiVersion": "core.spinkube.dev/v1alpha1",
    "kind": "SpinApp",
    "metadata": {"name": "shop", "uid": "u1", "generation": 7},
    "spec": {"image": "i@sha256:1", "replicas": 2, "variables": [{"name": "greeting", "value": "hi"}]},
    # What the operator leaves behind after a change of spec: it says nothing.
    "status": {"conditions": [{"type": "Available", "status": "True"}, {"type": "Progressing", "status": "True"}]},
}


def _deployment(**changes: Any) -> dict[str, Any]:
    env = [{"name": "SPIN_VARIABLE_GREETING", "value": changes.get("greeting", "hi")}]
    ready = changes.get("ready", 2)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "shop", "generation": 3, "ownerReferences": [{"uid": changes.get("owner", "u1")}]},
        "spec": {
            "replicas": changes.get("replicas", 2),
            "template": {"spec": {"containers": [{"image": changes.get("image", "i@sha256:1"), "env": env}]}},
        },
        "status": {
            "observedGeneration": changes.get("observed", 3),
            "replicas": 2, "updatedReplicas": ready, "availableReplicas": ready, "readyReplicas": ready,
            "conditions": [
                {"type": "Available", "status": "True"},
                {"type": "Progressing", "status": "True", "reason": changes.get("reason", "NewReplicaSetAvailable")},
            ],
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Health.CURRENT),
        ({"owner": "another"}, Health.FAILED),
        ({"image": "i@sha256:0"}, Health.PROGRESSING),
        ({"greeting": "earlier"}, Health.PROGRESSING),
        ({"replicas": 1}, Health.PROGRESSING),
        ({"observed": 2}, Health.PROGRESSING),
        ({"ready": 1}, Health.PROGRESSING),
        ({"reason": "ReplicaSetUpdated"}, Health.PROGRESSING),
        ({"reason": "ProgressDeadlineExceeded"}, Health.FAILED),
    ],
)
def test_a_spinapp_is_as_healthy_as_the_deployment_made_of_it(changes: Any, expected: Health) -> None:
    assert spinapp_health(_APP, _deployment(**changes)).health is expected


def test_a_spinapp_without_its_deployment_waits_for_the_operator() -> None:
    assert spinapp_health(_APP, None).health is Health.PROGRESSING


def test_nothing_is_waited_for_where_the_executor_makes_no_deployment() -> None:
    assert spinapp_health(_APP, None, has_deployment=False).health is Health.CURRENT


def test_a_spinapp_being_deleted_is_terminating() -> None:
    app = {**_APP, "metadata": {**_APP["metadata"], "deletionTimestamp": "now"}}
    assert spinapp_health(app, _deployment()).health is Health.TERMINATING
