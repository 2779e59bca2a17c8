"""A broken commit is refused whole; a broken app is held alone. What runs keeps running, and nothing is pruned."""

from __future__ import annotations

import pytest

from tests.agent.conftest import World

pytestmark = pytest.mark.cluster


def test_a_malformed_fleet_document_refuses_the_commit_and_the_next_good_one_applies(world: World) -> None:
    files = world.fleet()
    good = world.commit(files, world.app("one"))
    world.create()
    world.start()
    world.until_ready(good)
    before = world.spinapp("one")
    assert before is not None

    # The same commit also drops the app: because it can't be trusted, nothing of it counts.
    bad = world.commit(
        {"fleet.yaml": files["fleet.yaml"] + "  oops: [\n", "apps/one/app.yaml": None, "apps/one/spin.toml": None}
    )
    world.until(lambda: world.condition("Valid")[0] == "False", "the commit is refused")
    status, reason, message = world.condition("Valid")
    assert (status, reason) == ("False", "CommitRefused")
    assert "fleet.yaml:" in message
    assert world.status()["commit"] == {"seen": bad, "applied": good}
    problem = next(problem for problem in world.status()["problems"] if problem["path"] == "fleet.yaml")
    assert problem["line"] >= 4
    after = world.spinapp("one")
    assert after is not None
    assert after["metadata"]["uid"] == before["metadata"]["uid"]

    again = world.commit({"fleet.yaml": files["fleet.yaml"]}, world.app("one", replicas=2))
    world.until_ready(again)
    changed = world.spinapp("one")
    assert changed is not None
    assert changed["spec"]["replicas"] == 2


def test_one_invalid_app_keeps_what_it_has_and_the_others_go_on(world: World) -> None:
    first = world.commit(world.fleet(), world.app("one"), world.app("two"))
    world.create()
    world.start()
    world.until_ready(first)

    files = world.app("one", replicas=3)
    broken = {"apps/one/app.yaml": files["apps/one/app.yaml"] + "  replcas: 4\n"}
    world.commit(broken, world.app("two", replicas=3))
    world.until(lambda: (world.spinapp("two") or {})["spec"]["replicas"] == 3, "the other app goes on")
    world.until(lambda: world.app_status("one").get("message", ""), "the held app says why")

    assert "replcas" in world.app_status("one")["message"]
    one = world.spinapp("one")
    assert one is not None
    assert one["spec"]["replicas"] == 1
    problem = next(problem for problem in world.status()["problems"] if problem["path"] == "apps/one/app.yaml")
    assert "did you mean 'replicas'?" in problem["hint"]


def test_an_app_that_is_invalid_after_a_restart_keeps_what_it_has(world: World) -> None:
    first = world.commit(world.fleet(), world.app("one"), world.app("two"))
    world.create()
    world.start()
    world.until_ready(first)
    world.stop()

    world.commit(
        {"apps/one/spin.toml": "spin_manifest_version = 2\n[application]\n"},
        {"apps/two/app.yaml": None, "apps/two/spin.toml": None},
    )
    world.start()
    world.until(lambda: world.spinapp("two") is None, "the removed app is pruned")
    assert world.spinapp("one") is not None
    assert world.get("core.spinkube.dev/v1alpha1/spinappexecutors", "containerd-shim-spin") is not None
