"""An app whose artifact is not verified waits with the reason, and the others go on (design, invariant 1)."""

from __future__ import annotations

import urllib.request

import pytest

from tests.agent.conftest import World

pytestmark = pytest.mark.cluster


def _held(world: World, name: str, verdict: str) -> str:
    world.until(lambda: world.app_status(name).get("artifact") == verdict, f"{name} is {verdict}")
    world.until(lambda: world.app_status("good").get("health") == "current", "the other app goes on")
    assert world.spinapp(name) is None
    assert world.condition("Verified")[0] == "False"
    return str(world.app_status(name)["message"])


def test_a_missing_artifact_waits_and_is_taken_up_once_it_is_pushed(world: World) -> None:
    reference = world.push("late")
    registry, _, rest = reference.partition("/")
    repository, _, digest = rest.partition("@")
    manifest = f"http://{registry}/v2/{repository}/manifests/{digest}"
    urllib.request.urlopen(urllib.request.Request(manifest, method="DELETE"))

    world.commit(world.fleet(), world.app("good"), world.app("late", reference=reference))
    world.create()
    world.start()
    assert "not found" in _held(world, "late", "Incomplete")

    assert world.push("late") == reference
    world.until(lambda: world.app_status("late").get("artifact") == "Verified", "the app is taken up by itself")
    world.until(lambda: world.spinapp("late") is not None, "its object is made")


def test_something_that_is_not_wasm_is_refused(world: World) -> None:
    reference = world.push("fake", b"#!/bin/sh\necho this is not WebAssembly\n" * 10)
    world.commit(world.fleet(), world.app("good"), world.app("fake", reference=reference))
    world.create()
    world.start()
    assert "not WebAssembly" in _held(world, "fake", "Refused")


def test_a_manifest_with_another_digest_than_git_says_is_refused(world: World) -> None:
    reference = world.push("swapped")
    storage = next(
        path
        for path in (world.plane.folder.parent / "registry" / "storage").rglob("data")
        if path.parent.name == reference[-64:]
    )
    storage.write_bytes(storage.read_bytes().replace(b"swapped", b"SWAPPED"))
    world.commit(world.fleet(), world.app("good"), world.app("swapped", reference=reference))
    world.create()
    world.start()
    world.until(lambda: world.app_status("swapped").get("artifact") in {"Refused", "Incomplete"}, "the app is held")
    world.until(lambda: world.app_status("good").get("health") == "current", "the other app goes on")
    assert world.spinapp("swapped") is None


def test_a_new_version_that_is_refused_leaves_the_old_one_running_and_healed(world: World) -> None:
    first = world.commit(world.fleet(), world.app("one"))
    world.create()
    world.start()
    world.until_ready(first)
    running = world.spinapp("one")
    assert running is not None

    world.commit(
        world.app("one", reference=world.push("one", b"not wasm at all, but long enough to be a layer"), replicas=5)
    )
    world.until(lambda: world.app_status("one").get("artifact") == "Refused", "the new version is refused")
    now = world.spinapp("one")
    assert now is not None
    assert now["spec"]["image"] == running["spec"]["image"]
    assert now["spec"]["replicas"] == 1

    world.plane.kubectl(
        "patch", "spinapp", "one", "-n", world.namespace, "--type=merge", "-p", '{"spec":{"replicas":7}}'
    )
    world.until(lambda: (world.spinapp("one") or {})["spec"]["replicas"] == 1, "the old version is healed")


def test_a_tag_without_a_digest_is_refused(world: World) -> None:
    reference = world.push("one").partition("@")[0] + ":latest"
    world.commit(world.fleet(), world.app("good"), world.app("one", reference=reference))
    world.create()
    world.start()
    world.until(lambda: "digest" in world.app_status("one").get("message", ""), "the app says what is missing")
    assert world.spinapp("one") is None
