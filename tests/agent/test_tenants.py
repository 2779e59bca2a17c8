"""Several FleetSyncs of one agent: each with its own account, rights and repository, and none in another's way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.agent.install import DEPLOYER_ACCOUNT, Installation, objects_of
from tests.agent.conftest import World, discard

pytestmark = pytest.mark.cluster

BUNDLE = "apiVersion: spinfleet.dev/v1alpha1\nkind: Bundle\nmetadata: {name: things}\nspec: {path: ./things}\n"


class Tenant:
    """A FleetSync in a namespace of its own, as `spinfleet install --tenant` makes it, with a folder of the repository of its own."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.folder, self.namespace = world, name, f"{name}-{world.id}"

    @property
    def path(self) -> str:
        return f"/apis/spinfleet.dev/v1alpha1/namespaces/{self.namespace}/fleetsyncs/fleet"

    def add(self, **spec: Any) -> None:
        """Make the tenant, as an administrator does."""
        registries = ({"prefix": self.world.registry, "plainHTTP": True},)
        installation = Installation(
            cluster="here",
            url=self.world.url,
            path=self.folder,
            interval="1s",
            tenant=self.namespace,
            registries=registries,
        )
        for obj in objects_of(installation):
            if obj["kind"] == "FleetSync":
                obj["spec"] |= spec
            self.world.plane.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(obj))

    def things(self, *names: str, namespace: str = "") -> dict[str, str | bytes | None]:
        """A fleet with ConfigMaps of these names."""
        documents = self.world.fleet(defaults={"namespace": self.namespace}) | {"bundle.yaml": BUNDLE}
        for name in names:
            metadata = {"name": name, "namespace": namespace or self.namespace}
            documents[f"things/{name}.yaml"] = json.dumps(
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
            )
        return {f"{self.folder}/{path}": text for path, text in documents.items()}

    def condition(self, kind: str) -> tuple[str, str, str]:
        status = self.world.plane.request("GET", self.path).get("status") or {}
        found = [each for each in status.get("conditions") or () if each["type"] == kind]
        return (found[0]["status"], found[0]["reason"], found[0]["message"]) if found else ("", "", "")

    def until_ready(self, commit: str) -> None:
        def ready() -> bool:
            status = self.world.plane.request("GET", self.path).get("status") or {}
            return (status.get("commit") or {}).get("applied") == commit and self.condition("Ready")[0] == "True"

        self.world.until(ready, f"{self.namespace} is ready: {self.condition('Ready')}")

    def live(self, name: str, namespace: str = "") -> dict[str, Any] | None:
        return self.world.get("v1/configmaps", name, namespace or self.namespace)


@pytest.fixture
def tenants(world: World) -> Iterator[tuple[Tenant, Tenant]]:
    """Two of them; what their tests put into the cluster goes with their namespaces."""
    pair = Tenant(world, "red"), Tenant(world, "blue")
    yield pair
    for each in pair:
        discard(world.plane, "fleet", each.namespace)
        world.plane.kubectl("delete", "namespace", each.namespace, "--ignore-not-found", "--wait=false")


def _start(world: World, *tenants: Tenant) -> None:
    options = [option for each in tenants for option in ("--watch-namespace", each.namespace)]
    world.start(*options, fleetsync="")


def test_fleetsyncs_are_followed_from_when_they_come_until_they_go(
    world: World, tenants: tuple[Tenant, Tenant]
) -> None:
    red, blue = tenants
    first = world.commit(red.things("one"), blue.things("two"))
    red.add()
    _start(world, red, blue)
    red.until_ready(first)
    assert blue.live("two") is None

    blue.add()
    blue.until_ready(first)
    world.plane.kubectl("delete", "fleetsync", "fleet", "-n", red.namespace)
    world.until(lambda: not (world.folder / "cache" / f"{red.namespace}.fleet").exists(), "nothing of it is kept")
    second = world.commit(red.things("three"), blue.things("two", "three"))
    blue.until_ready(second)
    assert red.live("three") is None
    assert red.live("one") is not None

    # What it had was released when it went; here it takes that up again.
    red.add(policy={"adoption": "Adopt"})
    red.until_ready(second)
    assert red.live("three") is not None


def test_one_that_can_t_go_on_says_why_and_stops_no_other(world: World, tenants: tuple[Tenant, Tenant]) -> None:
    red, blue = tenants
    commit = world.commit(red.things("one"), blue.things("two"))
    red.add(policy={"signatures": [_signed_by_nobody()]})
    blue.add()
    _start(world, red, blue)
    blue.until_ready(commit)
    world.until(lambda: red.condition("Stalled")[0] == "True", "it says that it can't go on")
    assert "absent" in red.condition("Stalled")[2]
    assert red.live("one") is None

    red.add(policy={})
    red.until_ready(commit)


def test_a_tenant_reaches_no_namespace_but_its_own_by_policy_nor_by_rights(
    world: World, tenants: tuple[Tenant, Tenant]
) -> None:
    red, blue = tenants
    world.commit(red.things("taken", namespace=blue.namespace), blue.things("two"))
    red.add()
    blue.add()
    _start(world, red, blue)

    def failure() -> str:
        status = world.plane.request("GET", red.path).get("status") or {}
        return next((each["message"] for each in status.get("problems") or () if each.get("object")), "")

    world.until(lambda: "spec.policy.namespaces" in failure(), "policy refuses it")
    # With a policy as wide as can be it is the account's rights that keep it where it belongs.
    red.add(policy={"namespaces": ["*"], "kinds": ["*"]})
    world.until(lambda: f"{red.namespace}:{DEPLOYER_ACCOUNT}" in failure(), "rights refuse it")
    assert blue.namespace in failure()
    assert blue.live("taken") is None

    # What is its own goes on all the while, though its account may watch in its own namespace alone.
    world.commit(
        red.things("taken", namespace=blue.namespace), {"red/things/own.yaml": red.things("own")["red/things/own.yaml"]}
    )
    world.until(lambda: red.live("own") is not None, "its own is written")
    world.plane.kubectl("delete", "configmap", "own", "-n", red.namespace)
    world.until(lambda: red.live("own") is not None, "and healed")


def test_without_the_agents_rights_beside_it_a_fleetsync_is_stalled_until_they_are_given(
    world: World, tenants: tuple[Tenant, Tenant]
) -> None:
    red, _ = tenants
    commit = world.commit(red.things("one"))
    red.add()
    world.plane.kubectl("delete", "rolebinding", "spinfleet-agent-fleet", "-n", red.namespace)
    _start(world, red)
    world.until(lambda: red.condition("Stalled")[0] == "True", "it says that it can't go on")
    assert "--tenant" in red.condition("Stalled")[2]
    red.add()
    red.until_ready(commit)


def _signed_by_nobody() -> dict[str, Any]:
    return {"match": "**", "require": 1, "keys": [{"name": "k", "secretKeyRef": {"name": "absent", "key": "pub"}}]}


def test_beyond_its_quota_nothing_new_is_written_and_what_is_there_is_healed(
    world: World, tenants: tuple[Tenant, Tenant]
) -> None:
    red, _ = tenants
    world.commit(red.things("one", "two", "three"))
    red.add(policy={"quota": {"objects": 2}})
    _start(world, red)

    def refused() -> list[str]:
        status = world.plane.request("GET", red.path).get("status") or {}
        return [each["object"] for each in status.get("problems") or () if each.get("code") == "object.quota"]

    world.until(lambda: len(refused()) == 1, "one has no room")
    written = [name for name in ("one", "two", "three") if red.live(name) is not None]
    assert len(written) == 2
    world.plane.kubectl("delete", "configmap", written[0], "-n", red.namespace)
    world.until(lambda: red.live(written[0]) is not None, "what it has is healed")

    commit = world.commit({f"red/things/{written[0]}.yaml": None})
    red.until_ready(commit)
    assert sum(red.live(name) is not None for name in ("one", "two", "three")) == 2
