"""A cluster whose own document says `suspend: true` in Git is left as it is, and taken up again where it was left."""

from __future__ import annotations

import pytest

from tests.agent.conftest import World

pytestmark = pytest.mark.cluster

CLUSTER = (
    "apiVersion: spinfleet.dev/v1alpha1\nkind: Cluster\nmetadata: {name: here}\nspec: {spin: '3.6', suspend: %s}\n"
)


def _replicas(world: World, name: str) -> int:
    found = world.spinapp(name)
    return 0 if found is None else int(found["spec"]["replicas"])


def _drift(world: World, name: str) -> None:
    change = '{"spec":{"replicas":9}}'
    world.plane.kubectl("patch", "spinapp", name, "-n", world.namespace, "--type=merge", "-p", change)


def test_nothing_is_released_healed_or_pruned_while_it_is_suspended_and_all_of_it_afterwards(world: World) -> None:
    first = world.commit(world.fleet(), world.app("one"), world.app("two", replicas=2), world.app("three"))
    world.create()
    world.start()
    world.until_ready(first)

    world.commit(
        {"cluster.yaml": CLUSTER % "true", "apps/three/app.yaml": None, "apps/three/spin.toml": None},
        world.app("one", replicas=3),
        world.app("four"),
    )
    world.until(lambda: world.condition("Ready")[1] == "Suspended", "it is suspended")
    assert "Cluster here" in world.condition("Ready")[2]
    _drift(world, "two")
    # Another commit goes by, so that there was time for what must not happen.
    seen = world.commit({"note.txt": "nothing"})
    world.until(lambda: (world.status()["commit"] or {})["seen"] == seen, "the agent goes on looking")
    assert _replicas(world, "one") == 1
    assert _replicas(world, "two") == 9
    assert world.spinapp("three") is not None
    assert world.spinapp("four") is None

    last = world.commit({"cluster.yaml": CLUSTER % "false"})
    world.until_ready(last)
    world.until(lambda: _replicas(world, "two") == 2, "what drifted meanwhile is healed, though no commit touched it")
    assert _replicas(world, "one") == 3
    world.until(lambda: world.spinapp("three") is None, "what left Git meanwhile is pruned")
    assert world.spinapp("four") is not None
