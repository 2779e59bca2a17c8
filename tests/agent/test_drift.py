"""Drift is seen and put right at once, whether or not Git can be reached."""

from __future__ import annotations

import time

import pytest

from tests.agent.conftest import World

pytestmark = pytest.mark.cluster


def _ready(world: World) -> None:
    commit = world.commit(world.fleet(), world.app("one", replicas=2))
    world.create()
    world.start()
    world.until_ready(commit)


def test_a_changed_field_is_put_back_and_a_foreign_one_is_left(world: World) -> None:
    _ready(world)
    patch = '{"metadata":{"labels":{"team":"blue"}},"spec":{"replicas":9}}'
    world.plane.kubectl("patch", "spinapp", "one", "-n", world.namespace, "--type=merge", "-p", patch)
    world.until(lambda: (world.spinapp("one") or {})["spec"]["replicas"] == 2, "the replicas are put back", seconds=10)
    healed = world.spinapp("one")
    assert healed is not None
    assert healed["metadata"]["labels"]["team"] == "blue"


def test_a_deleted_object_comes_back(world: World) -> None:
    _ready(world)
    before = world.spinapp("one")
    world.plane.kubectl("delete", "spinapp", "one", "-n", world.namespace)
    world.until(lambda: world.spinapp("one") is not None, "the object comes back", seconds=20)
    after = world.spinapp("one")
    assert before is not None
    assert after is not None
    assert after["metadata"]["uid"] != before["metadata"]["uid"]


def test_drift_is_healed_while_git_is_away(world: World) -> None:
    _ready(world)
    moved = world.repository.path.rename(world.repository.path.with_suffix(".away"))
    world.until(lambda: world.condition("SourceReady")[0] == "False", "the agent notices that Git is away")
    world.plane.kubectl(
        "patch", "spinapp", "one", "-n", world.namespace, "--type=merge", "-p", '{"spec":{"replicas":9}}'
    )
    world.until(lambda: (world.spinapp("one") or {})["spec"]["replicas"] == 2, "drift is healed")
    world.until(lambda: world.condition("Ready")[0] == "True", "it is ready while Git is away")

    # A restart meanwhile finds the commit on disk and goes on healing.
    world.stop()
    world.plane.kubectl(
        "patch", "spinapp", "one", "-n", world.namespace, "--type=merge", "-p", '{"spec":{"replicas":8}}'
    )
    world.start()
    world.until(lambda: (world.spinapp("one") or {})["spec"]["replicas"] == 2, "drift is healed after a restart")

    moved.rename(world.repository.path)
    world.until(lambda: world.condition("SourceReady")[0] == "True", "the agent notices that Git is back")


def test_a_steady_state_writes_nothing(world: World) -> None:
    _ready(world)
    parent = world.plane.request("GET", world.path)["metadata"]["resourceVersion"]
    spinapp = world.spinapp("one")
    time.sleep(5)  # several intervals: what is measured is that nothing happens
    assert spinapp == world.spinapp("one")
    assert world.plane.request("GET", world.path)["metadata"]["resourceVersion"] == parent


def test_a_restart_takes_what_is_as_wanted_without_a_write(world: World) -> None:
    _ready(world)
    spinapp = world.spinapp("one")
    world.stop()
    world.start()
    commit = world.commit(world.app("two"))
    world.until_ready(commit)
    assert world.spinapp("one") == spinapp
