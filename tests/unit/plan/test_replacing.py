"""A refusal for a field that can't be changed is told from others; only what asks for it is made anew, never what holds other things."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.plan.model import ObjectKey
from reconciler.plan.replacing import how_to_replace, is_immutable, may_replace

DEPLOYMENT = ObjectKey("apps", "Deployment", "shop", "web")
NAMESPACE = ObjectKey("", "Namespace", "", "shop")
#: As Kubernetes 1.37 answers.
_IMMUTABLE = [
    'Deployment.apps "web" is invalid: spec.selector: Invalid value: {"matchLabels":{"app":"x"}}: field is immutable',
    'ConfigMap "c" is invalid: data: Forbidden: field is immutable when `immutable` is set',
    "StatefulSet.apps \"s\" is invalid: spec: Forbidden: updates to statefulset spec for fields other than 'replicas' are forbidden",
    'Service "s" is invalid: spec.clusterIPs[0]: Invalid value: ["10.0.0.9"]: may not change once set',
    'Pod "p" is invalid: spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`',
    'RoleBinding.rbac.authorization.k8s.io "r" is invalid: roleRef: Invalid value: cannot change roleRef',
    'Thing.example.com "t" is invalid: spec.size: Invalid value: "object": Value is immutable',
    'PersistentVolumeClaim "p" is invalid: spec: Forbidden: spec is immutable after creation except resources.requests',
]
_OTHERS = [
    'Deployment.apps "web" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0',
    'Service "s" is invalid: spec.ports: Required value',
]


@pytest.mark.parametrize("message", _IMMUTABLE)
def test_what_can_not_be_changed_is_recognised(message: str) -> None:
    assert is_immutable(message)


@pytest.mark.parametrize("message", _OTHERS)
def test_what_is_wrong_otherwise_is_not_taken_for_it(message: str) -> None:
    assert not is_immutable(message)


def _annotated(value: str = "") -> dict[str, Any]:
    return {"metadata": {"name": "x", "annotations": {"spinfleet.dev/recreate": value} if value else {}}}


def test_only_an_object_that_asks_for_it_is_made_anew() -> None:
    assert not may_replace(DEPLOYMENT, _annotated(), _annotated())
    assert not may_replace(DEPLOYMENT, _annotated("true"), None)
    assert may_replace(DEPLOYMENT, _annotated("Allowed"), _annotated())
    assert may_replace(DEPLOYMENT, None, _annotated("Allowed"))
    assert "spinfleet.dev/recreate=Allowed" in how_to_replace(DEPLOYMENT)


@pytest.mark.parametrize("kind", ["Namespace", "PersistentVolumeClaim", "PersistentVolume"])
def test_what_holds_other_things_is_never_made_anew(kind: str) -> None:
    key = NAMESPACE._replace(kind=kind)
    assert not may_replace(key, _annotated("Allowed"), _annotated("Allowed"))
    assert "never deleted" in how_to_replace(key)
    assert not may_replace(
        ObjectKey("apiextensions.k8s.io", "CustomResourceDefinition", "", "x"), _annotated("Allowed")
    )
