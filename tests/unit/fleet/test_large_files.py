"""Files that are dense with values are refused before they cost memory, and a file of many mistakes is told of some."""

from __future__ import annotations

import pytest

from reconciler.fleet.json_reader import read
from reconciler.fleet.yaml_places import MAX_VALUES


@pytest.mark.parametrize("item", [b"1,", b"[],", b'{"a":1},'])
def test_json_with_more_values_than_are_read_is_refused(item):
    source = read(b"[" + item * MAX_VALUES + b"1]", "a.json")
    assert [problem.code for problem in source.problems] == ["json.too-large"]
    assert source.documents == ()


def test_what_stands_in_a_text_of_json_is_no_value():
    source = read(b'{"data": {"table": "' + b'[1, \\"2\\"],' * MAX_VALUES + b'"}}', "a.json")
    assert source.problems == ()
    assert len(source.documents) == 1


@pytest.mark.parametrize(
    "text", ["kind: List\napiVersion: v1\nitems:\n" + "- {}\n" * 500, "a: 1\n---\n" * 500], ids=["a list", "documents"]
)
def test_a_file_of_many_things_that_are_no_objects_is_told_of_the_first_hundred(make, text):
    loaded = make.load({"b.yaml": make.document("Bundle", "b", "path: m"), "m/a.yaml": text})
    told = [problem for problem in loaded.fleet.bundles["b"].problems if problem.code == "bundle.object"]
    assert len(told) == 100
    assert not loaded.valid


def test_objects_that_all_have_one_name_are_told_of_the_first_hundred(make):
    text = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n---\n" * 500
    loaded = make.load({"b.yaml": make.document("Bundle", "b", "path: m"), "m/a.yaml": text})
    assert len(loaded.fleet.bundles["b"].problems) == 100
