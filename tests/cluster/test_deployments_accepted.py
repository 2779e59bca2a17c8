"""The Deployments and Services that SpinKube's operator makes of golden and random SpinApps are ones that an API server takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.cluster.connection import Connection
from reconciler.cluster.discovery import Discovery
from reconciler.errors import ClusterError
from reconciler.local.spin_operator_objects import deployment, service
from reconciler.plan.model import key_of
from tests.cluster.golden import dry_run
from tests.random_fleets import FLEETS, SCALED, rendered
from tests.webhooks import executors_of

pytestmark = pytest.mark.cluster

_GOLDEN = Path(__file__).parent.parent / "golden"
_FLEETS = 250
_MOST = 100


def _made(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give what the operator makes of the SpinApps among the objects of one cluster."""
    executors = executors_of(objects)
    found = []
    for obj in objects:
        if obj["kind"] != "SpinApp":
            continue
        executor = executors.get((obj["metadata"]["namespace"], obj["spec"]["executor"]), {})
        app = {**obj, "metadata": {**obj["metadata"], "uid": "00000000-0000-0000-0000-000000000000"}}
        secret = (obj["spec"].get("runtimeConfig") or {}).get("loadFromSecret", "made-by-the-operator")
        if "deploymentConfig" in executor:
            found += [deployment(app, executor["deploymentConfig"], runtime_config_secret=secret), service(app)]
    return found


async def _refused(
    connection: Connection, discovery: Discovery, objects: list[dict[str, Any]], namespace: str
) -> list[str]:
    found = []
    for obj in objects:
        try:
            await dry_run(connection, discovery, obj, namespace)
        except ClusterError as error:
            found.append(f"{key_of(obj)}: {error}")
    return found


async def test_what_comes_of_golden_apps_is_accepted(
    connection: Connection, discovery: Discovery, namespace: str
) -> None:
    made = []
    for path in sorted(_GOLDEN.glob("*/*.yaml")):
        made += _made(list(yaml.safe_load_all(path.read_text(encoding="utf-8"))))
    different = {json.dumps(obj, sort_keys=True): obj for obj in made}
    assert len(different) > 20
    assert await _refused(connection, discovery, list(different.values()), namespace) == []


async def test_what_comes_of_random_apps_is_accepted(
    connection: Connection, discovery: Discovery, namespace: str
) -> None:
    found: dict[str, dict[str, Any]] = {}

    @settings(max_examples=_FLEETS, deadline=None, derandomize=True, database=None)
    @given(st.one_of(FLEETS, SCALED))
    def collect(specs: list[Any]) -> None:
        objects = [dict(obj) for each in rendered(specs)[1].values() for obj in each.objects]
        for obj in _made(objects):
            found.setdefault(json.dumps(obj["spec"], sort_keys=True), obj)

    collect()
    assert len(found) > 20
    assert await _refused(connection, discovery, list(found.values())[:_MOST], namespace) == []
