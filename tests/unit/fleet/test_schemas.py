"""The schemas are strict, described, and agree with what else says the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from reconciler import data

KINDS = ("app", "bundle", "cluster", "fleet", "fleetsync", "rollout", "common")
#: Passed through to Kubernetes or to another tool as they are: its schema is theirs.
PASSED_THROUGH = {
    "settings",
    "behavior",
    "triggers",
    "schedule",
    "providers",
    "ingress",
    "egress",
    "volumes",
    "volumeMounts",
    "monitoring",
    "health",
    "review",
    "patch",
    "spec",
    "signatures",
}


def properties(schema: Any, pointer: str = "") -> Iterator[tuple[str, str, dict[str, Any]]]:
    if isinstance(schema, dict):
        named = schema.get("properties")
        if isinstance(named, dict):
            yield from ((f"{pointer}/{name}", name, each) for name, each in named.items())
        for key, below in schema.items():
            yield from properties(below, f"{pointer}/{key}")
    elif isinstance(schema, list):
        for index, below in enumerate(schema):
            yield from properties(below, f"{pointer}/{index}")


@pytest.mark.parametrize("name", KINDS)
def test_it_is_a_valid_schema_that_refers_to_nothing_outside(name):
    schema = data.schema(name)
    Draft202012Validator.check_schema(schema)

    references = [each["$ref"] for _, _, each in properties(schema) if "$ref" in each]
    assert all(each.startswith(("#/", "common.schema.json#/", "app.schema.json#/")) for each in references)


@pytest.mark.parametrize("name", KINDS)
def test_every_property_is_described(name):
    silent = [
        pointer for pointer, _, each in properties(data.schema(name)) if not {"description", "$ref"} & each.keys()
    ]

    assert silent == []


@pytest.mark.parametrize("name", KINDS)
def test_objects_refuse_fields_they_do_not_know_unless_they_are_passed_through(name):
    open_objects = [
        pointer
        for pointer, field, each in properties(data.schema(name))
        if each.get("type") == "object" and "additionalProperties" not in each and field not in PASSED_THROUGH
    ]

    assert open_objects == []


def test_patterns_are_bounded_by_what_they_match():
    patterns = [each["pattern"] for name in KINDS for _, _, each in properties(data.schema(name)) if "pattern" in each]

    assert patterns
    assert all(pattern.startswith("^") for pattern in patterns)


def test_the_schema_of_fleetsync_has_the_fields_of_its_definition():
    definition = yaml.safe_load(
        (data.folder("deploy") / "crds" / "spinfleet.dev_fleetsyncs.yaml").read_text(encoding="utf-8")
    )
    served = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    ours = data.schema("fleetsync")["properties"]["spec"]

    assert {pointer for pointer, _, _ in properties(ours)} == {pointer for pointer, _, _ in properties(served)}
