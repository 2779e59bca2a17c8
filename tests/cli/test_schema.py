"""`spinfleet schema`: what an editor reads is whole in one file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from reconciler import data
from reconciler.cli.schema import bundled
from tests.cli.conftest import EXAMPLE, Spinfleet

NAMES = sorted(
    ["any", *(path.name.removesuffix(".schema.json") for path in data.folder("schemas").glob("*.schema.json"))]
)
DOCUMENTS = [
    pytest.param(document, id=f"{path.relative_to(EXAMPLE)}")
    for path in sorted(EXAMPLE.rglob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
    if isinstance(document, dict) and document.get("apiVersion") == "spinfleet.dev/v1alpha1"
]


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for below in node.values():
            yield from references(below)
    elif isinstance(node, list):
        for below in node:
            yield from references(below)


def test_without_a_kind_it_lists_them(spinfleet: Spinfleet) -> None:
    answer = spinfleet("schema")
    assert answer.stdout.split() == NAMES


def test_a_printed_schema_is_whole(spinfleet: Spinfleet) -> None:
    answer = spinfleet("schema", "App")
    assert (answer.returncode, answer.stderr) == (0, "")
    printed = json.loads(answer.stdout)
    assert printed == bundled("app")
    assert "common.metadata" in printed["$defs"]


def test_a_kind_that_is_not_there_is_refused_with_those_that_are(spinfleet: Spinfleet) -> None:
    answer = spinfleet("schema", "Aps")
    assert answer.returncode == 2
    assert "app, bundle, check, cluster" in answer.stderr


@pytest.mark.parametrize("name", NAMES)
def test_each_reference_leads_to_a_definition_of_the_same_file(name: str) -> None:
    schema = bundled(name)
    Draft202012Validator.check_schema(schema)
    assert "$id" not in schema
    assert all(each.startswith("#/$defs/") for each in references(schema))
    assert {each.removeprefix("#/$defs/") for each in references(schema)} <= schema.get("$defs", {}).keys()


def test_a_definition_of_the_same_name_in_two_schemas_stays_two() -> None:
    fleet = bundled("fleet")
    assert fleet["$defs"]["app.quantity"] == data.schema("app")["$defs"]["quantity"]
    assert fleet["$defs"]["common.duration"] == data.schema("common")["$defs"]["duration"]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_it_takes_what_the_schemas_take_together_and_refuses_what_they_refuse(document: dict[str, Any]) -> None:
    for name in (document["kind"].lower(), "any"):
        validator = Draft202012Validator(bundled(name))
        assert validator.is_valid(document)
        for broken in (
            {**document, "metadata": {"name": "Not A Name"}},
            {**document, "spec": {**document["spec"], "placment": {}}},
            {**document, "kind": "Ap"},
            {key: value for key, value in document.items() if key != "kind"},
        ):
            assert not validator.is_valid(broken)


@pytest.mark.parametrize("document", [{"apiVersion": "v1", "kind": "App"}, {"kind": "App"}, {}, [], "text", None])
def test_any_passes_what_is_not_the_fleets(document: Any) -> None:
    assert Draft202012Validator(bundled("any")).is_valid(document)


@pytest.mark.parametrize("name", ["spin-manifest-v1", "spin-manifest-v2", "runtime-config"])
def test_schemas_of_toml_files_need_no_other_file_even_as_they_are(name: str) -> None:
    """Taplo refuses a schema whose `$id` is relative."""
    schema = data.schema(name)
    assert "$id" not in schema
    assert all(each.startswith("#/$defs/") for each in references(schema))
