"""A FleetSync's policy is a floor: what it does not allow is refused before any request."""

from __future__ import annotations

import pytest

from reconciler.agent.fleetsync import FleetSync, parse
from reconciler.agent.policy import refusal
from reconciler.plan.model import ObjectKey
from reconciler.rollout.records import SHARDS, shard_name

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


def test_what_the_fleetsync_itself_reads_is_out_of_reach_in_its_own_namespace_and_nowhere_else() -> None:
    sync = parse(
        {
            "metadata": {"name": "fleet", "namespace": "tenant", "uid": "u", "resourceVersion": "1", "generation": 1},
            "spec": {
                "source": {"url": "https://git.example/fleet", "secretRef": {"name": "git"}},
                "cluster": "eu",
                "decryption": {"secretRef": {"name": "age"}},
                "policy": {
                    "kinds": ["*"],
                    "namespaces": ["*"],
                    "registries": [
                        {"prefix": "a.example", "secretRef": {"name": "login"}, "caSecretRef": {"name": "ca"}}
                    ],
                    "signatures": [
                        {
                            "match": "**",
                            "keys": [{"name": "release", "secretKeyRef": {"name": "signers", "key": "pub"}}],
                            "trustRoot": {"configMapKeyRef": {"name": "roots", "key": "json"}},
                        }
                    ],
                },
            },
        }
    )
    read = {("Secret", each) for each in ("git", "age", "login", "ca", "signers")} | {("ConfigMap", "roots")}
    assert sync.reads == read
    for kind, name in read:
        assert "out of its reach" in refusal(sync, ObjectKey("", kind, "tenant", name), "spinfleet-system")
        assert not refusal(sync, ObjectKey("", kind, "shop", name), "spinfleet-system")
    assert not refusal(sync, ObjectKey("", "ConfigMap", "tenant", "git"), "spinfleet-system")
    assert not refusal(sync, ObjectKey("apps", "Deployment", "tenant", "git"), "spinfleet-system")


def test_release_records_of_any_fleetsync_are_out_of_reach() -> None:
    for name in (shard_name("fleet", 0), shard_name("other-team", SHARDS - 1)):
        assert "release records" in refusal(WIDE, ObjectKey("", "ConfigMap", "tenant", name), "spinfleet-system")
    for name in ("fleet-releases", "fleet-releases-40", "fleet-releases-001"):
        assert not refusal(WIDE, ObjectKey("", "ConfigMap", "tenant", name), "spinfleet-system")


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
