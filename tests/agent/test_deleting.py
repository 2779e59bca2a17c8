"""A FleetSync that is deleted lets go of its objects, or deletes them, and only then it is gone."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest

from reconciler.agent.install import NAMESPACE
from reconciler.plan.membership import PART_OF_LABEL
from reconciler.render.model import APP_ANNOTATION
from tests.agent.conftest import World
from tests.agent.test_last_releases import bundle, namespace
from tests.agent.test_prune_order import BUNDLE

pytestmark = pytest.mark.cluster


def delete(world: World) -> None:
    world.plane.kubectl("delete", "fleetsync", f"f-{world.id}", "-n", NAMESPACE, "--wait=false")


def there(world: World) -> bool:
    return world.get("spinfleet.dev/v1alpha1/fleetsyncs", f"f-{world.id}", NAMESPACE) is not None


def assert_nobodys(obj: dict[str, Any] | None) -> None:
    """An object is there, is not being deleted, and nothing on it says that it is a member."""
    assert obj is not None
    metadata = obj["metadata"]
    assert "deletionTimestamp" not in metadata
    assert PART_OF_LABEL not in (metadata.get("labels") or {})
    assert APP_ANNOTATION not in (metadata.get("annotations") or {})
    assert not [each for each in metadata.get("managedFields") or () if each["manager"].startswith("spinfleet-")]


def test_its_objects_stay_as_they_are_and_belong_to_nobody(world: World) -> None:
    first = world.commit(world.fleet(), world.app("one", replicas=2), bundle(world, "two", data="2"))
    world.create()
    world.start()
    world.until_ready(first)
    delete(world)
    world.until(lambda: not there(world), "it is gone")
    app, config = world.spinapp("one"), world.get("v1/configmaps", "two")
    assert_nobodys(app)
    assert_nobodys(config)
    assert_nobodys(world.plane.request("GET", f"/api/v1/namespaces/{world.namespace}"))
    assert app is not None
    assert config is not None
    assert app["spec"]["replicas"] == 2
    assert config["data"] == {"value": "2"}
    assert world.process is not None
    assert world.process.poll() is None


def test_with_deletion_policy_delete_they_go_in_order_whatever_happens_to_the_agent_meanwhile(world: World) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "front", "namespace": world.namespace, "finalizers": ["example.com/held"]},
        "spec": {"ports": [{"port": 80}]},
    }
    kept = {"spinfleet.dev/prune": "Disabled"}
    configs = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": world.namespace, "annotations": more}}
        for name, more in (("back", {}), ("kept", kept))
    ]  # fmt: skip
    pair = {
        "pair.yaml": BUNDLE,
        **{f"pair/{each['metadata']['name']}.json": json.dumps(each) for each in [service, *configs]},
    }
    first = world.commit(world.fleet(), namespace(world), pair)
    world.create(deletionPolicy="Delete")
    world.start()
    world.until_ready(first)
    delete(world)

    def held() -> bool:
        found = world.get("v1/services", "front")
        return found is not None and "deletionTimestamp" in found["metadata"]

    world.until(held, "the deletion of the service has begun")
    world.until(lambda: world.condition("Ready")[1] == "Deleting", "the FleetSync says so")
    world.stop(signal.SIGKILL)
    world.start()
    assert there(world)
    assert world.get("v1/configmaps", "back") is not None
    patch = '{"metadata":{"finalizers":null}}'
    world.plane.kubectl("patch", "service", "front", "-n", world.namespace, "--type=merge", "-p", patch)
    world.until(lambda: not there(world), "it is gone", seconds=90)
    assert world.get("v1/configmaps", "back") is None
    assert_nobodys(world.get("v1/configmaps", "kept"))
    assert_nobodys(world.plane.request("GET", f"/api/v1/namespaces/{world.namespace}"))
