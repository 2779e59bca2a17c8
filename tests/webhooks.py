"""What SpinKube's admission webhooks and its operator refuse of a SpinApp: an oracle that shares no code with what it judges.

Source: spin-operator, internal/webhook/spinapp_validating.go, internal/controller/deployment.go, api/v1alpha1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "m": Decimal("0.001")}
_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")


def executors_of(objects: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Give the specs of the executors among some objects by namespace and name."""
    return {
        (obj["metadata"]["namespace"], obj["metadata"]["name"]): obj["spec"]
        for obj in objects
        if obj["kind"] == "SpinAppExecutor"
    }


def refusals(app: Mapping[str, Any], executors: Mapping[tuple[str, str], Mapping[str, Any]]) -> Iterator[str]:
    """Say what would be refused of a SpinApp, given the specs of executors by namespace and name."""
    spec, name = app["spec"], app["metadata"]["name"]
    executor = executors.get((app["metadata"]["namespace"], spec.get("executor", "")))
    if executor is None:
        yield "executor does not exist in namespace"
    elif executor["createDeployment"] is False:
        yield from (
            f"{field} without a Deployment" for field in ("deploymentAnnotations", "podAnnotations") if spec.get(field)
        )
    elif "deploymentConfig" not in executor:
        yield "the operator crashes"
    if spec.get("enableAutoscaling", False) and spec.get("replicas", 0) != 0:
        yield "replicas cannot be set when autoscaling is enabled"
    if not spec.get("enableAutoscaling", False) and spec.get("replicas", 0) < 1:
        yield "replicas must be > 0"
    if len(name) > 52 or _NAME.fullmatch(name) is None:
        yield "the name does not fit into its label"
    for probe in (spec.get("checks") or {}).values():
        if "path" not in (probe.get("httpGet") or {}):
            yield "a probe without httpGet"
    yield from (f"volume {each['name']}" for each in spec.get("volumes") or () if each["name"].startswith("spin-"))
    config = spec.get("runtimeConfig") or {}
    if "loadFromSecret" in config and len(config) > 1:
        yield "what stands beside loadFromSecret is ignored"
    if spec.get("components") == []:
        yield "components is empty"
    yield from _memory(spec)


def _memory(spec: Mapping[str, Any]) -> Iterator[str]:
    wanted = (spec.get("invocationLimits") or {}).get("memory")
    if wanted is None:
        return
    resources = spec.get("resources") or {}
    bound = (resources.get("limits") or {}).get("memory") or (resources.get("requests") or {}).get("memory")
    if bound is not None and _number(wanted) > _number(bound):
        yield "invocationLimits.memory is above the pod's"


def _number(quantity: Any) -> Decimal:
    found = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", str(quantity))
    assert found is not None, quantity
    return Decimal(found[1]) * _UNITS[found[2]]
