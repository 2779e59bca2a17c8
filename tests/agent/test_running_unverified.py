"""A release that runs and that policy refuses from now on is left as it is: neither healed nor pruned nor replaced (design, invariant 1)."""

from __future__ import annotations

import json

import pytest

from tests.agent.conftest import World

pytestmark = pytest.mark.cluster


def _policy(world: World, *prefixes: str) -> None:
    registries = [{"prefix": prefix, "plainHTTP": True} for prefix in prefixes]
    change = {"spec": {"policy": {"registries": registries}}}
    world.plane.request("PATCH", world.path, change, "application/merge-patch+json")


def _replicas(world: World) -> int:
    found = world.spinapp("one")
    return 0 if found is None else int(found["spec"]["replicas"])


def test_what_runs_is_left_untouched_while_policy_refuses_it_and_healed_once_it_does_not(world: World) -> None:
    commit = world.commit(world.fleet(), world.app("one", replicas=2))
    world.create()
    world.start()
    world.until_ready(commit)
    before = world.spinapp("one")
    assert before is not None

    _policy(world, "registry.example/others")
    world.until(lambda: world.app_status("one").get("reason") == "Denied", "policy refuses what runs")
    assert "RunningUnverified" in world.app_status("one")["message"]
    assert world.app_status("one")["code"] == "artifact.registry"
    assert world.condition("Verified")[0] == "False"
    world.plane.kubectl(
        "patch", "spinapp", "one", "-n", world.namespace, "--type=merge", "-p", json.dumps({"spec": {"replicas": 9}})
    )
    # Another commit goes by: neither it nor the drift has anything of the app written.
    later = world.commit(world.app("one", replicas=3))
    world.until(lambda: (world.status().get("commit") or {}).get("applied") == later, "the commit is taken")
    world.until(lambda: world.app_status("one").get("reason") == "Denied", "it is refused as well")
    assert _replicas(world) == 9
    assert (world.spinapp("one") or {})["metadata"]["uid"] == before["metadata"]["uid"]

    _policy(world, world.registry)
    world.until_ready(later)
    assert _replicas(world) == 3
