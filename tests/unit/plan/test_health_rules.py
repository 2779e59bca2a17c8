"""A Fleet says of its custom kinds when they are current and when they have failed."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.plan.health import health
from reconciler.plan.health_rules import health_rules
from reconciler.plan.model import Health

_RULE = {
    "group": "example.com",
    "kind": "Database",
    "current": [{"condition": "Available"}, {"field": "/status/phase", "in": ["Ready", "Running"]}],
    "failed": [{"condition": "Degraded"}, {"field": "/status/errors/0/fatal", "in": [True]}],
}
RULES = health_rules({"health": [_RULE]})


def _database(*conditions: tuple[str, str], **status: Any) -> dict[str, Any]:
    found = [{"type": kind, "status": value, "message": "says so"} for kind, value in conditions]
    return {
        "apiVersion": "example.com/v1",
        "kind": "Database",
        "metadata": {"name": "x", "generation": 2},
        "status": {"conditions": found, **status},
    }


_AVAILABLE = ("Available", "True")

_CASES = [
    (_database(), Health.PROGRESSING, "Available is absent"),
    (_database(("Available", "False"), phase="Ready"), Health.PROGRESSING, "Available is False: says so"),
    (_database(_AVAILABLE), Health.PROGRESSING, "/status/phase is absent"),
    (_database(_AVAILABLE, phase="Starting"), Health.PROGRESSING, "/status/phase is Starting"),
    (_database(_AVAILABLE, phase="Running"), Health.CURRENT, ""),
    (_database(_AVAILABLE, ("Degraded", "True"), phase="Running"), Health.FAILED, "Degraded is True: says so"),
    (_database(_AVAILABLE, phase="Running", errors=[{"fatal": True}]), Health.FAILED, "/status/errors/0/fatal is True"),
    (_database(_AVAILABLE, phase="Running", errors=[{"fatal": 1}]), Health.CURRENT, ""),
    (_database(_AVAILABLE, phase="Running", observedGeneration=1), Health.PROGRESSING, "generation 2 not seen yet"),
]


@pytest.mark.parametrize(("obj", "expected", "message"), _CASES, ids=[str(number) for number in range(len(_CASES))])
def test_a_rule_decides_for_its_kind(obj: dict[str, Any], expected: Health, message: str) -> None:
    found = health(obj, RULES)
    assert found.health is expected
    assert message in found.message


def test_other_kinds_are_judged_as_before() -> None:
    other = {**_database(), "kind": "Cache"}
    assert health(other, RULES).health is Health.CURRENT
    assert health(_database(), {}).health is Health.CURRENT
