"""What a person must say yes to: each approval is for one list, counts once, and nothing of others goes with it."""

from __future__ import annotations

import json

import pytest

from reconciler.agent.install import NAMESPACE
from reconciler.plan.guard import APPROVAL_ANNOTATION, USED_ANNOTATION
from tests.agent.conftest import World
from tests.agent.test_commands import spinfleet
from tests.agent.test_last_releases import bundle, namespace, value
from tests.agent.test_rights import _account

pytestmark = pytest.mark.cluster

ALL = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]


def annotations(world: World) -> dict[str, str]:
    found: dict[str, str] = world.plane.request("GET", world.path)["metadata"].get("annotations") or {}
    return found


def approve(world: World, token: str) -> None:
    text = f"{APPROVAL_ANNOTATION}={token}"
    world.plane.kubectl("annotate", "fleetsync", f"f-{world.id}", "-n", NAMESPACE, "--overwrite", text)


def digests(world: World, *, guarded: bool) -> list[str]:
    return [each["digest"] for each in world.status().get("waiting") or () if each["guarded"] is guarded]


def told(world: World, code: str) -> str:
    found = [each["message"] for each in world.status().get("problems") or () if each.get("code") == code]
    return found[0] if found else ""


def files(name: str) -> dict[str, str | bytes | None]:
    return {f"{name}.yaml": None, f"{name}/objects.yaml": None}


def test_an_approval_is_for_one_list_and_counts_once(world: World) -> None:
    both = {**bundle(world, "one", data="1"), **bundle(world, "two", data="2")}
    world.commit(world.fleet(prune={"maxObjects": 1}), namespace(world), both)
    world.create()
    world.start()
    world.until(lambda: value(world, "one") == "1" and value(world, "two") == "2", "both are there")
    world.commit(files("one"), files("two"))
    world.until(lambda: digests(world, guarded=True), "the prune is held")
    world.until(lambda: world.condition("Ready")[1] == "PruneHeld", "it is told")
    (digest,) = digests(world, guarded=True)

    approve(world, "0" * 64)
    world.until(lambda: told(world, "prune.approval"), "an approval of another list is told")
    assert APPROVAL_ANNOTATION not in annotations(world)
    assert value(world, "one") == "1"

    shown = spinfleet(world, "approve", "prune")
    assert shown.returncode == 1
    assert f"- ConfigMap {world.namespace}/one" in shown.stdout
    assert digest[:16] in shown.stdout
    assert spinfleet(world, "approve", "prune", "f" * 12).returncode == 2
    assert spinfleet(world, "approve", "prune", digest[:16]).returncode == 0
    world.until(lambda: value(world, "one") is None and value(world, "two") is None, "what was approved goes")
    world.until(lambda: world.condition("Ready")[0] == "True", "nothing waits any more")
    assert APPROVAL_ANNOTATION not in annotations(world)
    used = annotations(world)[USED_ANNOTATION].split(",")[-1]
    assert used.startswith(digest)
    assert "nothing waits" in spinfleet(world, "approve", "prune").stdout

    world.commit(both)
    world.until(lambda: value(world, "one") == "1" and value(world, "two") == "2", "both are there again")
    world.commit(files("one"), files("two"))
    world.until(lambda: digests(world, guarded=True) == [digest], "the same list waits again")
    approve(world, used)
    world.until(lambda: told(world, "prune.approval"), "an approval that was used before is none")
    assert value(world, "one") == "1"


def test_a_namespace_goes_by_an_approval_that_names_it_once_nothing_of_others_is_in_it(world: World) -> None:
    _account(world, ALL)
    other = f"w2-{world.id}"
    text = "".join(
        f"apiVersion: v1\nkind: {kind}\nmetadata: {metadata}\n---\n"
        for kind, metadata in (
            ("Namespace", f"{{name: {other}}}"),
            ("ConfigMap", f"{{name: ours, namespace: {other}}}"),
        )
    )
    place = "apiVersion: spinfleet.dev/v1alpha1\nkind: Bundle\nmetadata: {name: place}\nspec: {path: ./place}\n"
    world.commit(world.fleet(), namespace(world), {"place.yaml": place, "place/objects.yaml": text})
    world.create(serviceAccountName=f"rights-{world.id}")
    world.start()
    world.until(lambda: world.get("v1/configmaps", "ours", other), "it is there")
    stranger = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "stranger", "namespace": other}}
    world.plane.kubectl("create", "-f", "-", stdin=json.dumps(stranger))
    world.commit(files("place"))
    world.until(lambda: other in told(world, "prune.protected"), "the namespace waits for an approval")
    world.until(lambda: world.get("v1/configmaps", "ours", other) is None, "what was in it of ours goes")

    (digest,) = digests(world, guarded=False)
    assert spinfleet(world, "approve", "prune", digest[:16]).returncode == 0
    world.until(lambda: f"ConfigMap {other}/stranger" in told(world, "prune.not-empty"), "what is in it is told")
    assert "deletionTimestamp" not in world.plane.request("GET", f"/api/v1/namespaces/{other}")["metadata"]

    world.plane.kubectl("delete", "configmap", "stranger", "-n", other)
    missing = ["get", "namespace", other, "--ignore-not-found", "-o", "name"]
    world.until(lambda: not world.plane.kubectl(*missing).strip(), "the empty namespace goes", seconds=120)
    world.until(lambda: world.condition("Ready")[0] == "True", "and nothing is left to be told")
