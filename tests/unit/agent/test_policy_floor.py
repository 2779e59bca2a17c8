"""Nothing that a repository says widens what its FleetSync allows, field by field; and what the repository says narrower holds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, cast

import pytest

from reconciler.agent.artifact_policy import wanted
from reconciler.agent.fleetsync import FleetSync, Policy, parse
from reconciler.agent.members import Member
from reconciler.agent.policy import no_room, refusal
from reconciler.agent.pruning import guard
from reconciler.artifact.reference import parse_reference
from reconciler.errors import ArtifactError
from reconciler.fleet.model import Fleet
from reconciler.fleet.signature_rules import SignatureRule, SigningKey
from reconciler.plan.adoption import Terms
from reconciler.plan.adoption import refusal as adoption_refusal
from reconciler.plan.model import ObjectKey

_DIGEST = "@sha256:" + "0" * 64
_THEIRS = {
    "kind": "ConfigMap",
    "metadata": {"name": "c", "namespace": "shop", "managedFields": [{"manager": "kubectl"}]},
}
_RULES = {
    name: SignatureRule(match=f"ghcr.io/{name}/**", keys=(SigningKey(name=name, pem=name),))
    for name in ("acme", "other")
}


def fleetsync(policy: dict[str, Any]) -> FleetSync:
    sync = parse(
        {
            "metadata": {"name": "fleet", "namespace": "shop", "uid": "u", "resourceVersion": "1"},
            "spec": {"source": {"url": "https://git.example/fleet"}, "cluster": "eu", "policy": policy},
        }
    )
    floor = tuple(_RULES[rule["match"].split("/")[1]] for rule in sync.policy.signatures)
    return dataclasses.replace(sync, policy=dataclasses.replace(sync.policy, floor=floor))


def writes(key: ObjectKey) -> Callable[[Any, FleetSync], bool]:
    return lambda _said, sync: not refusal(sync, key, "spinfleet-system")


def adopts(said: Any, sync: FleetSync) -> bool:
    terms = Terms(policy=sync.policy.adoption, git=said)
    return not adoption_refusal(_THEIRS, terms, manager="spinfleet-1", applyset="a")


def runs(reference: str = f"ghcr.io/acme/app{_DIGEST}") -> Callable[[Any, FleetSync], bool]:
    """Tell whether an artifact that nobody has signed may run, by what `Fleet.spec.artifacts` says."""

    def judge(said: Any, sync: FleetSync) -> bool:
        artifacts = {key: value for key, value in said.items() if key != "signatures"}
        own = tuple(_RULES[name] for name in said.get("signatures", ()))
        try:
            return not wanted(parse_reference(reference), artifacts, own, sync.policy).signatures
        except ArtifactError:
            return False

    return judge


def prunes(going: int, total: int) -> Callable[[Any, FleetSync], bool]:
    def judge(said: Any, sync: FleetSync) -> bool:
        fleet = Fleet(name="f", path="f", line=1, commit=None, spec={"prune": said}, clusters={}, apps={}, bundles={})
        return not guard(cast("list[Member]", [None] * going), total, fleet, sync)

    return judge


def grows(objects: int) -> Callable[[Any, FleetSync], bool]:
    return lambda _said, sync: not no_room(sync, objects)


_WEB, _ROLE = (
    ObjectKey("apps", "Deployment", "shop", "web"),
    ObjectKey("rbac.authorization.k8s.io", "Role", "shop", "r"),
)
_OPEN = {"unsigned": "Allow"}
_TAG, _ACME, _OTHER = "ghcr.io/acme/app:v1", [{"prefix": "ghcr.io/acme"}], [{"prefix": "ghcr.io/other"}]

#: Field of the policy: what it says, what Git says where Git can say something, who judges, and what comes of it.
_TABLE: dict[str, list[tuple[dict[str, Any], Any, Callable[[Any, FleetSync], bool], bool]]] = {
    "namespaces": [
        ({}, None, writes(_WEB), True),
        ({"namespaces": ["shop"]}, None, writes(_WEB), True),
        ({"namespaces": ["other"]}, None, writes(_WEB), False),
        ({"namespaces": []}, None, writes(_WEB), False),
    ],
    "kinds": [
        ({}, None, writes(_WEB), True),
        ({}, None, writes(_ROLE), False),
        ({"kinds": ["Role.rbac.authorization.k8s.io"]}, None, writes(_ROLE), True),
        ({"kinds": []}, None, writes(_WEB), False),
    ],
    "adoption": [
        ({}, "Adopt", adopts, False),
        ({"adoption": "Never"}, "Adopt", adopts, False),
        ({"adoption": "Adopt"}, "Never", adopts, False),
        ({"adoption": "Adopt"}, "", adopts, True),
    ],
    "require_digest": [
        ({}, {**_OPEN, "requireDigest": False}, runs(_TAG), False),
        ({"requireDigest": False}, _OPEN, runs(_TAG), False),
        ({"requireDigest": False}, {**_OPEN, "requireDigest": False}, runs(_TAG), True),
    ],
    "unsigned": [
        ({}, {}, runs(), False),
        ({"unsigned": "Allow"}, {}, runs(), False),
        ({"unsigned": "Deny"}, _OPEN, runs(), False),
        ({"unsigned": "Warn"}, _OPEN, runs(), True),
    ],
    "registries": [
        ({}, _OPEN, runs(), True),
        ({"registries": _ACME}, _OPEN, runs(), True),
        ({"registries": _OTHER}, {**_OPEN, "registries": ["ghcr.io/acme"]}, runs(), False),
        ({"registries": _ACME}, {**_OPEN, "registries": ["ghcr.io/other"]}, runs(), False),
        ({"registries": []}, _OPEN, runs(), False),
        ({"registries": _ACME}, {**_OPEN, "registries": []}, runs(), False),
    ],
    "signatures": [
        ({"signatures": [{"match": "ghcr.io/acme/**"}]}, _OPEN, runs(), False),
        ({"unsigned": "Allow"}, {**_OPEN, "signatures": ["acme"]}, runs(), False),
        ({"signatures": [{"match": "ghcr.io/other/**"}]}, _OPEN, runs(), False),
        ({"signatures": [], "unsigned": "Allow"}, _OPEN, runs(), True),
    ],
    "prune_max_fraction": [
        ({"prune": {"maxFraction": 0.1}}, {"maxFraction": 1}, prunes(20, 100), False),
        ({"prune": {"maxFraction": 1}}, {"maxFraction": 0.1}, prunes(20, 100), False),
        ({"prune": {"maxFraction": 0.5}}, {"maxFraction": 0.5}, prunes(20, 100), True),
    ],
    "prune_max_objects": [
        ({"prune": {"maxObjects": 0}}, {}, prunes(1, 100), False),
        ({"prune": {"maxObjects": 5}}, {"maxObjects": 500}, prunes(6, 100), False),
        ({"prune": {"maxObjects": 500}}, {"maxObjects": 5}, prunes(6, 100), False),
        ({"prune": {"maxObjects": 5}}, {}, prunes(5, 100), True),
    ],
    "quota_objects": [
        ({}, None, grows(10_000), True),
        ({"quota": {"objects": 0}}, None, grows(0), False),
        ({"quota": {"objects": 5}}, None, grows(4), True),
        ({"quota": {"objects": 5}}, None, grows(5), False),
    ],
}  # fmt: skip


@pytest.mark.parametrize("field", _TABLE)
def test_the_stricter_wins(field: str) -> None:
    judged = [judge(said, fleetsync(policy)) for policy, said, judge, _ in _TABLE[field]]
    assert judged == [allowed for *_, allowed in _TABLE[field]]


def test_every_field_of_a_policy_is_in_the_table() -> None:
    fields = {each.name for each in dataclasses.fields(Policy)}
    assert fields - {"floor"} == _TABLE.keys()  # `floor` are `signatures`, read in
