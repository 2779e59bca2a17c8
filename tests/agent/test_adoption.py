"""What exists already is taken over only where that is allowed, and then whole: what Git does not have of it goes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.agent.conftest import World

pytestmark = pytest.mark.cluster

BUNDLE = "apiVersion: spinfleet.dev/v1alpha1\nkind: Bundle\nmetadata: {name: extra}\nspec: {path: ./extra}\n"
ANNOTATION = "spinfleet.dev/adoption"


def _config(world: World, name: str, data: dict[str, str], **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": world.namespace, **metadata},
        "data": data,
    }


def _bundle(*objects: dict[str, Any]) -> dict[str, str]:
    return {"bundle.yaml": BUNDLE, "extra/all.yaml": "---\n".join(json.dumps(obj) + "\n" for obj in objects)}


def _namespace(world: World) -> None:
    world.plane.kubectl("create", "namespace", world.namespace)


def _data(world: World, name: str, namespace: str = "") -> dict[str, str] | None:
    found = world.get("v1/configmaps", name, namespace)
    return found["data"] if found is not None else None


def _managers(world: World, name: str) -> set[str]:
    found = world.get("v1/configmaps", name)
    assert found is not None
    return {entry["manager"] for entry in found["metadata"]["managedFields"]}


def test_fields_of_earlier_appliers_go_and_those_of_others_stay(world: World) -> None:
    _namespace(world)
    plane, names = world.plane, ("by-kubectl", "by-flux", "by-argo", "by-hand")
    theirs = {name: json.dumps(_config(world, name, {"mode": "theirs", "old": "x"})) for name in names}
    plane.kubectl("apply", "-f", "-", stdin=theirs["by-kubectl"])
    plane.kubectl("apply", "--server-side", "--field-manager=kustomize-controller", "-f", "-", stdin=theirs["by-flux"])
    plane.kubectl("create", "--field-manager=argocd-controller", "-f", "-", stdin=theirs["by-argo"])
    plane.kubectl("create", "-f", "-", stdin=theirs["by-hand"])
    for name in names:
        plane.kubectl("label", "configmap", name, "-n", world.namespace, "team=blue")
    commit = world.commit(
        world.fleet(), world.app("one"), _bundle(*(_config(world, name, {"mode": "ours"}) for name in names))
    )
    world.create(policy=world.policy(adoption="Adopt"))
    world.start()
    world.until_ready(commit)
    for name in names:
        ours = world.get("v1/configmaps", name)
        assert ours is not None
        assert ours["data"] == {"mode": "ours"}, name
        assert ours["metadata"]["labels"]["team"] == "blue"
        assert "kubectl.kubernetes.io/last-applied-configuration" not in ours["metadata"]["annotations"]
        managers = _managers(world, name)
        assert managers - {"kubectl-label"} == {manager for manager in managers if manager.startswith("spinfleet-")}
    world.until(lambda: len(world.events("Adopted")) >= len(names), "each take-over is told")
    assert any("kustomize-controller" in note for note in world.events("Adopted"))


def test_whoever_may_write_the_live_object_gives_it_away_and_git_can_not_take_it(world: World) -> None:
    _namespace(world)
    for name in ("given", "kept"):
        world.plane.kubectl("apply", "-f", "-", stdin=json.dumps(_config(world, name, {"mode": "theirs", "old": "x"})))
    asked = [_config(world, name, {"mode": "ours"}, annotations={ANNOTATION: "Adopt"}) for name in ("given", "kept")]
    world.commit(world.fleet(), world.app("one"), _bundle(*asked))
    world.create()
    world.start()
    world.until(lambda: world.problem("/given"), "both are refused")
    world.until(lambda: "spec.policy.adoption" in world.problem("/kept"), "how to allow it is told")
    assert _data(world, "kept") == {"mode": "theirs", "old": "x"}

    world.plane.kubectl("annotate", "configmap", "given", "-n", world.namespace, f"{ANNOTATION}=Adopt")
    world.until(lambda: _data(world, "given") == {"mode": "ours"}, "it is taken over", seconds=120)
    world.until(lambda: not world.problem("/given"), "it is no problem any more")
    given = world.get("v1/configmaps", "given")
    assert given is not None
    assert ANNOTATION not in given["metadata"]["annotations"]
    assert _data(world, "kept") == {"mode": "theirs", "old": "x"}


def test_an_object_goes_from_one_fleetsync_to_another_without_a_gap(world: World, neighbour: World) -> None:
    _namespace(world)
    commit = world.commit(world.fleet(), _bundle(_config(world, "shared", {"mode": "first", "old": "x"})))
    world.create(policy=world.policy(adoption="Adopt"))
    world.start()
    world.until_ready(commit)
    before = world.get("v1/configmaps", "shared")
    assert before is not None

    neighbour.commit(neighbour.fleet(), _bundle(_config(world, "shared", {"mode": "second"})))
    neighbour.create(policy=neighbour.policy(adoption="Adopt"))
    neighbour.start()
    neighbour.until(lambda: "ApplySet" in neighbour.problem("/shared"), "the one that has it keeps it")
    assert _data(world, "shared") == {"mode": "first", "old": "x"}

    world.plane.kubectl("annotate", "configmap", "shared", "-n", world.namespace, f"{ANNOTATION}=Adopt")
    neighbour.until(lambda: _data(world, "shared") == {"mode": "second"}, "it is handed over", seconds=120)
    world.until(lambda: "ApplySet" in world.problem("/shared"), "the first one says who has it")
    neighbour.until(lambda: not neighbour.problem("/shared"), "the second one has it")

    # The first one lets go of it in Git: that deletes nothing.
    last = world.commit({"bundle.yaml": None, "extra/all.yaml": None})
    world.until_ready(last)
    after = world.get("v1/configmaps", "shared")
    assert after is not None
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["data"] == {"mode": "second"}
