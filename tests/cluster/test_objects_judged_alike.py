"""Objects are judged as a real API server judges them: samples of many kinds, and the same with one random change each.

Each is applied with dryRun=All and fieldValidation=Strict. What is refused here, the server refuses; what the server refuses because of
its schema (unknown fields, types, keys of lists), is refused here.
"""

from __future__ import annotations

import asyncio
import copy
import json
import random
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler import data
from reconciler.cluster.apply import apply
from reconciler.cluster.connection import Connection
from reconciler.cluster.discovery import Discovery, Resource, discover
from reconciler.errors import ClusterError, UnavailableError
from reconciler.local.controlplane import ControlPlane
from reconciler.openapi.definitions import custom_kinds
from reconciler.openapi.judge import Api, judge
from reconciler.plan.model import key_of
from reconciler.problems import Severity

pytestmark = [pytest.mark.cluster]

_SAMPLES = Path(__file__).parent.parent / "objects"
_BAD = (
    5,
    -1,
    1.5,
    "x",
    "",
    True,
    None,
    [],
    {},
    ["x"],
    [{}],
    {"a": "b"},
    "a b",
    "5",
    [None],
    {"a": None},
    "2030-01-01T00:00:00Z",
)
_OF_THE_SCHEMA = re.compile(
    r"unknown field|strict decoding|unmarshal|typed patch object|not declared|quantities must|illegal base64|parsing time"
    r"|to proper version| in body (?:must|should)"
)
_IDENTITY = {("apiVersion",), ("kind",), ("metadata",), ("metadata", "name"), ("metadata", "namespace")}
#: Changes of each sample; the seed makes every run the same one.
_CHANGES = 10
#: Refused here alone, and why: docs/bundles.md.
_ON_PURPOSE = re.compile(r"does not fit in 32 bits|is in no namespace")


def _read(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((_SAMPLES / name).read_text()))


def _definitions(folder: Path) -> list[dict[str, Any]]:
    own = [each for each in _read("built-in.yaml") if each["kind"] == "CustomResourceDefinition"]
    for each in own:
        each["spec"].pop("conversion", None)  # its webhook is not there
    corpus = [yaml.safe_load(path.read_text()) for path in sorted((folder / "crds").glob("*.yaml"))]
    # SpinKube's are there already.
    return [*own, *(each for each in corpus if not each["spec"]["group"].endswith("spinkube.dev"))]


@pytest.fixture(scope="module")
def definitions(control_plane: ControlPlane) -> list[dict[str, Any]]:
    """Those of the samples; with the public ones where they are there."""
    corpus = Path(__file__).parent.parent.parent.parent / "shared" / "corpus"
    found = _definitions(corpus)
    control_plane.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=yaml.safe_dump_all(found))
    names = [f"crd/{each['metadata']['name']}" for each in found]
    control_plane.kubectl("wait", "--for=condition=Established", *names, "--timeout=60s")
    return [*found, *data.definitions()]


@pytest.fixture
async def served(connection: Connection, definitions: list[dict[str, Any]]) -> Discovery:
    wanted = {each["spec"]["group"] for each in definitions}
    async with asyncio.timeout(60):
        while True:
            discovery = await discover(connection)
            if {group for group, _ in discovery.resources} >= wanted:
                return discovery
            await asyncio.sleep(0.2)


def _ways(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if way and way not in _IDENTITY:
        yield way
    for key, below in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from _ways(below, (*way, key))


def _changed(obj: Mapping[str, Any], chance: random.Random) -> dict[str, Any]:
    """Change one thing: take it away, put something else in its place, add a field, or write an item twice."""
    changed: dict[str, Any] = copy.deepcopy(dict(obj))
    way = chance.choice(list(_ways(changed)))
    parent: Any = changed
    for part in way[:-1]:
        parent = parent[part]
    value = parent[way[-1]]
    kind = chance.choice(["take", "replace", "replace", "replace", "add"])
    if kind == "take":
        del parent[way[-1]]
    elif kind == "add" and isinstance(value, dict):
        value["unknownField"] = 1
    elif kind == "add" and isinstance(value, list) and value:
        value.append(copy.deepcopy(value[0]))
    else:
        parent[way[-1]] = copy.deepcopy(chance.choice(_BAD))
    return changed


async def _answer(connection: Connection, resource: Resource, obj: Mapping[str, Any]) -> str:
    """Give what the server says against an object; empty where it takes it."""
    key = key_of(obj)
    namespace = (key.namespace or "default") if resource.namespaced else ""
    try:
        await apply(
            connection, resource, json.dumps(obj).encode(), namespace=namespace, name=key.name, field_manager="judge",
            force=True, dry_run=True,
        )  # fmt: skip
    except (ClusterError, UnavailableError) as error:
        return str(error)
    return ""


async def _differences(
    connection: Connection, discovery: Discovery, objects: list[dict[str, Any]], api: Api
) -> tuple[list[str], list[str]]:
    """Give what is refused here alone, and what the server alone refuses because of its schema."""
    alone: list[str] = []
    missed: list[str] = []
    gate = asyncio.Semaphore(8)

    async def one(obj: dict[str, Any]) -> None:
        key = key_of(obj)
        resource = discovery.find(key.group, key.kind, obj["apiVersion"])
        if resource is None:
            return
        async with gate:
            said = await _answer(connection, resource, obj)
        ours = [each for each in judge(obj, api) if each.severity is Severity.ERROR]
        if ours and not said and not all(_ON_PURPOSE.search(each.message) for each in ours):
            alone.append(f"{key}: {ours[0].pointer} {ours[0].message}")
        if said and not ours and _OF_THE_SCHEMA.search(said):
            missed.append(f"{key}: {said[:300]}")

    await asyncio.gather(*(one(obj) for obj in objects))
    return alone, missed


async def test_every_sample_is_accepted_by_both(
    connection: Connection, served: Discovery, definitions: list[dict[str, Any]]
) -> None:
    api = Api(kubernetes="1.37", custom=custom_kinds(definitions))
    for obj in (*_read("built-in.yaml"), *_read("custom.yaml")):
        key = key_of(obj)
        resource = served.find(key.group, key.kind, obj["apiVersion"])
        assert resource is not None or key.group not in {"", "apps", "example.com"}, key
        if resource is not None:
            assert await _answer(connection, resource, obj) == "", key
            assert judge(obj, api) == (), key


@pytest.mark.parametrize("name", ["built-in.yaml", "custom.yaml"])
async def test_random_changes_are_judged_alike(
    name: str, connection: Connection, served: Discovery, definitions: list[dict[str, Any]]
) -> None:
    chance = random.Random(f"changes of {name}")  # noqa: S311 - the same changes in every run
    changed = [_changed(obj, chance) for obj in _read(name) for _ in range(_CHANGES)]

    alone, missed = await _differences(
        connection, served, changed, Api(kubernetes="1.37", custom=custom_kinds(definitions))
    )

    assert alone == [], "refused here, and taken by the server"
    assert missed == [], "taken here, and refused by the server"


@pytest.mark.parametrize("name", ["a", "1a", "a.b", "A", "a_b", "a-", "x" * 63, "x" * 64, "a:b"])
async def test_names_are_judged_alike(name: str, connection: Connection, served: Discovery) -> None:
    kinds = {
        "ConfigMap",
        "Namespace",
        "Role",
        "Service",
        "CronJob",
        "Job",
        "StatefulSet",
        "PodDisruptionBudget",
        "Deployment",
    }
    samples = {each["kind"]: each for each in reversed(_read("built-in.yaml"))}
    objects = [copy.deepcopy(samples[kind]) for kind in sorted(kinds)]
    for obj in objects:
        obj["metadata"]["name"] = name
        # Pods of an indexed Job have longer names.
        obj.get("spec", {}).pop("completionMode", None)

    for obj in objects:
        resource = served.find(key_of(obj).group, obj["kind"], obj["apiVersion"])
        assert resource is not None
        said = await _answer(connection, resource, obj)
        ours = [each.message for each in judge(obj, Api(kubernetes="1.37"))]
        assert bool(ours) is bool(said), (obj["kind"], name, ours, said)
