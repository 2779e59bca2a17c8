from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.plan.model import Action, FieldChange, ObjectKey, Step
from reconciler.plan.replicas import hold, is_autoscaled, replicas_note


def _step(live: Any, desired: Any, *, kind: str = "SpinApp", action: Action = Action.CONFIGURE) -> Step:
    key = ObjectKey("core.spinkube.dev", kind, "shop", "checkout")
    change = FieldChange("/spec/enableAutoscaling", live, desired)
    return Step(action=action, key=key, owner="checkout", reason="", diff=(change,))


@pytest.mark.parametrize("live", [None, False])
def test_turning_autoscaling_on_for_a_running_app_is_told(live: Any) -> None:
    step = _step(live, desired=True)
    assert "the pods that run stay" in replicas_note(step)
    switched = replace(step, diff=(*step.diff, FieldChange("/spec/replicas", 3, None)))
    assert "the 3 pods that run stay" in replicas_note(switched)


def test_nothing_else_is() -> None:
    assert replicas_note(_step(live=True, desired=None)) == ""
    assert replicas_note(_step(None, desired=True, action=Action.CREATE)) == ""
    assert replicas_note(_step(None, desired=True, kind="Deployment")) == ""


def _live(*appliers: str, updater: str = "") -> dict[str, Any]:
    fields = {"f:spec": {"f:replicas": {}}}
    managed = [{"manager": name, "operation": "Apply", "fieldsV1": fields} for name in appliers]
    managed += [{"manager": updater, "operation": "Update", "fieldsV1": fields, "subresource": "scale"}]
    metadata = {"name": "web", "namespace": "shop", "uid": "u", "resourceVersion": "7", "managedFields": managed}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {"replicas": 4, "paused": False},
    }


def test_what_is_held_is_the_number_of_this_very_object() -> None:
    assert hold(_live("spin-operator"), "ours-replicas") == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "uid": "u"},
        "spec": {"replicas": 4},
    }


def test_a_number_that_nobody_can_let_go_of_or_that_is_held_is_left_alone() -> None:
    assert hold(_live(updater="kube-controller-manager"), "ours-replicas") is None
    assert hold(_live("spin-operator", "ours-replicas"), "ours-replicas") is None


def test_a_spinapp_says_itself_that_it_is_autoscaled_and_other_workloads_are_targeted() -> None:
    target = frozenset({ObjectKey("apps", "Deployment", "shop", "web")})
    app = {
        "apiVersion": "core.spinkube.dev/v1alpha1",
        "kind": "SpinApp",
        "metadata": {"name": "web", "namespace": "shop"},
    }
    assert is_autoscaled({**app, "spec": {"enableAutoscaling": True}}, frozenset())
    assert not is_autoscaled({**app, "spec": {"replicas": 2}}, target)
    assert is_autoscaled(_live(), target)
    assert not is_autoscaled(_live(), frozenset())
