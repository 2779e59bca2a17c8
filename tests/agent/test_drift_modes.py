"""Drift that is only reported, fields that may differ, objects that are left alone, and two writers of one field."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.agent.conftest import World

pytestmark = pytest.mark.cluster


def _bundle(world: World, name: str, data: dict[str, str], **spec: Any) -> dict[str, str]:
    bundle = {
        "apiVersion": "spinfleet.dev/v1alpha1",
        "kind": "Bundle",
        "metadata": {"name": name},
        "spec": {"path": f"./objects-{name}", **spec},
    }
    return {
        f"{name}.yaml": json.dumps(bundle),
        f"objects-{name}/one.yaml": json.dumps(_config(world, name, data)),
    }


def _config(world: World, name: str, data: dict[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": world.namespace},
        "data": data,
    }


def _start(world: World, *files: dict[str, str]) -> str:
    commit = world.commit(world.fleet(), *files)
    world.create(policy=world.policy())
    # What bundles need is there before; an app would bring its namespace.
    world.plane.kubectl("create", "namespace", world.namespace)
    world.start()
    world.until_ready(commit)
    return commit


def _edit(world: World, name: str, **data: str) -> None:
    patch = json.dumps({"data": data})
    world.plane.kubectl(
        "patch", "configmap", name, "-n", world.namespace, "--type=merge", "-p", patch, "--field-manager=kubectl-edit"
    )


def _data(world: World, name: str) -> dict[str, str]:
    found = world.get("v1/configmaps", name)
    return found["data"] if found is not None else {}


def test_drift_that_is_only_reported_is_told_field_by_field_and_not_written(world: World) -> None:
    report = {"mode": "Report"}
    _start(world, _bundle(world, "watched", {"mode": "ours"}, drift=report), _bundle(world, "healed", {"mode": "ours"}))
    _edit(world, "watched", mode="theirs")
    world.until(lambda: '/data/mode is "theirs", wanted "ours"' in world.problem("/watched"), "the difference is told")
    _edit(world, "healed", mode="theirs")
    world.until(lambda: _data(world, "healed") == {"mode": "ours"}, "others are healed as before")
    assert _data(world, "watched") == {"mode": "theirs"}
    assert world.condition("Ready")[0] == "True"

    # A restart does not take it for something that is still to be applied.
    world.stop()
    world.start()
    beside = {"objects-watched/beside.yaml": json.dumps(_config(world, "beside", {"a": "b"}))}
    commit = world.commit(_bundle(world, "healed", {"mode": "newer"}), beside)
    world.until_ready(commit)
    assert _data(world, "beside") == {"a": "b"}
    world.until(lambda: '/data/mode is "theirs"' in world.problem("/watched"), "it is told again")
    assert _data(world, "watched") == {"mode": "theirs"}

    _edit(world, "watched", mode="ours")
    world.until(lambda: not world.problem("/watched"), "what was put back is no difference")
    _edit(world, "watched", mode="theirs")
    world.until(lambda: bool(world.problem("/watched")), "it is told once more")

    # What Git says anew is written, and with it what had drifted.
    commit = world.commit(_bundle(world, "watched", {"mode": "ours", "more": "x"}, drift=report))
    world.until(lambda: _data(world, "watched") == {"mode": "ours", "more": "x"}, "a new version is applied")
    world.until(lambda: not world.problem("/watched"), "nothing differs any more")

    world.plane.kubectl("delete", "configmap", "watched", "-n", world.namespace)
    world.until(lambda: "not there any more" in world.problem("/watched"), "its deletion is told")
    assert _data(world, "watched") == {}


def test_a_field_that_may_differ_is_left_to_who_changed_it_and_the_others_are_healed(world: World) -> None:
    rules = {"ignore": [{"kind": "ConfigMap", "pointers": ["/data/level"]}, {"managers": ["kubectl-tuner"]}]}
    files = _bundle(world, "tuned", {"mode": "ours", "level": "1", "speed": "1"}, drift=rules)
    _start(world, files)
    _edit(world, "tuned", level="9")
    patch = [
        "patch",
        "configmap",
        "tuned",
        "-n",
        world.namespace,
        "--type=merge",
        "--field-manager=kubectl-tuner",
        "-p",
    ]
    world.plane.kubectl(*patch, '{"data":{"speed":"9"}}')
    _edit(world, "tuned", mode="theirs")
    world.until(lambda: _data(world, "tuned").get("mode") == "ours", "the field that may not differ is healed")
    assert _data(world, "tuned") == {"mode": "ours", "level": "9", "speed": "9"}
    world.until(lambda: world.condition("Ready")[0] == "True", "it is ready with them")

    # Git's next version keeps to it; without the rules the fields are ours again.
    commit = world.commit(_bundle(world, "tuned", {"mode": "newer", "level": "2", "speed": "2"}, drift=rules))
    world.until_ready(commit)
    assert _data(world, "tuned") == {"mode": "newer", "level": "9", "speed": "9"}
    commit = world.commit(_bundle(world, "tuned", {"mode": "newest", "level": "2", "speed": "2"}))
    world.until_ready(commit)
    world.until(lambda: _data(world, "tuned") == {"mode": "newest", "level": "2", "speed": "2"}, "all is Git's again")


def test_an_object_that_is_left_alone_is_not_healed_changed_or_pruned_until_the_annotation_goes(world: World) -> None:
    _start(world, _bundle(world, "mine", {"mode": "ours"}), _bundle(world, "other", {"mode": "ours"}))
    world.plane.kubectl("annotate", "configmap", "mine", "-n", world.namespace, "spinfleet.dev/reconcile=Disabled")
    world.until(lambda: "reconcile: Disabled" in world.problem("/mine"), "it is told")
    _edit(world, "mine", mode="theirs")
    commit = world.commit(_bundle(world, "mine", {"mode": "newer"}), _bundle(world, "other", {"mode": "newer"}))
    world.until(lambda: _data(world, "other") == {"mode": "newer"}, "the others go on")
    assert _data(world, "mine") == {"mode": "theirs"}

    world.plane.kubectl("annotate", "configmap", "mine", "-n", world.namespace, "spinfleet.dev/reconcile-")
    world.until(lambda: _data(world, "mine") == {"mode": "newer"}, "it is brought to what Git says")
    world.until_ready(commit)

    world.plane.kubectl("annotate", "configmap", "mine", "-n", world.namespace, "spinfleet.dev/reconcile=Disabled")
    world.until(lambda: "reconcile: Disabled" in world.problem("/mine"), "it is told again")
    commit = world.commit({"mine.yaml": None, "objects-mine/one.yaml": None}, _bundle(world, "other", {"mode": "last"}))
    world.until_ready(commit)
    assert _data(world, "mine") == {"mode": "newer"}


def test_an_applier_that_takes_a_field_again_and_again_is_named_and_left_alone_until_git_changes(world: World) -> None:
    _start(world, _bundle(world, "fought", {"mode": "ours"}))
    rival = json.dumps(_config(world, "fought", {"mode": "rival"}))
    for _ in range(2):
        world.plane.kubectl(
            "apply", "--server-side", "--force-conflicts", "--field-manager=rival", "-f", "-", stdin=rival
        )
        world.until(
            lambda: _data(world, "fought") == {"mode": "ours"} or "rival takes /data/mode" in world.problem("/fought"),
            "it is healed, or fought over",
        )
    world.until(lambda: "rival takes /data/mode" in world.problem("/fought"), "the other is named")
    assert _data(world, "fought") == {"mode": "rival"}
    status, reason, message = world.condition("Ready")
    assert (status, reason) == ("False", "ObjectsFailed")
    assert "rival" in message
    world.until(lambda: bool(world.events("Contested")), "an Event says so")

    commit = world.commit(_bundle(world, "fought", {"mode": "newer"}))
    world.until_ready(commit)
    assert _data(world, "fought") == {"mode": "newer"}


def test_a_field_that_can_not_be_changed_is_told_and_the_object_made_anew_only_where_it_asks_for_it(
    world: World,
) -> None:
    def fixed(value: str) -> dict[str, str]:
        files = _bundle(world, "fixed", {"mode": value})
        return {
            **files,
            "objects-fixed/one.yaml": json.dumps({**_config(world, "fixed", {"mode": value}), "immutable": True}),
        }

    _start(world, fixed("first"))
    before = world.get("v1/configmaps", "fixed")
    assert before is not None
    commit = world.commit(fixed("second"))
    world.until(lambda: "spinfleet.dev/recreate=Allowed" in world.problem("/fixed"), "what to do is told")
    assert _data(world, "fixed") == {"mode": "first"}

    world.plane.kubectl("annotate", "configmap", "fixed", "-n", world.namespace, "spinfleet.dev/recreate=Allowed")
    world.until(lambda: _data(world, "fixed") == {"mode": "second"}, "it is made anew", seconds=120)
    world.until_ready(commit)
    after = world.get("v1/configmaps", "fixed")
    assert after is not None
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    world.until(lambda: bool(world.events("Recreated")), "an Event says so")
