"""SIGKILL at any moment loses nothing: the next start completes what was begun, nothing doubled, nothing orphaned."""

from __future__ import annotations

import signal

import pytest

from tests.agent.conftest import World

pytestmark = pytest.mark.cluster

MANY = 120
BUNDLE = "apiVersion: spinfleet.dev/v1alpha1\nkind: Bundle\nmetadata: {name: many}\nspec: {path: ./many}\n"


def _many(world: World, numbers: range) -> dict[str, str | bytes | None]:
    return {
        f"many/{number}.yaml": f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m-{number}, namespace: {world.namespace}}}\n"
        for number in numbers
    }


def _live(world: World) -> set[str]:
    path = f"/api/v1/namespaces/{world.namespace}/configmaps?labelSelector=applyset.kubernetes.io/part-of"
    return {item["metadata"]["name"] for item in world.plane.request("GET", path)["items"]}


def test_a_first_sync_that_was_killed_in_the_middle_is_completed_by_the_next_start(world: World) -> None:
    commit = world.commit(world.fleet(), world.app("one"), {"bundle.yaml": BUNDLE}, _many(world, range(MANY)))
    world.create()
    world.start()
    world.until(lambda: len(_live(world)) > 5, "the first objects are there")
    world.stop(signal.SIGKILL)
    written = _live(world)
    assert 0 < len(written) <= MANY

    world.start()
    world.until_ready(commit)
    assert _live(world) == {f"m-{number}" for number in range(MANY)}


def test_objects_of_a_killed_sync_that_git_has_dropped_since_are_pruned(world: World) -> None:
    world.commit(world.fleet(), world.app("one"), {"bundle.yaml": BUNDLE}, _many(world, range(MANY)))
    world.create()
    world.start()
    world.until(lambda: len(_live(world)) > 5, "the first objects are there")
    world.stop(signal.SIGKILL)

    commit = world.commit({f"many/{number}.yaml": None for number in range(1, MANY)})
    world.start()
    world.until_ready(commit)
    world.until(lambda: _live(world) == {"m-0"}, "what was dropped is pruned")
