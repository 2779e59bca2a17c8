from __future__ import annotations

from typing import Any

import pytest

from reconciler.plan.model import Action, FieldChange, ObjectKey, Step
from reconciler.plan.replicas import replicas_warning


def _step(live: Any, desired: Any, *, kind: str = "SpinApp", action: Action = Action.CONFIGURE) -> Step:
    key = ObjectKey("core.spinkube.dev", kind, "shop", "checkout")
    change = FieldChange("/spec/enableAutoscaling", live, desired)
    return Step(action=action, key=key, owner="checkout", reason="", diff=(change,))


@pytest.mark.parametrize("live", [None, False])
def test_turning_autoscaling_on_for_a_running_app_is_warned_of(live: Any) -> None:
    assert "fall to 1" in replicas_warning(_step(live, desired=True))


def test_nothing_else_is() -> None:
    assert replicas_warning(_step(live=True, desired=None)) == ""
    assert replicas_warning(_step(None, desired=True, action=Action.CREATE)) == ""
    assert replicas_warning(_step(None, desired=True, kind="Deployment")) == ""
