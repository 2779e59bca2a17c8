"""The schemas of spin.toml and of the runtime configuration are strict, described and well-formed."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reconciler import data
from reconciler.manifest import positional
from reconciler.schema_check import check

_NAMES = ("spin-manifest-v1", "spin-manifest-v2", "runtime-config")
_OPEN = {("spin-manifest-v1", "trigger"), ("spin-manifest-v2", "trigger")}
_HERE = Path(__file__).parent / "runtime-config"


def _objects(schema: Any, name: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict):
            yield name, schema
        for key, below in schema.items():
            yield from _objects(below, key if key not in {"properties", "$defs", "items"} else name)
    elif isinstance(schema, list):
        for below in schema:
            yield from _objects(below, name)


@pytest.mark.parametrize("name", _NAMES)
def test_a_schema_is_valid_itself(name: str) -> None:
    Draft202012Validator.check_schema(data.schema(name))


@pytest.mark.parametrize("name", _NAMES)
def test_every_property_is_described_and_every_object_closed_but_triggers(name: str) -> None:
    schema = data.schema(name)
    for where, each in _objects(schema):
        if (name, where) not in _OPEN:
            assert each.get("additionalProperties") is False, where
        for key, below in each["properties"].items():
            target = schema["$defs"][below["$ref"].rpartition("/")[2]] if "$ref" in below else below
            assert below.get("description") or target.get("description"), (where, key)


def test_the_order_of_fields_that_lists_stand_for_names_the_fields_of_the_schemas() -> None:
    second, first = data.schema("spin-manifest-v2"), data.schema("spin-manifest-v1")
    definitions = second["$defs"]
    assert set(positional._COMPONENT) == set(definitions["component"]["properties"])
    assert set(positional._V1_COMPONENT) == set(first["$defs"]["component"]["properties"])
    assert set(positional._APPLICATION) == set(second["properties"]["application"]["properties"])
    for shape, name in (
        (positional._VARIABLE, "variable"),
        (positional._BUILD, "build"),
        (positional._PROFILE, "profile"),
    ):
        assert set(shape) == set(definitions[name]["properties"])


@pytest.mark.parametrize("path", sorted(_HERE.glob("*/*.toml")), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_runtime_configuration_is_judged_as_its_folder_says(path: Path) -> None:
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    problems = check(document, "runtime-config", path=path.name, places=lambda _: None, prefix="runtime")
    assert bool(problems) == (path.parent.name == "invalid"), problems
