"""A FleetSync's policy is a floor: what it does not allow is refused before any request."""

from __future__ import annotations

import pytest

from reconciler.agent.fleetsync import FleetSync, parse
from reconciler.agent.policy import refusal
from reconciler.plan.model import ObjectKey

DEPLOYMENT = ObjectKey("apps", "Deployment", "shop", "web")


def fleetsync(**policy: object) -> FleetSync:
    return parse(
        {
            "metadata": {"name": "fleet", "namespace": "tenant", "uid": "u", "resourceVersion": "1", "generation": 1},
            "spec": {"source": {"url": "https://git.example/fleet"}, "cluster": "eu", "policy": policy},
        }
    )


WIDE = fleetsync(namespaces=["*"], kinds=["*"])


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (ObjectKey("spinfleet.dev", "FleetSync", "tenant", "x"), "spinfleet.dev"),
        (
            ObjectKey("apiextensions.k8s.io", "CustomResourceDefinition", "", "fleetsyncs.spinfleet.dev"),
            "own definitions",
        ),
        (ObjectKey("", "ConfigMap", "spinfleet-system", "x"), "agent's own"),
        (ObjectKey("", "Namespace", "", "spinfleet-system"), "agent's own"),
    ],
)
def test_no_policy_opens_spinfleet_itself(key: ObjectKey, words: str) -> None:
    assert words in refusal(WIDE, key, "spinfleet-system")


@pytest.mark.parametrize(
    "key",
    [
        DEPLOYMENT,
        ObjectKey("", "Namespace", "", "shop"),
        ObjectKey("apiextensions.k8s.io", "CustomResourceDefinition", "", "databases.example.com"),
        ObjectKey("rbac.authorization.k8s.io", "Role", "shop", "reader"),
    ],
)
def test_a_wide_policy_allows_the_rest(key: ObjectKey) -> None:
    assert not refusal(WIDE, key, "spinfleet-system")


def test_an_unset_policy_allows_only_harmless_kinds_of_the_fleetsyncs_own_namespace() -> None:
    sync = fleetsync()
    assert not refusal(sync, DEPLOYMENT._replace(namespace="tenant"), "spinfleet-system")
    assert "namespace shop" in refusal(sync, DEPLOYMENT, "spinfleet-system")
    assert "policy.kinds" in refusal(sync, ObjectKey("", "Namespace", "", "shop"), "spinfleet-system")
    assert "policy.kinds" in refusal(
        sync, ObjectKey("rbac.authorization.k8s.io", "Role", "tenant", "r"), "spinfleet-system"
    )


def test_listed_namespaces_and_kinds_are_the_only_ones() -> None:
    sync = fleetsync(namespaces=["shop"], kinds=["Deployment.apps", "ConfigMap"])
    assert not refusal(sync, DEPLOYMENT, "a")
    assert not refusal(sync, ObjectKey("", "ConfigMap", "shop", "c"), "a")
    assert "Secret" in refusal(sync, ObjectKey("", "Secret", "shop", "s"), "a")
    assert "Deployment.extensions" in refusal(sync, ObjectKey("extensions", "Deployment", "shop", "web"), "a")
    assert "namespace other" in refusal(sync, DEPLOYMENT._replace(namespace="other"), "a")
