"""One file of plain manifests, for clusters that nobody named."""

from __future__ import annotations

import pytest

from reconciler.check.one_file import check_file

DEFINITION = """apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: databases.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: databases, kind: Database}
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: integer}}}}}}}
---
"""
DATABASE = "apiVersion: example.com/v1\nkind: Database\nmetadata: {name: orders}\nspec: {size: big}\n"


@pytest.fixture
def told(tmp_path):
    def told(text):
        path = tmp_path / "objects.yaml"
        path.write_text(text)
        return [(each.line, each.code) for each in check_file(path).problems]

    return told


def test_objects_are_held_against_definitions_in_the_same_file(told):
    assert told(DEFINITION + DATABASE) == [(14, "bundle.type")]


def test_a_kind_that_the_file_does_not_define_is_nobodys_fault(told):
    assert told(DATABASE) == []


def test_items_of_a_list_are_looked_at(told):
    item = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a},\n   dat: {}}\n"

    assert told(item) == [(5, "bundle.unknown-field")]


def test_a_kind_that_some_version_has_is_a_warning(told):
    flow = "apiVersion: flowcontrol.apiserver.k8s.io/v1beta3\nkind: FlowSchema\nmetadata: {name: a}\nspec: {priorityLevelConfiguration: {name: a}}\n"

    assert told(flow) == [(1, "bundle.removed-kind")]
