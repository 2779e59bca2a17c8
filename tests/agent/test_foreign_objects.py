"""Nothing unowned is taken over or deleted silently."""

from __future__ import annotations

import json

import pytest

from tests.agent.conftest import World

pytestmark = pytest.mark.cluster

BUNDLE = "apiVersion: spinfleet.dev/v1alpha1\nkind: Bundle\nmetadata: {name: extra}\nspec: {path: ./extra}\n"


def _config(world: World, value: str) -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings, namespace: {world.namespace}}}\ndata: {{mode: {value}}}\n"


def _foreign(world: World) -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": world.namespace}}
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings", "namespace": world.namespace},
        "data": {"mode": "theirs"},
    }
    for obj in (namespace, config):
        world.plane.kubectl("create", "-f", "-", stdin=json.dumps(obj))


def test_a_foreign_object_of_the_same_name_is_not_taken_over_and_the_rest_goes_on(world: World) -> None:
    _foreign(world)
    world.commit(
        world.fleet(), world.app("one"), {"bundle.yaml": BUNDLE, "extra/settings.yaml": _config(world, "ours")}
    )
    world.create()
    world.start()
    world.until(
        lambda: any("settings" in problem.get("object", "") for problem in world.status().get("problems") or ()),
        "it is told",
    )
    world.until(lambda: world.app_status("one").get("health") == "current", "the app goes on")
    problem = next(problem for problem in world.status()["problems"] if "settings" in problem.get("object", ""))
    assert "does not belong to this FleetSync" in problem["message"]
    theirs = world.get("v1/configmaps", "settings")
    assert theirs is not None
    assert theirs["data"] == {"mode": "theirs"}
    assert "applyset.kubernetes.io/part-of" not in (theirs["metadata"].get("labels") or {})

    # Removing it from Git again must not remove theirs.
    last = world.commit({"bundle.yaml": None, "extra/settings.yaml": None})
    world.until_ready(last)
    assert world.get("v1/configmaps", "settings") is not None


def test_adoption_takes_an_object_over_where_it_is_asked_for(world: World) -> None:
    _foreign(world)
    policy = {
        "namespaces": ["*"],
        "kinds": ["*"],
        "adoption": "Adopt",
        "registries": [{"prefix": world.registry, "plainHTTP": True}],
    }
    commit = world.commit(
        world.fleet(), world.app("one"), {"bundle.yaml": BUNDLE, "extra/settings.yaml": _config(world, "ours")}
    )
    world.create(policy=policy)
    world.start()
    world.until_ready(commit)
    ours = world.get("v1/configmaps", "settings")
    assert ours is not None
    assert ours["data"] == {"mode": "ours"}


def test_what_the_policy_does_not_allow_is_refused_before_any_request(world: World) -> None:
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: spinfleet-system}\nstringData: {a: b}\n"
    world.commit(world.fleet(), world.app("one"), {"bundle.yaml": BUNDLE, "extra/s.yaml": secret})
    world.create()
    world.start()
    world.until(
        lambda: any("out of reach" in problem["message"] for problem in world.status().get("problems") or ()),
        "it is told",
    )
    assert world.get("v1/secrets", "s", "spinfleet-system") is None
