"""A definition that a server would refuse is told with the place in it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from reconciler.openapi.judge import Api, judge
from reconciler.problems import Severity

DEFINITION = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: databases.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: databases, kind: Database}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, properties: {spec: SCHEMA}}}}]
"""
SPEC = "/spec/versions/0/schema/openAPIV3Schema/properties/spec"


def told(definition: dict[str, Any]) -> dict[str, str]:
    return {each.pointer: f"{each.severity} {each.code}" for each in judge(definition, Api(kubernetes="1.37"))}


def definition(schema: str = "{type: object}", **changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(DEFINITION.replace("SCHEMA", schema))
    found["spec"].update(changes)
    return found


def test_a_right_one_is_right():
    assert told(definition("{type: object, x-kubernetes-preserve-unknown-fields: true}")) == {}


@pytest.mark.parametrize(
    ("schema", "pointer"),
    [
        ("{}", ""), ("{type: object, properties: {a: {minimum: 1}}}", "/properties/a"), ("{type: array}", ""), ("{type: text}", "/type"),
        ("{type: string, x-kubernetes-int-or-string: true}", "/type"), ("{type: object, $ref: '#/x'}", "/$ref"),
        ("{type: array, items: {type: string}, uniqueItems: true}", "/uniqueItems"),
        ("{type: object, properties: {a: {type: string}}, additionalProperties: {type: string}}", "/additionalProperties"),
        ("{type: object, x-kubernetes-preserve-unknown-fields: false}", "/x-kubernetes-preserve-unknown-fields"),
        ("{type: array, items: {type: object}, x-kubernetes-list-type: map}", ""),
        ("{type: string, anyOf: [{type: string}]}", "/anyOf/0/type"), ("{type: string, not: {nullable: true}}", "/not/nullable"),
        ("{type: string, pattern: '(?=a)'}", "/pattern"), ("{type: string, pattern: '['}", "/pattern"),
        ("{type: integer, default: x}", "/default"),
    ],
)  # fmt: skip
def test_a_schema_that_is_not_structural_is_told(schema, pointer):
    assert told(definition(schema)) == {f"{SPEC}{pointer}": "error bundle.definition"}


def test_the_type_of_a_schema_is_looked_at_inside_lists_too():
    assert told(definition("{type: array, items: {type: [string]}}")) == {f"{SPEC}/items/type": "error bundle.type"}


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"group": "other.example.com"}, "/metadata/name"), ({"group": "example"}, "/spec/group"),
        ({"names": {"plural": "databases", "kind": "1Database"}}, "/spec/names/kind"),
        ({"versions": []}, "/spec/versions"), ({"preserveUnknownFields": True}, "/spec/preserveUnknownFields"),
        ({"versions": [{"name": "v1", "served": True, "storage": True}]}, "/spec/versions/0"),
    ],
)  # fmt: skip
def test_names_and_versions_must_fit(changes, pointer):
    assert told(definition(**changes))[pointer] == "error bundle.definition"


def test_exactly_one_version_is_stored():
    schema = {"openAPIV3Schema": {"type": "object"}}
    versions = [{"name": name, "served": True, "storage": True, "schema": schema} for name in ("v1", "v1", "V2")]

    assert told(definition(versions=versions)) == {
        "/spec/versions": "error bundle.definition",
        "/spec/versions/1/name": "error bundle.definition",
        "/spec/versions/2/name": "error bundle.definition",
    }


def test_a_pattern_too_large_to_try_is_a_warning():
    [finding] = judge(definition("{type: string, pattern: '" + r"\pL{900}" * 3 + "'}"), Api(kubernetes="1.37"))

    assert finding.severity is Severity.WARNING
    assert "too large" in finding.message


def test_a_definition_of_the_old_version_is_told_what_to_write(judged):
    found = judged("apiVersion: apiextensions.k8s.io/v1beta1\nkind: CustomResourceDefinition\nmetadata: {name: a.b}")

    assert found["/apiVersion"].hint == "write apiVersion: apiextensions.k8s.io/v1"
