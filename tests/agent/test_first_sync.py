"""A commit becomes healthy apps, with no more rights than an installation gives."""

from __future__ import annotations

import pytest

from tests.agent.conftest import World

pytestmark = pytest.mark.cluster

BUNDLE = "apiVersion: spinfleet.dev/v1alpha1\nkind: Bundle\nmetadata: {name: extra}\nspec: {path: ./extra}\n"


def test_a_commit_becomes_healthy_apps(world: World) -> None:
    config = (
        f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: extra, namespace: {world.namespace}}}\ndata: {{a: b}}\n"
    )
    commit = world.commit(
        world.fleet(), world.app("one", replicas=2), world.app("two"), {"bundle.yaml": BUNDLE, "extra/c.yaml": config}
    )
    world.create()
    world.start()
    world.until_ready(commit)

    spinapp = world.spinapp("one")
    assert spinapp is not None
    assert spinapp["spec"]["replicas"] == 2
    assert spinapp["metadata"]["annotations"]["spinfleet.dev/app"] == "one"
    deployment = world.get("apps/v1/deployments", "one")
    assert deployment is not None
    assert deployment["status"]["availableReplicas"] == 2
    assert world.get("v1/configmaps", "extra") is not None
    assert {app["name"]: app["artifact"] for app in world.status()["apps"]} == {
        "extra": "",
        "one": "Verified",
        "two": "Verified",
    }
    assert world.stop() == 0


def test_membership_is_recorded_on_the_fleetsync(world: World) -> None:
    commit = world.commit(world.fleet(), world.app("one"))
    world.create()
    world.start()
    world.until_ready(commit)

    parent = world.plane.request("GET", world.path)["metadata"]
    spinapp = world.spinapp("one")
    assert spinapp is not None
    assert (
        spinapp["metadata"]["labels"]["applyset.kubernetes.io/part-of"] == parent["labels"]["applyset.kubernetes.io/id"]
    )
    assert parent["annotations"]["applyset.kubernetes.io/tooling"].startswith("spinfleet/")
    assert parent["annotations"]["applyset.kubernetes.io/contains-group-kinds"] == (
        "Namespace,SpinApp.core.spinkube.dev,SpinAppExecutor.core.spinkube.dev"
    )
    assert parent["annotations"]["applyset.kubernetes.io/additional-namespaces"] == world.namespace


def test_without_a_service_account_nothing_is_written(world: World) -> None:
    world.commit(world.fleet(), world.app("one"))
    world.create(serviceAccountName="")
    world.start()
    world.until(lambda: world.condition("Stalled")[0] == "True", "the FleetSync says that it is stalled")
    assert "names no service account" in world.condition("Stalled")[2]
    assert world.spinapp("one") is None


def test_an_account_without_rights_fails_its_own_objects_and_says_so(world: World) -> None:
    world.commit(world.fleet(), world.app("one"))
    world.create(serviceAccountName="default")
    world.start()
    world.until(
        lambda: "impersonate" in world.log.read_text() or "forbidden" in world.log.read_text(),
        "the agent says what is missing",
    )
    assert world.spinapp("one") is None


def test_what_this_version_can_not_honour_stalls_the_fleetsync_and_nothing_is_written(world: World) -> None:
    world.commit(world.fleet(), world.app("one"))
    world.create(status={"publish": {"url": "http://127.0.0.1:1/x.git"}})
    world.start()
    world.until(lambda: world.condition("Stalled")[0] == "True", "the FleetSync says that it is stalled")
    assert "not supported by this version" in world.condition("Ready")[2]
    assert world.spinapp("one") is None
