"""An app whose newest version may not run keeps its last release, from its own commit, through restarts and lost caches."""

from __future__ import annotations

import json
import shutil
import signal
from typing import Any

import pytest

from reconciler.agent.install import NAMESPACE
from reconciler.local import gitserver
from reconciler.rollout.records import from_text, shard_name, shard_of
from tests.agent.conftest import World

pytestmark = pytest.mark.cluster

BUNDLE = (
    "apiVersion: spinfleet.dev/v1alpha1\nkind: Bundle\nmetadata: {{name: {name}}}\nspec: {{path: ./{name}{more}}}\n"
)


def bundle(
    world: World, name: str, *, data: str, more: str = "", broken: bool = False
) -> dict[str, str | bytes | None]:
    """A bundle of one ConfigMap of its own name."""
    metadata = f"{{name: {name}, namespace: {world.namespace}}}"
    text = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {metadata}\ndata: {{value: {json.dumps(data)}}}\n"
    kind = "Bundle" if not broken else "Bundle\nsurplus: true"
    return {
        f"{name}.yaml": BUNDLE.format(name=name, more=more).replace("kind: Bundle", f"kind: {kind}"),
        f"{name}/objects.yaml": text,
    }


def namespace(world: World) -> dict[str, str | bytes | None]:
    return {
        "ns.yaml": BUNDLE.format(name="ns", more=""),
        "ns/ns.yaml": f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {world.namespace}}}\n",
    }


def value(world: World, name: str) -> str | None:
    found = world.get("v1/configmaps", name)
    return found["data"]["value"] if found is not None else None


def spoil(world: World, name: str) -> None:
    patch = json.dumps({"data": {"value": "spoiled"}})
    world.plane.kubectl("patch", "configmap", name, "-n", world.namespace, "--type=merge", "-p", patch)


def record(world: World, name: str) -> Any:
    """The release record of an app; None where there is none."""
    shard = world.get("v1/configmaps", shard_name(f"f-{world.id}", shard_of(name)), NAMESPACE)
    text = ((shard or {}).get("data") or {}).get(name)
    return from_text(name, text) if text is not None else None


def held(world: World, name: str, reason: str) -> None:
    world.until(lambda: world.app_status(name).get("reason") == reason, f"{name} is held: {reason}")


def test_a_held_release_is_healed_after_a_restart_and_after_the_cache_is_lost(world: World) -> None:
    first = world.commit(world.fleet(), namespace(world), bundle(world, "one", data="good"))
    world.create()
    world.start()
    world.until_ready(first)
    assert record(world, "one").last.commit == first
    version = record(world, "one").last.version

    world.commit(bundle(world, "one", data="never", broken=True))
    held(world, "one", "Invalid")
    assert world.app_status("one")["released"] == version[:12]
    world.stop(signal.SIGKILL)
    spoil(world, "one")
    world.start()
    world.until(lambda: value(world, "one") == "good", "drift on the last release is healed after a restart")

    world.stop(signal.SIGKILL)
    shutil.rmtree(world.folder / "cache")
    spoil(world, "one")
    world.start()
    world.until(lambda: value(world, "one") == "good", "and after the cache was lost")
    held(world, "one", "Invalid")
    assert world.status()["counts"]["held"] == 1

    fixed = world.commit(bundle(world, "one", data="better"))
    world.until_ready(fixed)
    assert value(world, "one") == "better"
    assert [each.commit for each in record(world, "one").releases] == [fixed, first]


def test_it_is_rendered_with_the_defaults_of_its_commit_and_todays_cluster(world: World) -> None:
    def cluster(domain: str) -> dict[str, str | bytes | None]:
        head = "apiVersion: spinfleet.dev/v1alpha1\nkind: Cluster\nmetadata: {name: here}\nspec: "
        return {"cluster.yaml": head + json.dumps({"spin": "3.6", "variables": {"domain": domain}}) + "\n"}

    def fleet(label: str) -> dict[str, str]:
        return world.fleet(
            defaults={"namespace": world.namespace, "podLabels": {"from": label, "at": "${cluster.domain}"}}
        )

    first = world.commit(fleet("then"), cluster("old"), world.app("one"))
    world.create()
    world.start()
    world.until_ready(first)
    broken = {"apps/one/app.yaml": world.app("one")["apps/one/app.yaml"] + "  surplus: true\n"}
    world.commit(fleet("now"), cluster("new"), broken)
    held(world, "one", "Invalid")

    def labels() -> Any:
        found = world.spinapp("one")
        return found["spec"]["podLabels"] if found is not None else None

    world.until(lambda: labels() == {"from": "then", "at": "new"}, "its own defaults, today's cluster")


def test_a_release_that_was_recorded_and_not_begun_is_completed_from_its_commit(world: World) -> None:
    world.commit(world.fleet(), namespace(world), bundle(world, "one", data="good"))
    world.create(policy={"namespaces": ["*"], "kinds": ["Namespace"]})
    world.start()
    world.until(lambda: record(world, "one") is not None, "the release is recorded")
    world.stop(signal.SIGKILL)
    assert value(world, "one") is None

    world.commit(bundle(world, "one", data="never", broken=True))
    world.plane.kubectl(
        "patch",
        "fleetsync",
        f"f-{world.id}",
        "-n",
        NAMESPACE,
        "--type=merge",
        "-p",
        '{"spec":{"policy":{"kinds":["*"]}}}',
    )
    world.start()
    world.until(lambda: value(world, "one") == "good", "the recorded release is brought about")
    held(world, "one", "Invalid")


def test_a_rewritten_branch_does_not_take_the_commit_of_a_release_away(world: World) -> None:
    first = world.commit(
        world.fleet(), namespace(world), bundle(world, "one", data="good"), bundle(world, "two", data="two")
    )
    world.create()
    world.start()
    world.until_ready(first)
    gitserver.git("update-ref", "-d", "refs/heads/main", cwd=world.repository.path)
    other = world.commit(
        world.fleet(),
        namespace(world),
        bundle(world, "one", data="never", broken=True),
        bundle(world, "two", data="two"),
    )
    held(world, "one", "Invalid")
    spoil(world, "one")
    world.until(lambda: value(world, "one") == "good", "healed from the commit that is no more in the branch")
    assert record(world, "one").last.commit == first
    world.until(lambda: record(world, "two").last.commit == other, "what is unchanged points into the new history")

    world.stop(signal.SIGKILL)
    shutil.rmtree(world.folder / "cache")
    spoil(world, "one")
    world.start()
    world.until(lambda: value(world, "one") == "good", "the server still serves the recorded commit by its id")

    world.stop(signal.SIGKILL)
    shutil.rmtree(world.folder / "cache")
    gitserver.git("config", "uploadpack.allowAnySHA1InWant", "false", cwd=world.repository.path)
    world.start()
    world.until(lambda: first[:12] in world.app_status("one").get("message", ""), "it says which commit is missing")
    assert value(world, "one") == "good"


def test_after_a_restart_onto_a_refused_commit_the_last_accepted_one_is_healed(world: World) -> None:
    first = world.commit(world.fleet(), namespace(world), bundle(world, "one", data="good"))
    world.create()
    world.start()
    world.until_ready(first)
    world.commit({"fleet.yaml": "apiVersion: spinfleet.dev/v1alpha1\nkind: Fleet\nmetadata: {name: test}\nspec: 3\n"})
    world.until(lambda: world.condition("Valid")[1] == "CommitRefused", "the commit is refused")
    world.stop(signal.SIGKILL)
    spoil(world, "one")
    world.start()
    world.until(lambda: value(world, "one") == "good", "what the last accepted commit says is healed")
    world.until(lambda: world.condition("Valid")[1] == "CommitRefused", "and the newest commit is still refused")
    assert world.status()["commit"]["applied"] == first


def test_a_corrupt_record_is_told_and_the_record_of_an_app_that_left_goes(world: World) -> None:
    first = world.commit(
        world.fleet(), namespace(world), bundle(world, "one", data="good"), bundle(world, "two", data="2")
    )
    world.create()
    world.start()
    world.until_ready(first)
    world.stop(signal.SIGKILL)
    name = shard_name(f"f-{world.id}", shard_of("one"))
    world.plane.kubectl("patch", "configmap", name, "-n", NAMESPACE, "--type=merge", "-p", '{"data":{"one":"{"}}')
    world.commit({"two.yaml": None, "two/objects.yaml": None})
    world.start()

    def corrupt() -> bool:
        return any(each.get("code") == "release.corrupt-record" for each in world.status().get("problems") or ())

    world.until(corrupt, "the corrupt record is told")
    world.until(lambda: record(world, "two") is None, "the record of the app that left is gone")
    assert value(world, "two") is None
    world.until(lambda: record(world, "one").last.version, "the corrupt record is written anew")
    assert value(world, "one") == "good"
