"""dependsOn by health without polling, progressDeadline, an object that two apps want, apps that are suspended."""

from __future__ import annotations

import json

import pytest

from reconciler.agent.install import NAMESPACE
from tests.agent.conftest import World
from tests.agent.test_last_releases import bundle, held, namespace, record, spoil, value

pytestmark = pytest.mark.cluster


def with_balancer(world: World, name: str, balancer: str = "", more: str = "") -> dict[str, str | bytes | None]:
    """A bundle of a ConfigMap and a LoadBalancer, which nothing in the test's control plane gives an address by itself."""
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": balancer or name, "namespace": world.namespace},
        "spec": {"type": "LoadBalancer", "selector": {"app": name}, "ports": [{"port": 80}]},
    }
    return {**bundle(world, name, data="1", more=more), f"{name}/service.yaml": json.dumps(service)}


def addressed(world: World, name: str) -> None:
    """Give a LoadBalancer its address, as a cloud would: then it is current."""
    world.until(lambda: world.get("v1/services", name) is not None, f"Service {name} is made")
    path = f"/api/v1/namespaces/{world.namespace}/services/{name}/status"
    status = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}
    world.plane.request("PATCH", path, status, "application/merge-patch+json")


def message(world: World, name: str) -> str:
    return str(world.app_status(name).get("message", ""))


def test_a_chain_of_dependencies_goes_on_link_by_link_as_each_turns_healthy(world: World) -> None:
    # An hour between syncs: only health can let the chain go on.
    world.commit(
        world.fleet(), namespace(world), with_balancer(world, "zeroth"),
        with_balancer(world, "middle", more=", dependsOn: [zeroth]"), bundle(world, "front", data="1", more=", dependsOn: [middle]"),
    )  # fmt: skip
    world.create()
    world.plane.kubectl(
        "patch",
        "fleetsync",
        f"f-{world.id}",
        "-n",
        NAMESPACE,
        "--type=merge",
        "-p",
        '{"spec":{"source":{"interval":"1h"}}}',
    )
    world.start()
    world.until(lambda: "zeroth" in message(world, "middle"), "the second says what it waits for")
    assert world.get("v1/services", "middle") is None
    assert value(world, "front") is None
    held(world, "front", "Waiting")
    addressed(world, "zeroth")
    addressed(world, "middle")
    world.until(lambda: value(world, "front") == "1", "the last of the chain is released")


def test_a_new_release_waits_for_its_dependency_while_the_old_one_is_healed(world: World) -> None:
    first = world.commit(
        world.fleet(), namespace(world), with_balancer(world, "db"),
        bundle(world, "front", data="1", more=", dependsOn: [db]"),
    )  # fmt: skip
    world.create()
    world.start()
    addressed(world, "db")
    world.until_ready(first)
    second = world.commit(
        with_balancer(world, "db", "db-2", more=", progressDeadline: 1s"),
        bundle(world, "front", data="2", more=", dependsOn: [db]"),
    )
    held(world, "front", "Waiting")
    world.until(lambda: "progressDeadline of 1s" in message(world, "db"), "the release of db is late and says so")
    assert world.app_status("db")["health"] == "failed"
    assert value(world, "front") == "1"
    spoil(world, "front")
    world.until(lambda: value(world, "front") == "1", "the last release is healed meanwhile")
    addressed(world, "db-2")
    world.until(lambda: value(world, "front") == "2", "the release that waited goes on")
    world.until_ready(second)
    world.until(lambda: record(world, "front").last.current, "the record says that it was current", seconds=90)


def test_an_object_that_two_want_stays_with_the_one_that_has_it(world: World) -> None:
    def also(name: str, text: str) -> dict[str, str | bytes | None]:
        metadata = f"{{name: both, namespace: {world.namespace}}}"
        obj = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {metadata}\ndata: {{value: {text}}}\n"
        return {**bundle(world, name, data="own"), f"{name}/both.yaml": obj}

    first = world.commit(world.fleet(), namespace(world), also("late", "of-late"))
    world.create()
    world.start()
    world.until_ready(first)
    world.commit(also("early", "of-early"))

    def waits() -> bool:
        problems = world.status().get("problems") or ()
        return any(each.get("code") == "object.held" and each.get("app") == "early" for each in problems)

    world.until(waits, "the newcomer is told")
    assert value(world, "early") == "own"
    assert value(world, "both") == "of-late"
    world.stop()
    world.start()
    spoil(world, "both")
    world.until(lambda: value(world, "both") == "of-late", "it stays there after a restart, and is healed")
    world.until(waits, "the newcomer is told again")
    last = world.commit({"late/both.yaml": None})
    world.until_ready(last)
    assert value(world, "both") == "of-early"


def test_a_suspended_app_is_left_alone_until_it_is_resumed(world: World) -> None:
    first = world.commit(
        world.fleet(), namespace(world), bundle(world, "one", data="1"), bundle(world, "two", data="1")
    )
    world.create()
    world.start()
    world.until_ready(first)
    place = ["--namespace", NAMESPACE, "fleetsync", f"f-{world.id}"]
    world.plane.kubectl("annotate", *place, "spinfleet.dev/suspended-apps=one, nowhere")
    held(world, "one", "Suspended")
    spoil(world, "one")
    world.commit(bundle(world, "one", data="2"), bundle(world, "two", data="2", more=", suspend: true"))
    held(world, "two", "Suspended")
    spoil(world, "two")
    last = world.commit(bundle(world, "three", data="3"))
    world.until(lambda: value(world, "three") == "3", "the others go on")
    assert (value(world, "one"), value(world, "two")) == ("spoiled", "spoiled")
    assert any(each.get("code") == "suspend.unknown-app" for each in world.status()["problems"])

    world.plane.kubectl("annotate", *place, "spinfleet.dev/suspended-apps-")
    world.until(lambda: value(world, "one") == "2", "the resumed app gets its newest version")
    assert value(world, "two") == "spoiled"
    last = world.commit(bundle(world, "two", data="2"))
    world.until_ready(last)
    assert value(world, "two") == "2"
