"""Conditions of live objects, as the API conventions have them, and the verdicts that are read off them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.plan.model import Health, HealthResult

CURRENT = HealthResult(Health.CURRENT)
Conditions = Sequence[Mapping[str, Any]]


def progressing(message: str) -> HealthResult:
    """Say what is waited for."""
    return HealthResult(Health.PROGRESSING, message)


def failed(message: str) -> HealthResult:
    """Say what went wrong."""
    return HealthResult(Health.FAILED, message)


def conditions_of(obj: Mapping[str, Any]) -> Conditions:
    """Give an object's conditions; those of no sensible form are left out."""
    found = (obj.get("status") or {}).get("conditions")
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else ()


def condition(conditions: Conditions, kind: str, generation: int = 0) -> Mapping[str, Any] | None:
    """Give the condition of a type; one about an earlier generation than `generation` says nothing yet."""
    found = next((each for each in conditions if each.get("type") == kind), None)
    if found is not None and (found.get("observedGeneration") or generation) < generation:
        return None
    return found


def holds(conditions: Conditions, kind: str) -> bool:
    """Tell whether a condition is True."""
    found = condition(conditions, kind)
    return found is not None and found.get("status") == "True"


def words(found: Mapping[str, Any], otherwise: str) -> str:
    """Give what a condition says."""
    return str(found.get("message") or found.get("reason") or otherwise)


def standard(conditions: Conditions) -> HealthResult | None:
    """Give what kstatus' own conditions say, which count for every kind; None where they say nothing."""
    if (stalled := condition(conditions, "Stalled")) is not None and stalled.get("status") == "True":
        return failed(words(stalled, "stalled"))
    if (reconciling := condition(conditions, "Reconciling")) is not None and reconciling.get("status") == "True":
        return progressing(words(reconciling, "reconciling"))
    return None
