"""Every object of a sample of random valid fleets is one that an API server takes, with the definitions that clusters really have."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.cluster.connection import Connection
from reconciler.cluster.discovery import Discovery
from reconciler.errors import ClusterError
from reconciler.plan.model import key_of
from tests.cluster.golden import dry_run
from tests.random_fleets import FLEETS, SCALED, WHOLE, rendered

pytestmark = [pytest.mark.cluster, pytest.mark.corpus]

_FLEETS = 120
#: Objects of one kind that differ in content alone are told apart up to this many.
_OF_A_KIND = 25


def _sample() -> list[dict[str, Any]]:
    """Give different objects of the same fleets each time."""
    found: dict[str, dict[str, dict[str, Any]]] = {}

    def add(specs: list[Any]) -> None:
        for each in rendered(specs)[1].values():
            for obj in each.objects:
                content = json.dumps(obj.get("spec", obj), sort_keys=True)
                found.setdefault(obj["kind"], {}).setdefault(content, dict(obj))

    for spec in WHOLE:
        add([spec])
    collect = settings(max_examples=_FLEETS, deadline=None, derandomize=True, database=None)(
        given(st.one_of(FLEETS, SCALED))(add)
    )
    collect()
    return [obj for objects in found.values() for obj in list(objects.values())[:_OF_A_KIND]]


async def test_every_object_of_random_fleets_is_accepted(
    connection: Connection, served: Discovery, namespace: str
) -> None:
    objects = _sample()
    refused = []
    for obj in objects:
        try:
            await dry_run(connection, served, obj, namespace)
        except ClusterError as error:
            refused.append(f"{key_of(obj)}: {error}")
    assert refused == []
    assert {"SpinApp", "CronJob", "Job", "ScaledObject", "HTTPScaledObject", "HTTPRoute"} <= {
        each["kind"] for each in objects
    }
