"""A Bundle's default namespace never goes with an object of a kind that has none, whoever installed its definition, and whenever."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.agent.install import DEPLOYER_ACCOUNT, NAMESPACE
from tests.agent.conftest import World
from tests.rights import account, wait_until_allowed

pytestmark = pytest.mark.cluster


class Kind:
    """A custom kind without a namespace, whose definition is in no repository."""

    def __init__(self, world: World) -> None:
        self.world, self.group = world, f"g{world.id}.acme.example"

    def allow(self) -> None:
        """Let the deployer write this kind: what the installation lets it write is what SpinKube and Kubernetes have."""
        name, group = f"zones-{self.world.id}", "rbac.authorization.k8s.io"
        rules = [{"apiGroups": [self.group], "resources": ["*"], "verbs": ["*"]}]
        subjects = [{"kind": "ServiceAccount", "name": DEPLOYER_ACCOUNT, "namespace": NAMESPACE}]
        metadata, role = {"name": name}, {"apiGroup": group, "kind": "ClusterRole", "name": name}
        for obj in (
            {"apiVersion": f"{group}/v1", "kind": "ClusterRole", "metadata": metadata, "rules": rules},
            {"apiVersion": f"{group}/v1", "kind": "ClusterRoleBinding", "metadata": metadata, "roleRef": role, "subjects": subjects},
        ):  # fmt: skip
            self.world.plane.request("POST", f"/apis/{group}/v1/{obj['kind'].lower()}s", obj)
        deployer = account(NAMESPACE, DEPLOYER_ACCOUNT)
        wait_until_allowed(self.world.plane, deployer, "patch", "zones", group=self.group)

    def define(self) -> None:
        version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
        names = {"kind": "Zone", "plural": "zones", "singular": "zone", "listKind": "ZoneList"}
        definition = {
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": f"zones.{self.group}"},
            "spec": {"group": self.group, "scope": "Cluster", "names": names, "versions": [version]},
        }  # fmt: skip
        self.world.plane.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(definition))
        self.world.plane.kubectl("wait", "--for=condition=Established", f"crd/zones.{self.group}", "--timeout=60s")

    def names(self) -> list[str]:
        found: dict[str, Any] = self.world.plane.request("GET", f"/apis/{self.group}/v1/zones")
        return [each["metadata"]["name"] for each in found["items"]]

    def files(self, *names: str) -> dict[str, str | None]:
        spec = {"path": "./zones", "namespace": self.world.namespace}
        bundle = {"apiVersion": "spinfleet.dev/v1alpha1", "kind": "Bundle", "metadata": {"name": "zones"}, "spec": spec}
        config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "beside"}}
        return {
            "bundle.yaml": json.dumps(bundle),
            "zones/beside.yaml": json.dumps(config),
            **{f"zones/{each}.yaml": self._zone(each) if each in names else None for each in ("north", "south")},
        }

    def _zone(self, name: str) -> str:
        return json.dumps({"apiVersion": f"{self.group}/v1", "kind": "Zone", "metadata": {"name": name}})


@pytest.fixture
def zones(world: World) -> Iterator[Kind]:
    kind = Kind(world)
    kind.allow()
    yield kind
    for each in ("clusterrolebinding", "clusterrole"):
        world.plane.kubectl("delete", each, f"zones-{world.id}")
    world.plane.kubectl("delete", "crd", f"zones.{kind.group}", "--ignore-not-found", "--wait=false")


def test_one_that_is_there_is_written_and_pruned_without_a_namespace(world: World, zones: Kind) -> None:
    zones.define()
    first = world.commit(world.fleet(), world.app("one"), zones.files("north", "south"))
    world.create()
    world.start()
    world.until_ready(first)
    assert zones.names() == ["north", "south"]
    assert world.get("v1/configmaps", "beside") is not None

    second = world.commit(zones.files("south"))
    world.until_ready(second)
    world.until(lambda: zones.names() == ["south"], "what left Git goes")

    # Found again after a restart, as what it is.
    world.stop()
    world.start()
    third = world.commit(zones.files("south", "north"))
    world.until_ready(third)
    assert zones.names() == ["north", "south"]


def test_one_whose_definition_comes_later_is_told_and_then_written(world: World, zones: Kind) -> None:
    commit = world.commit(world.fleet(), world.app("one"), zones.files("north"))
    world.create()
    world.start()
    world.until(
        lambda: any(each.get("code") == "object.unknown-kind" for each in world.status().get("problems") or ()),
        "it is told",
    )
    # Its namespace comes with the app, which may be verified after this was told.
    world.until(lambda: world.get("v1/configmaps", "beside") is not None, "what is beside it is written")

    zones.define()
    world.until_ready(commit)
    assert zones.names() == ["north"]
