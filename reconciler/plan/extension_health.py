"""The health of kinds that KEDA, the Gateway API and cert-manager define: their controllers report, so silence is not health.

Sources: kedacore/keda apis/keda/v1alpha1/condition_types.go; gateway-api GEP-1364 (conditions of Gateways and routes);
cert-manager pkg/apis/certmanager/v1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.plan.conditions import (
    CURRENT,
    Conditions,
    condition,
    conditions_of,
    failed,
    holds,
    progressing,
    words,
)
from reconciler.plan.model import HealthResult

#: Reasons of cert-manager for an issuance that ended without a certificate; it is tried again an hour later.
_NOT_ISSUED = frozenset({"Failed", "Denied", "InvalidRequest"})


def _ready(obj: Mapping[str, Any]) -> HealthResult:
    found = condition(conditions_of(obj), "Ready", obj["metadata"].get("generation", 0))
    if found is None:
        return progressing("not seen yet by its controller")
    return CURRENT if found.get("status") == "True" else progressing(words(found, "not ready"))


def _scaled(obj: Mapping[str, Any]) -> HealthResult:
    """Judge a ScaledObject or ScaledJob: one that is paused on purpose is as it should be."""
    return CURRENT if holds(conditions_of(obj), "Paused") else _ready(obj)


def _certificate(obj: Mapping[str, Any]) -> HealthResult:
    conditions = conditions_of(obj)
    issuing = condition(conditions, "Issuing")
    if (
        not holds(conditions, "Ready")
        and issuing is not None
        and issuing.get("status") == "False"
        and issuing.get("reason") in _NOT_ISSUED
    ):
        return failed(words(issuing, "not issued"))
    return _ready(obj)


def _request(obj: Mapping[str, Any]) -> HealthResult:
    found = condition(conditions_of(obj), "Ready")
    if found is not None and found.get("status") == "False" and found.get("reason") in _NOT_ISSUED:
        return failed(words(found, "not issued"))
    return _ready(obj)


def _accepted(conditions: Conditions, generation: int, then: str) -> HealthResult:
    """Judge by Accepted, and by what follows once it is: a refusal is for good until somebody changes something."""
    accepted = condition(conditions, "Accepted", generation)
    if accepted is None:
        return progressing("not seen yet by its controller")
    if accepted.get("status") != "True":
        text = words(accepted, "not accepted")
        pending = accepted.get("status") == "Unknown" or accepted.get("reason") == "Pending"
        return progressing(text) if pending else failed(text)
    following = condition(conditions, then, generation) if then else accepted
    if following is None or following.get("status") != "True":
        return progressing(words(following or {}, f"not {then} yet"))
    return CURRENT


def _gateway(obj: Mapping[str, Any]) -> HealthResult:
    return _accepted(conditions_of(obj), obj["metadata"].get("generation", 0), "Programmed")


def _gateway_class(obj: Mapping[str, Any]) -> HealthResult:
    return _accepted(conditions_of(obj), obj["metadata"].get("generation", 0), "")


def _route(obj: Mapping[str, Any]) -> HealthResult:
    """Judge a route: each Gateway that it names must have accepted it and found what it refers to."""
    generation = obj["metadata"].get("generation", 0)
    told = [each for each in (obj.get("status") or {}).get("parents") or () if isinstance(each, Mapping)]
    for parent in (obj.get("spec") or {}).get("parentRefs") or ():
        own = [each for each in told if _is_parent(each.get("parentRef") or {}, parent)]
        results = [_accepted(each.get("conditions") or (), generation, "ResolvedRefs") for each in own]
        if CURRENT not in results:
            return results[0] if results else progressing(f"no controller has taken it up for {parent.get('name')}")
    return CURRENT


def _is_parent(told: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(told.get(name) == wanted.get(name) for name in ("name", "sectionName", "port"))


RULES = {
    ("keda.sh", "ScaledObject"): _scaled,
    ("keda.sh", "ScaledJob"): _scaled,
    ("cert-manager.io", "Certificate"): _certificate,
    ("cert-manager.io", "CertificateRequest"): _request,
    ("cert-manager.io", "Issuer"): _ready,
    ("cert-manager.io", "ClusterIssuer"): _ready,
    ("gateway.networking.k8s.io", "GatewayClass"): _gateway_class,
    ("gateway.networking.k8s.io", "Gateway"): _gateway,
    ("gateway.networking.k8s.io", "HTTPRoute"): _route,
    ("gateway.networking.k8s.io", "GRPCRoute"): _route,
    ("gateway.networking.k8s.io", "TLSRoute"): _route,
    ("gateway.networking.k8s.io", "TCPRoute"): _route,
    ("gateway.networking.k8s.io", "UDPRoute"): _route,
}
