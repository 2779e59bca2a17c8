"""Definitions that are added, switched off, switched to another version and removed while objects of their kind are members."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.plan.membership import GROUP_KINDS_ANNOTATION
from tests.agent.conftest import World
from tests.agent.test_last_releases import bundle, namespace
from tests.agent.test_prune_approvals import ALL, annotations
from tests.agent.test_rights import _account

pytestmark = pytest.mark.cluster

BUNDLE = "apiVersion: spinfleet.dev/v1alpha1\nkind: Bundle\nmetadata: {name: gadget}\nspec: {path: ./gadget}\n"
GONE = {"gadget.yaml": None, "gadget/object.json": None}


def definition(world: World, **served: bool) -> dict[str, Any]:
    """A definition whose last version is stored."""
    group, last = f"w{world.id}.example.com", list(served)[-1]
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"gadgets.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": "Gadget", "listKind": "GadgetList", "plural": "gadgets", "singular": "gadget"},
            "versions": [
                {"name": name, "served": on, "storage": name == last, "schema": schema} for name, on in served.items()
            ],
        },
    }


def define(world: World, **served: bool) -> None:
    world.plane.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(definition(world, **served)))


def gadget(world: World, version: str, size: int) -> dict[str, str | bytes | None]:
    obj = {
        "apiVersion": f"w{world.id}.example.com/{version}",
        "kind": "Gadget",
        "metadata": {"name": "g", "namespace": world.namespace},
        "spec": {"size": size},
    }
    return {"gadget.yaml": BUNDLE, "gadget/object.json": json.dumps(obj)}


def live(world: World, version: str) -> dict[str, Any] | None:
    return world.get(f"w{world.id}.example.com/{version}/gadgets", "g")


def recorded(world: World) -> bool:
    """Whether the ApplySet says that it may have gadgets."""
    return f"Gadget.w{world.id}.example.com" in annotations(world).get(GROUP_KINDS_ANNOTATION, "").split(",")


def started(world: World) -> None:
    _account(world, ALL)
    world.create(serviceAccountName=f"rights-{world.id}")
    world.start()


def test_a_kind_that_is_switched_off_is_pruned_once_it_is_served_again_and_forgotten_once_it_is_removed(
    world: World,
) -> None:
    define(world, v1=True)
    world.commit(world.fleet(), namespace(world), gadget(world, "v1", 1))
    started(world)
    world.until(lambda: live(world, "v1"), "it is there")
    define(world, v1=False)
    world.commit(GONE, bundle(world, "mark", data="1"))
    world.until(lambda: world.app_status("mark").get("health") == "current", "the commit is taken")
    world.until(lambda: "gadget" not in [each["name"] for each in world.status()["apps"]], "its bundle is gone")
    last = world.commit(bundle(world, "mark", data="2"))
    world.until(lambda: world.status()["commit"]["applied"] == last, "and the next one is taken")
    assert recorded(world)
    define(world, v1=True)
    world.until(lambda: live(world, "v1") is None, "it goes as soon as it can be seen", seconds=120)
    world.until(lambda: not recorded(world), "and its kind with it", seconds=120)

    world.commit(gadget(world, "v1", 2))
    world.until(lambda: live(world, "v1"), "it is there again")
    world.plane.kubectl("delete", "crd", f"gadgets.w{world.id}.example.com")
    world.commit(GONE)
    world.until(lambda: not recorded(world), "a kind whose definition is gone is forgotten", seconds=120)
    world.until(lambda: world.condition("Ready")[0] == "True", "and nothing is left to be told")


def test_an_object_stays_ours_where_its_kind_and_its_manifest_move_to_another_version(world: World) -> None:
    define(world, v1alpha1=True)
    first = world.commit(world.fleet(), namespace(world), gadget(world, "v1alpha1", 1))
    started(world)
    world.until_ready(first)
    world.stop()
    define(world, v1alpha1=True, v1=True)
    define(world, v1alpha1=False, v1=True)
    second = world.commit(gadget(world, "v1", 2))
    world.start()
    world.until_ready(second)
    found = live(world, "v1")
    assert found is not None
    assert found["spec"] == {"size": 2}
    third = world.commit(GONE)
    world.until(lambda: live(world, "v1") is None, "and it is pruned when it leaves Git")
    world.until_ready(third)
    world.plane.kubectl("delete", "crd", f"gadgets.w{world.id}.example.com")
