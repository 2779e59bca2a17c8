"""A Fleet's own health rules count for live objects, and objects that are there are judged anew when a rule changes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.agent.conftest import World

pytestmark = pytest.mark.cluster


def test_objects_are_judged_by_the_fleets_rules_as_they_are_now(world: World) -> None:
    def fleet(*phases: str) -> dict[str, str]:
        field = {"field": "/data/phase", "in": list(phases)}
        rule: dict[str, Any] = {"group": "", "kind": "ConfigMap", "current": [field]}
        return world.fleet(health=[rule])

    bundle = {
        "apiVersion": "spinfleet.dev/v1alpha1",
        "kind": "Bundle",
        "metadata": {"name": "extra"},
        "spec": {"path": "./extra"},
    }
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings", "namespace": world.namespace},
        "data": {"phase": "starting"},
    }
    files = {"bundle.yaml": json.dumps(bundle), "extra/settings.yaml": json.dumps(config)}
    world.plane.kubectl("create", "namespace", world.namespace)
    world.commit(fleet("running"), files)
    world.create(policy=world.policy())
    world.start()
    world.until(
        lambda: "/data/phase is starting" in str(world.app_status("extra").get("message")),
        "it is told what is waited for",
    )
    assert world.app_status("extra")["health"] == "progressing"
    world.until_ready(world.commit(fleet("running", "starting")))
    assert world.app_status("extra")["health"] == "current"
