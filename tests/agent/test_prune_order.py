"""In which order objects go, and which ones never do."""

from __future__ import annotations

import json

import pytest

from reconciler.errors import UnavailableError
from tests.agent.conftest import World
from tests.agent.test_last_releases import bundle, namespace, value

pytestmark = pytest.mark.cluster

BUNDLE = "apiVersion: spinfleet.dev/v1alpha1\nkind: Bundle\nmetadata: {name: pair}\nspec: {path: ./pair}\n"


def test_a_wave_waits_until_the_one_before_is_gone_and_other_apps_go_on(world: World) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "front", "namespace": world.namespace, "finalizers": ["example.com/held"]},
        "spec": {"ports": [{"port": 80}]},
    }
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "back", "namespace": world.namespace}}
    pair = {"pair.yaml": BUNDLE, "pair/s.json": json.dumps(service), "pair/c.json": json.dumps(config)}
    first = world.commit(world.fleet(), namespace(world), bundle(world, "one", data="1"), pair)
    world.create()
    world.start()
    world.until_ready(first)
    world.commit(dict.fromkeys(pair), bundle(world, "one", data="2"))

    def held() -> bool:
        found = world.get("v1/services", "front")
        return found is not None and "deletionTimestamp" in found["metadata"]

    world.until(held, "the service's deletion has begun")
    world.until(lambda: value(world, "one") == "2", "another bundle goes on")
    assert world.get("v1/configmaps", "back") is not None
    patch = '{"metadata":{"finalizers":null}}'
    world.plane.kubectl("patch", "service", "front", "-n", world.namespace, "--type=merge", "-p", patch)
    world.until(lambda: world.get("v1/configmaps", "back") is None, "what it stood on goes after it")


def test_an_object_whose_annotation_says_so_is_kept_until_it_is_taken_away(world: World) -> None:
    first = world.commit(
        world.fleet(), namespace(world), bundle(world, "one", data="1"), bundle(world, "two", data="2")
    )
    world.create()
    world.start()
    world.until_ready(first)
    world.plane.kubectl("annotate", "configmap", "one", "-n", world.namespace, "spinfleet.dev/prune=Disabled")
    second = world.commit({f"{name}{rest}": None for name in ("one", "two") for rest in (".yaml", "/objects.yaml")})
    world.until(lambda: value(world, "two") is None, "the other one goes")
    world.until_ready(second)
    kept = [each["message"] for each in world.status()["problems"] if each["code"] == "prune.disabled"]
    assert kept
    assert f"{world.namespace}/one" in kept[0]
    assert value(world, "one") == "1"
    world.plane.kubectl("annotate", "configmap", "one", "-n", world.namespace, "spinfleet.dev/prune-")
    world.until(lambda: value(world, "one") is None, "without the annotation it goes")


def test_what_an_admission_policy_refuses_to_delete_stays_a_member_and_goes_once_it_may(world: World) -> None:
    name = f"keep-{world.id}"
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": world.namespace}},
                "resourceRules": [
                    {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["DELETE"], "resources": ["configmaps"]}
                ],
            },
            "validations": [{"expression": "oldObject.metadata.name != 'one'", "message": "one is needed still"}],
        },
    }
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    }
    first = world.commit(
        world.fleet(), namespace(world), bundle(world, "one", data="1"), bundle(world, "two", data="2")
    )
    world.create()
    world.start()
    world.until_ready(first)
    for obj in (policy, binding):
        world.plane.kubectl("create", "-f", "-", stdin=json.dumps(obj))
    try:
        world.until(lambda: refused(world, "one"), "the policy is in force")
        last = world.commit({f"{app}{rest}": None for app in ("one", "two") for rest in (".yaml", "/objects.yaml")})
        world.until(
            lambda: any("one is needed still" in each["message"] for each in world.status().get("problems") or ()),
            "the refusal is told",
        )
        world.until(lambda: value(world, "two") is None, "the other one goes")
        assert value(world, "one") == "1"
    finally:
        world.plane.kubectl("delete", "validatingadmissionpolicybinding", name)
        world.plane.kubectl("delete", "validatingadmissionpolicy", name)
    world.until(lambda: value(world, "one") is None, "it goes once it may", seconds=120)
    world.until_ready(last)


def refused(world: World, name: str) -> bool:
    """Whether the API server would not delete a ConfigMap now."""
    try:
        world.plane.kubectl("delete", "configmap", name, "-n", world.namespace, "--dry-run=server")
    except UnavailableError:
        return True
    return False
