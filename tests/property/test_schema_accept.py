"""The fast acceptor against jsonschema: what it accepts, jsonschema finds nothing wrong with; and it accepts what is right."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler import schema_check

DIGEST = "sha256:" + "a" * 64
APP: dict[str, Any] = {
    "apiVersion": "spinfleet.dev/v1alpha1",
    "kind": "App",
    "metadata": {"name": "shop", "labels": {"a": "b"}},
    "spec": {
        "artifact": f"ghcr.io/acme/shop@{DIGEST}",
        "namespace": "apps",
        "replicas": 3,
        "placement": {"clusters": {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]}},
        "resources": {"limits": {"cpu": 1, "memory": "64Mi"}},
        "autoscaling": {"type": "HPA", "min": 1, "max": 4, "cpu": 60},
        "variables": {"a": {"value": "b"}, "c": {"valueFrom": {"secretKeyRef": {"name": "x", "key": "y"}}}},
        "runtimeConfig": {
            "keyValueStores": {"default": {"type": "redis", "options": {"url": {"value": "r"}, "x": "y"}}}
        },
        "routes": [{"host": "a.example.com", "path": "/", "gateway": {"name": "g"}}],
        "checks": {"readiness": False, "liveness": {"path": "/", "periodSeconds": 3}},
        "network": {"egress": "fromManifest"},
        "overrides": [{"clusters": {"names": ["eu"]}, "spec": {"replicas": 1}}],
    },
}
ROLLOUT: dict[str, Any] = {
    "apiVersion": "spinfleet.dev/v1alpha1",
    "kind": "Rollout",
    "metadata": {"name": "waves"},
    "spec": {
        "stages": [
            {"name": "a", "clusters": {}, "soak": "10m", "maxConcurrency": "25%", "maxFailures": 0, "approval": True}
        ],
        "windows": [{"days": ["Mon"], "from": "09:00", "to": "17:00"}],
    },
}
FLEETSYNC: dict[str, Any] = {
    "apiVersion": "spinfleet.dev/v1alpha1",
    "kind": "FleetSync",
    "metadata": {"name": "fleet", "namespace": "spinfleet-system"},
    "spec": {"source": {"url": "https://git.example/f", "branch": "main", "interval": "1m"}, "cluster": "eu"},
}
DOCUMENTS = {"app": APP, "rollout": ROLLOUT, "fleetsync": FLEETSYNC}
ODD = [None, True, 0, -1, 2.5, "", "x", "10m", [], ["x"], {}, {"x": 1}, "${cluster.x}", 10**12]


def mutated(document: Any, seed: int) -> Any:
    """Give a copy with a few random changes: values replaced, fields added, renamed or removed."""
    chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
    document = copy.deepcopy(document)
    for _ in range(chance.randint(1, 3)):
        at = document
        while isinstance(at, (dict, list)) and at:
            key = chance.choice(list(at)) if isinstance(at, dict) else chance.randrange(len(at))
            if chance.random() < 0.3 or not isinstance(at[key], (dict, list)) or not at[key]:
                break
            at = at[key]
        else:
            continue
        match chance.randrange(4):
            case 0:
                at[key] = chance.choice(ODD)
            case 1 if isinstance(at, dict):
                at["added"] = 1
            case 2 if isinstance(at, dict):
                del at[key]
            case _:
                at[key] = chance.choice(list(at.values()) if isinstance(at, dict) else at)
    return document


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_right_document_is_accepted_without_asking_jsonschema(name):
    assert schema_check._accepts(name)(DOCUMENTS[name])
    assert not list(schema_check.validator(name).iter_errors(DOCUMENTS[name]))


@given(st.sampled_from(sorted(DOCUMENTS)), st.integers(0, 2**32))
@settings(max_examples=400, deadline=None)
def test_what_is_accepted_has_no_error(name, seed):
    document = mutated(DOCUMENTS[name], seed)

    assert schema_check._accepts(name)(document) == schema_check.validator(name).is_valid(document)
