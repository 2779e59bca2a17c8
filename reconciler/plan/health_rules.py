"""Health rules of custom kinds that a Fleet brings (Fleet.spec.health): tests of conditions and fields, no language (docs/adr/0009)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.plan.conditions import CURRENT, condition, conditions_of, failed, progressing, words
from reconciler.plan.model import HealthResult


@dataclass(frozen=True, kw_only=True, slots=True)
class HealthTest:
    """One test of a live object: a condition has a status, or the value at a JSON Pointer is among some."""

    condition: str = ""
    status: str = "True"
    field: str = ""
    values: tuple[Any, ...] = ()

    def passes(self, obj: Mapping[str, Any]) -> bool:
        """Tell whether an object passes. What is not there passes nothing."""
        if self.condition:
            found = condition(conditions_of(obj), self.condition, obj["metadata"].get("generation", 0))
            return found is not None and found.get("status") == self.status
        value = _at(obj, self.field)
        return any(value == wanted and isinstance(value, bool) == isinstance(wanted, bool) for wanted in self.values)

    def told(self, obj: Mapping[str, Any]) -> str:
        """Say how an object stands in this."""
        if self.condition:
            found = condition(conditions_of(obj), self.condition)
            text = words(found, "") if found is not None else ""
            status = str(found.get("status")) if found is not None else "absent"
            return f"{self.condition} is {status}" + (f": {text}" if text else "")
        value = _at(obj, self.field)
        shown = "absent" if value is None else "of many parts" if isinstance(value, (Mapping, list)) else value
        return f"{self.field} is {shown}"


@dataclass(frozen=True, kw_only=True, slots=True)
class HealthRule:
    """When objects of a kind are current (all tests pass) and when they have failed (any does, which is asked first)."""

    current: tuple[HealthTest, ...] = ()
    failed: tuple[HealthTest, ...] = ()

    def judge(self, obj: Mapping[str, Any]) -> HealthResult:
        """Give the health of an object whose controller has seen its newest generation."""
        for test in self.failed:
            if test.passes(obj):
                return failed(test.told(obj))
        for test in self.current:
            if not test.passes(obj):
                return progressing(test.told(obj))
        return CURRENT


HealthRules = Mapping[tuple[str, str], HealthRule]
NO_RULES: HealthRules = {}


def health_rules(spec: Mapping[str, Any]) -> HealthRules:
    """Give the rules of a Fleet's spec by group and kind; where a kind has several, the last counts."""
    return {
        (str(each["group"]), str(each["kind"])): HealthRule(
            current=_tests(each.get("current") or ()), failed=_tests(each.get("failed") or ())
        )
        for each in spec.get("health") or ()
    }


def _tests(written: Iterable[Mapping[str, Any]]) -> tuple[HealthTest, ...]:
    return tuple(
        HealthTest(
            condition=str(each.get("condition") or ""),
            status=str(each.get("status") or "True"),
            field=str(each.get("field") or ""),
            values=tuple(each.get("in") or ()),
        )
        for each in written
    )


def _at(value: Any, pointer: str) -> Any:
    for escaped in pointer.split("/")[1:]:
        part = escaped.replace("~1", "/").replace("~0", "~")
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and part.isascii() and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value
