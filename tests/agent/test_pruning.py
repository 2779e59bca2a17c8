"""What leaves Git goes, and only that (design, invariant 2)."""

from __future__ import annotations

import json

import pytest

from tests.agent.conftest import World

pytestmark = pytest.mark.cluster


def test_an_app_removed_from_git_goes_and_only_it(world: World) -> None:
    first = world.commit(world.fleet(), world.app("one"), world.app("two"))
    world.create()
    world.start()
    world.until_ready(first)
    stranger = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "stranger", "namespace": world.namespace}}
    world.plane.kubectl("apply", "-f", "-", stdin=json.dumps(stranger))

    second = world.commit({"apps/one/app.yaml": None, "apps/one/spin.toml": None})
    world.until(lambda: world.spinapp("one") is None, "the removed app goes")
    world.until_ready(second)
    assert world.spinapp("two") is not None
    assert world.get("v1/configmaps", "stranger") is not None
    assert [app["name"] for app in world.status()["apps"]] == ["two"]


def test_an_object_that_leaves_its_bundle_goes(world: World) -> None:
    def config(name: str) -> dict[str, str]:
        return {
            f"extra/{name}.yaml": f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: {world.namespace}}}\n"
        }

    bundle = "apiVersion: spinfleet.dev/v1alpha1\nkind: Bundle\nmetadata: {name: extra}\nspec: {path: ./extra}\n"
    first = world.commit(world.fleet(), world.app("one"), {"bundle.yaml": bundle}, config("a"), config("b"))
    world.create()
    world.start()
    world.until_ready(first)
    second = world.commit({"extra/a.yaml": None})
    world.until(lambda: world.get("v1/configmaps", "a") is None, "the object goes")
    world.until_ready(second)
    assert world.get("v1/configmaps", "b") is not None


def test_what_only_removed_apps_shared_goes_but_a_namespace_is_kept_and_told(world: World) -> None:
    bundle = "apiVersion: spinfleet.dev/v1alpha1\nkind: Bundle\nmetadata: {name: other}\nspec: {path: ./other}\n"
    config = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c-{world.id}, namespace: default}}\n"
    first = world.commit(world.fleet(), world.app("one"), {"bundle.yaml": bundle, "other/c.yaml": config})
    world.create()
    world.start()
    world.until_ready(first)
    second = world.commit({"apps/one/app.yaml": None, "apps/one/spin.toml": None})
    world.until(lambda: world.spinapp("one") is None, "the app goes")
    executor = "core.spinkube.dev/v1alpha1/spinappexecutors"
    world.until(lambda: world.get(executor, "containerd-shim-spin") is None, "its executor goes, after it", seconds=90)
    world.until_ready(second)

    def kept() -> list[tuple[str, bool]]:
        problems = [each for each in world.status().get("problems") or () if each["code"] == "prune.protected"]
        return [(each["severity"], world.namespace in each["message"]) for each in problems]

    world.until(lambda: kept() == [("warning", True)], "the namespace is told as kept")
    namespace = world.plane.request("GET", f"/api/v1/namespaces/{world.namespace}")
    assert "deletionTimestamp" not in namespace["metadata"]


def test_prune_false_keeps_everything(world: World) -> None:
    first = world.commit(world.fleet(), world.app("one"), world.app("two"))
    world.create(prune=False)
    world.start()
    world.until_ready(first)
    second = world.commit({"apps/one/app.yaml": None, "apps/one/spin.toml": None})
    world.until_ready(second)
    assert world.spinapp("one") is not None


def test_the_guard_holds_a_large_prune_and_says_so(world: World) -> None:
    first = world.commit(world.fleet(prune={"maxObjects": 1}), world.app("one"), world.app("two"), world.app("three"))
    world.create()
    world.start()
    world.until_ready(first)
    gone = {f"apps/{name}/{file}": None for name in ("one", "two") for file in ("app.yaml", "spin.toml")}
    world.commit(gone)
    world.until(
        lambda: any(problem.get("code") == "prune.held" for problem in world.status().get("problems") or ()),
        "the prune is held",
    )
    assert world.spinapp("one") is not None
    assert world.spinapp("two") is not None


def test_an_empty_folder_is_an_error_and_prunes_nothing(world: World) -> None:
    first = world.commit(world.fleet(), world.app("one"))
    world.create()
    world.start()
    world.until_ready(first)
    world.commit(
        {
            "fleet.yaml": None,
            "cluster.yaml": None,
            "apps/one/app.yaml": None,
            "apps/one/spin.toml": None,
            "readme": "empty",
        }
    )
    world.until(lambda: world.condition("Valid")[0] == "False", "the commit is refused")
    assert world.spinapp("one") is not None
