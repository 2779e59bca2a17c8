"""Custom kinds are held against their definitions, as far as these can be run without a server."""

from __future__ import annotations

import time
from typing import Any

import pytest
import yaml

from reconciler.openapi.definitions import custom_kinds
from reconciler.openapi.judge import Api, judge
from reconciler.problems import Severity

OBJECT = "apiVersion: example.com/v1\nkind: Database\nmetadata: {name: a, namespace: b}\nspec: "


def defined(schema: str, scope: str = "Namespaced") -> dict[tuple[str, str], Any]:
    """The kind Database whose spec has a schema."""
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": yaml.safe_load(schema)}}},
    }
    spec = {"group": "example.com", "names": {"kind": "Database"}, "scope": scope, "versions": [version]}
    return custom_kinds([{"spec": spec}])


@pytest.mark.parametrize(
    ("schema", "good", "bad", "pointer", "code"),
    [
        ("{type: object, properties: {size: {type: integer}}}", "{size: 1}", "{sise: 1}", "/spec/sise", "unknown-field"),
        ("{type: object, x-kubernetes-preserve-unknown-fields: true, properties: {a: {type: string}}}", "{b: 1}", "{a: 1}", "/spec/a", "type"),
        ("{type: object, required: [a], properties: {a: {type: string}}}", "{a: x}", "{}", "/spec", "required"),
        ("{type: object, required: [a], properties: {a: {type: string, default: x}, b: {type: string}}}", "{a: null}", "{b: null}", "/spec/b", "type"),
        ("{type: string, nullable: true}", "null", "[]", "/spec", "type"),
        ("{type: string, enum: [a, b]}", "a", "c", "/spec", "value"),
        ("{type: string, pattern: '^[a-z]+$'}", "abc", "Abc", "/spec", "format"),
        ("{type: string, format: date-time}", "'2030-01-31T08:00:00Z'", "yesterday", "/spec", "format"),
        ("{type: string, format: uuid}", "6b1d7a5e-0b1a-4e4c-9d0f-1c1c1c1c1c1c", "x", "/spec", "format"),
        ("{type: integer, format: int32}", "5", "5000000000", "/spec", "format"),
        ("{type: string, maxLength: 2}", "ab", "abc", "/spec", "value"),
        ("{type: integer, minimum: 1, exclusiveMinimum: true}", "2", "1", "/spec", "value"),
        ("{type: number, maximum: 1.5}", "1.5", "2", "/spec", "value"),
        ("{type: array, items: {type: string}, minItems: 1}", "[a]", "[]", "/spec", "value"),
        ("{type: array, items: {type: string}, x-kubernetes-list-type: set}", "[a, b]", "[a, a]", "/spec/1", "duplicate-item"),
        ("{type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [key, port], items: {type: object, required: [key], properties: {key: {type: string}, port: {type: string, default: x}}}}", "[{key: a}, {key: a, port: z}]", "[{key: a}, {key: a, port: x}]", "/spec/1", "duplicate-item"),
        ("{type: object, additionalProperties: {type: integer}}", "{a: 1}", "{a: b}", "/spec/a", "type"),
        ("{x-kubernetes-int-or-string: true}", "5", "5.5", "/spec", "type"),
        ("{type: object, properties: {a: {type: string}, b: {type: string}}, oneOf: [{required: [a]}, {required: [b]}]}", "{a: x}", "{a: x, b: x}", "/spec", "value"),
        ("{type: object, properties: {a: {type: string}}, anyOf: [{required: [a]}]}", "{a: x}", "{}", "/spec", "value"),
        ("{type: object, properties: {a: {type: string}}, allOf: [{properties: {a: {pattern: x}}}]}", "{a: x}", "{a: z}", "/spec/a", "format"),
        ("{type: string, not: {enum: [x]}}", "a", "x", "/spec", "value"),
        ("{type: object, x-kubernetes-embedded-resource: true, properties: {spec: {type: object}}}", "{apiVersion: v1, kind: Pod, metadata: {name: a}}", "{other: 1}", "/spec/other", "unknown-field"),
    ],
)  # fmt: skip
def test_a_schema_is_kept(judged, schema, good, bad, pointer, code):
    assert judged(OBJECT + good, custom=defined(schema)) == {}
    found = judged(OBJECT + bad, custom=defined(schema))
    assert found[pointer].code == f"bundle.{code}", found


def test_an_unserved_version_is_told_with_those_that_are(judged):
    [finding] = judged(OBJECT.replace("/v1", "/v2") + "{}", custom=defined("{type: object}")).values()

    assert (finding.code, finding.hint) == ("bundle.removed-kind", "served: v1")


def test_metadata_is_held_against_that_of_every_kind(judged):
    text = "apiVersion: example.com/v1\nkind: Database\nmetadata: {name: a, lables: {}}"

    assert judged(text, custom=defined("{type: object}"))["/metadata/lables"].hint == "did you mean 'labels'?"


def test_a_kind_of_the_whole_cluster_has_no_namespace(judged):
    assert (
        judged(OBJECT + "{}", custom=defined("{type: object}", "Cluster"))["/metadata/namespace"].code
        == "bundle.namespace"
    )


def test_a_kind_that_nothing_defines_is_a_warning_that_can_be_silenced(judged):
    [finding] = judged(OBJECT + "{}").values()

    assert (finding.code, finding.severity) == ("bundle.unknown-kind", Severity.WARNING)
    assert "customKinds" in finding.hint
    for trusted in ("example.com", "Database.example.com"):
        assert judged(OBJECT + "{}", trusted=frozenset({trusted})) == {}


def test_a_capability_says_that_its_kinds_are_there(judged):
    text = "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: a}"

    assert "needs capability 'keda'" in judged(text)["/kind"].message
    assert judged(text, capabilities=frozenset({"keda"})) == {}


@pytest.mark.parametrize("pattern", ["^(a+)+$", "(a|a)*$", "^(([a-z])+.)+[A-Z]([a-z])+$", "(.*)*(.*)*(.*)*x"])
def test_no_pattern_takes_long(judged, pattern):
    begun = time.process_time()

    judged(OBJECT + "a" * 100_000, custom=defined(f"{{type: string, pattern: '{pattern}'}}"))

    assert time.process_time() - begun < 5, "a backtracking matcher would take years"


def test_a_definition_that_asks_for_too_much_is_left_and_said_so():
    schema: dict[str, Any] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    for _ in range(20):
        schema = {"allOf": [schema, schema]}
    kinds = custom_kinds(
        [
            {
                "spec": {
                    "group": "example.com",
                    "names": {"kind": "Database"},
                    "versions": [{"name": "v1", "served": True, "schema": {"openAPIV3Schema": schema}}],
                }
            }
        ]
    )
    obj = {"apiVersion": "example.com/v1", "kind": "Database", "metadata": {"name": "a"}}

    codes = [each.code for each in judge(obj, Api(kubernetes="1.37", custom=kinds))]

    assert codes[-1] == "bundle.not-checked"


def test_of_many_faults_a_hundred_are_told(judged):
    found = judged(OBJECT + str([1] * 1000), custom=defined("{type: array, items: {type: string}}"))

    assert len(found) == 100


def test_nobody_reads_a_definition_that_is_not_one():
    assert (
        custom_kinds(
            [{}, {"spec": []}, {"spec": {"group": 1, "names": {"kind": "A"}}}, {"spec": {"group": "a.b", "names": []}}]
        )
        == {}
    )


@pytest.mark.parametrize(
    "schema",
    [
        {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [f"k{i}" for i in range(1000)], "items": {}},
        {"items": {"anyOf": [{"required": [f"k{i}" for i in range(10_000)]}, {"type": "object"}]}},
        {"items": {"type": "object", "allOf": [{"minProperties": 0}] * 500}},
    ],
    ids=["keys", "required", "alternatives"],
)
def test_work_is_counted_and_ends(schema):
    spec = {"group": "example.com", "names": {"kind": "Database"}}
    whole = {"type": "object", "properties": {"spec": {"type": "array", **schema}}}
    kinds = custom_kinds(
        [{"spec": {**spec, "versions": [{"name": "v1", "served": True, "schema": {"openAPIV3Schema": whole}}]}}]
    )
    obj = {"apiVersion": "example.com/v1", "kind": "Database", "metadata": {"name": "a"}, "spec": [{}] * 10_000}

    assert [each.code for each in judge(obj, Api(kubernetes="1.37", custom=kinds))] == ["bundle.not-checked"]


def test_an_enumeration_tells_true_from_one(judged):
    for schema, good, bad in (("[1]", "1", "true"), ("[true]", "true", "1"), ("[{a: 1}]", "{a: 1}", "{a: 2}")):
        kinds = defined(f"{{enum: {schema}, x-kubernetes-preserve-unknown-fields: true}}")
        assert judged(OBJECT + good, custom=kinds) == {}
        assert judged(OBJECT + bad, custom=kinds)["/spec"].code == "bundle.value"
