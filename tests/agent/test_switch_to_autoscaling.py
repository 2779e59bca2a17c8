"""A running workload whose number goes over to an autoscaler keeps its pods: a real HPA, a real API server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.agent.conftest import MANIFEST, World

pytestmark = pytest.mark.cluster

_HPA = {"type": "HPA", "min": 2, "max": 9, "cpu": 60}


def _app(world: World, reference: str, **fields: Any) -> dict[str, str]:
    spec = {"artifact": reference, "resources": {"requests": {"cpu": "10m"}}, **fields}
    head = {"apiVersion": "spinfleet.dev/v1alpha1", "kind": "App", "metadata": {"name": "one"}}
    return {"one/spin.toml": MANIFEST.format(name="one"), "one/app.yaml": json.dumps({**head, "spec": spec})}


def _deployment(world: World, name: str) -> dict[str, Any]:
    return world.get("apps/v1/deployments", name) or {"spec": {}, "metadata": {}}


def _replicas(world: World, name: str) -> int:
    return int(_deployment(world, name)["spec"].get("replicas", -1))


def _appliers(world: World, name: str) -> set[str]:
    """Give who has applied the number, by the first word of the manager's name."""
    entries = _deployment(world, name)["metadata"].get("managedFields") or ()
    return {
        each["manager"].partition("-")[0]
        for each in entries
        if each["operation"] == "Apply" and "f:replicas" in each["fieldsV1"].get("f:spec", {})
    }


def test_a_spinapp_keeps_its_pods_until_its_hpa_sets_their_number(world: World) -> None:
    reference = world.push("one")
    commit = world.commit(world.fleet(), _app(world, reference, replicas=3))
    world.create()
    world.start()
    world.until_ready(commit)
    world.until(lambda: _replicas(world, "one") == 3, "three pods")

    # No metrics are served: an HPA moves the number into its bounds, and nothing else would bring it back to three.
    commit = world.commit(_app(world, reference, autoscaling=_HPA))
    world.until_ready(commit)
    world.until(lambda: _appliers(world, "one") == {"spinfleet"}, "the operator lets go of the number")
    assert _replicas(world, "one") == 3

    commit = world.commit(_app(world, reference, autoscaling={**_HPA, "min": 5}))
    world.until(lambda: _replicas(world, "one") == 5, "the HPA raises the number", seconds=120)
    assert _appliers(world, "one") == set()
    world.until_ready(commit)

    commit = world.commit(_app(world, reference, replicas=2))
    world.until_ready(commit)
    world.until(lambda: _replicas(world, "one") == 2, "the fleet sets the number again")


def _bundle(world: World, *, scaled: bool, replicas: int | None = 4, **annotations: str) -> dict[str, str | None]:
    container = {"name": "web", "image": "web:1", "resources": {"requests": {"cpu": "10m"}}}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}}
    spec = {"selector": {"matchLabels": {"app": "web"}}, "template": template}
    spec |= {"replicas": replicas} if replicas is not None else {}
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    hpa = {
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web", "annotations": annotations},
        "spec": {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 9},
    }  # fmt: skip
    head = {"apiVersion": "spinfleet.dev/v1alpha1", "kind": "Bundle", "metadata": {"name": "web"}}
    return {
        "web.yaml": json.dumps({**head, "spec": {"path": "web", "namespace": world.namespace}}),
        "web/namespace.yaml": json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": world.namespace}}),
        "web/web.yaml": json.dumps({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}),
        "web/hpa.yaml": json.dumps(hpa) if scaled else None,
    }  # fmt: skip


def test_a_deployment_of_a_bundle_keeps_its_pods_when_an_hpa_comes(world: World) -> None:
    commit = world.commit(world.fleet(), {key: text for key, text in _bundle(world, scaled=False).items() if text})
    world.create()
    world.start()
    world.until_ready(commit)
    assert _replicas(world, "web") == 4

    commit = world.commit(_bundle(world, scaled=True))
    world.until_ready(commit)
    entries = _deployment(world, "web")["metadata"]["managedFields"]
    ours = [each for each in entries if each["manager"].startswith("spinfleet-")]
    holders = [each["manager"].endswith("-replicas") for each in ours if "f:replicas" in each["fieldsV1"]["f:spec"]]
    assert (holders, _replicas(world, "web")) == ([True], 4)


def _scaler_of_another_bundle(world: World) -> dict[str, str | None]:
    hpa = _bundle(world, scaled=True)["web/hpa.yaml"]
    head = {"apiVersion": "spinfleet.dev/v1alpha1", "kind": "Bundle", "metadata": {"name": "zoom"}}
    return {
        "zoom.yaml": json.dumps({**head, "spec": {"path": "zoom", "namespace": world.namespace}}),
        "zoom/hpa.yaml": hpa,
    }


def _holds(world: World) -> set[str]:
    """Give the last word of the name of each of our managers that has the number."""
    entries = _deployment(world, "web")["metadata"].get("managedFields") or ()
    ours = [each for each in entries if each["manager"].startswith("spinfleet-")]
    return {each["manager"].rpartition("-")[2] for each in ours if "f:replicas" in each["fieldsV1"].get("f:spec", {})}


def test_the_number_is_left_to_an_hpa_of_another_bundle_until_that_goes(world: World) -> None:
    bundle = {key: text for key, text in _bundle(world, scaled=False).items() if text}
    commit = world.commit(world.fleet(), bundle)
    world.create()
    world.start()
    world.until_ready(commit)
    assert _replicas(world, "web") == 4

    scaler = _scaler_of_another_bundle(world)
    world.until_ready(world.commit(scaler))
    world.until(lambda: _holds(world) == {"replicas"}, "the number is not sent any more")
    assert _replicas(world, "web") == 4

    # A restart learns of the Deployment's Bundle first, and of the autoscaler's after.
    world.stop()
    before = _deployment(world, "web")["metadata"]["generation"]
    world.start()
    more = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "more"}}
    world.until_ready(world.commit({"zoom/more.yaml": json.dumps(more)}))
    assert (_holds(world), _deployment(world, "web")["metadata"]["generation"]) == ({"replicas"}, before)

    world.until_ready(world.commit(dict.fromkeys([*scaler, "zoom/more.yaml"])))
    world.until(lambda: _holds(world) - {"replicas"} != set(), "the fleet sends the number again")


def test_the_number_is_left_to_an_hpa_that_outlives_its_place_in_git(world: World) -> None:
    bundle = _bundle(world, scaled=True, **{"spinfleet.dev/prune": "Disabled"})
    commit = world.commit(world.fleet(), {key: text for key, text in bundle.items() if text})
    world.create()
    world.start()
    world.until_ready(commit)
    world.until(lambda: _replicas(world, "web") == 2, "the HPA raises the number to its least", seconds=120)

    world.until_ready(world.commit(_bundle(world, scaled=False)))
    assert (_holds(world), _replicas(world, "web")) == (set(), 2)

    world.plane.kubectl("delete", "hpa", "web", "-n", world.namespace)
    world.until(lambda: _replicas(world, "web") == 4, "the fleet sets the number once the HPA is gone")


def test_an_hpa_that_git_knows_nothing_of_is_told_and_keeps_the_number(world: World) -> None:
    bundle = {key: text for key, text in _bundle(world, scaled=False).items() if text}
    commit = world.commit(world.fleet(), bundle)
    world.create()
    world.start()
    world.until_ready(commit)

    world.plane.kubectl("autoscale", "deployment", "web", "--min=6", "--max=9", "--cpu=60%", "-n", world.namespace)

    def told() -> list[str]:
        problems = world.status().get("problems") or ()
        return [each["message"] for each in problems if each["code"] == "object.contested"]

    world.until(lambda: told() != [], "the fight is told", seconds=180)
    assert "an autoscaler that is not in Git sets /spec/replicas" in told()[0]
    assert _replicas(world, "web") == 6

    world.until_ready(world.commit(_bundle(world, scaled=False, replicas=None)))
    assert (_replicas(world, "web"), told()) == (6, [])
