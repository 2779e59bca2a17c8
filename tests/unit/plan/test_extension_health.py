"""Kinds of KEDA, the Gateway API and cert-manager are current only once their controllers say so."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.plan.health import health
from reconciler.plan.model import Health

_GATEWAY = "gateway.networking.k8s.io/v1"


def _object(api: str, kind: str, *conditions: dict[str, Any], spec: Any = None, **status: Any) -> dict[str, Any]:
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": {"name": "x", "generation": 2},
        "spec": spec or {},
        "status": {"conditions": list(conditions), **status},
    }


def _condition(kind: str, status: str = "True", reason: str = "", generation: int = 2) -> dict[str, Any]:
    return {"type": kind, "status": status, "reason": reason, "observedGeneration": generation}


def _route(*parents: tuple[str, list[dict[str, Any]]]) -> dict[str, Any]:
    told = [
        {"parentRef": {"name": name}, "controllerName": "c", "conditions": conditions} for name, conditions in parents
    ]
    return _object(_GATEWAY, "HTTPRoute", spec={"parentRefs": [{"name": "edge"}]}, parents=told)


_TAKEN = [_condition("Accepted"), _condition("ResolvedRefs")]
_NO_BACKEND = [_condition("Accepted"), _condition("ResolvedRefs", "False", "BackendNotFound")]
_REFUSED = [_condition("Accepted", "False", "NotAllowedByListeners"), _condition("ResolvedRefs")]

_CASES = [
    (_object("keda.sh/v1alpha1", "ScaledObject"), Health.PROGRESSING),
    (_object("keda.sh/v1alpha1", "ScaledObject", _condition("Ready")), Health.CURRENT),
    (_object("keda.sh/v1alpha1", "ScaledObject", _condition("Ready"), _condition("Active", "False")), Health.CURRENT),
    (_object("keda.sh/v1alpha1", "ScaledObject", _condition("Ready", "False", "ScaledObjectCheckFailed")), Health.PROGRESSING),
    (_object("keda.sh/v1alpha1", "ScaledObject", _condition("Ready", "Unknown"), _condition("Paused")), Health.CURRENT),
    (_object("keda.sh/v1alpha1", "TriggerAuthentication"), Health.CURRENT),
    (_object("cert-manager.io/v1", "Certificate"), Health.PROGRESSING),
    (_object("cert-manager.io/v1", "Certificate", _condition("Ready")), Health.CURRENT),
    (_object("cert-manager.io/v1", "Certificate", _condition("Ready", generation=1)), Health.PROGRESSING),
    (_object("cert-manager.io/v1", "Certificate", _condition("Ready", "False"), _condition("Issuing", "False", "Failed")), Health.FAILED),
    (_object("cert-manager.io/v1", "Certificate", _condition("Ready"), _condition("Issuing", "False", "Failed")), Health.CURRENT),
    (_object("cert-manager.io/v1", "CertificateRequest", _condition("Ready", "False", "Denied")), Health.FAILED),
    (_object("cert-manager.io/v1", "CertificateRequest", _condition("Ready", "False", "Pending")), Health.PROGRESSING),
    (_object("cert-manager.io/v1", "ClusterIssuer", _condition("Ready")), Health.CURRENT),
    (_object(_GATEWAY, "GatewayClass", _condition("Accepted")), Health.CURRENT),
    (_object(_GATEWAY, "GatewayClass", _condition("Accepted", "False", "InvalidParameters")), Health.FAILED),
    (_object(_GATEWAY, "GatewayClass", _condition("Accepted", "Unknown", "Waiting")), Health.PROGRESSING),
    (_object(_GATEWAY, "Gateway", _condition("Accepted"), _condition("Programmed")), Health.CURRENT),
    (_object(_GATEWAY, "Gateway", _condition("Accepted"), _condition("Programmed", "False", "Pending")), Health.PROGRESSING),
    (_object(_GATEWAY, "Gateway", _condition("Accepted", generation=1), _condition("Programmed")), Health.PROGRESSING),
    (_object(_GATEWAY, "Gateway"), Health.PROGRESSING),
    (_route(), Health.PROGRESSING),
    (_route(("edge", _TAKEN)), Health.CURRENT),
    (_route(("other", _TAKEN)), Health.PROGRESSING),
    (_route(("edge", _NO_BACKEND)), Health.PROGRESSING),
    (_route(("edge", _REFUSED)), Health.FAILED),
]  # fmt: skip


@pytest.mark.parametrize(
    ("obj", "expected"), _CASES, ids=[f"{obj['kind']} {number}" for number, (obj, _) in enumerate(_CASES)]
)
def test_health_of_extensions_is_what_their_controllers_report(obj: dict[str, Any], expected: Health) -> None:
    assert health(obj).health is expected
