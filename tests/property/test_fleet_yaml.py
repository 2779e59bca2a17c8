"""The YAML reader on anything: it gives values or problems, never an exception, and never more than was asked for."""

from __future__ import annotations

import json
import time

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.fleet.yaml_reader import MAX_VALUES, read

tokens = st.sampled_from(
    ["a", "b", ": ", ":", "- ", "\n", "\n  ", "\n- ", "[", "]", "{", "}", ", ", "&x ", "*x", "<<: ", "!!int ", "!t ", "'", '"',
     "|\n ", ">\n ", "? ", "# ", "---\n", "...\n", "%", "\t", "~", "yes", "1", "-.5e3", "0x", "\x00", "\u2028", "é", "@", "`"]
)  # fmt: skip
scalars = st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.text(max_size=8))
values = st.recursive(
    scalars,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(max_size=4), below, max_size=4),
    max_leaves=20,
)


@given(st.lists(tokens, max_size=60).map("".join).map(str.encode) | st.binary(max_size=200))
@settings(max_examples=400)
def test_nothing_is_raised_and_every_problem_has_a_code(data):
    source = read(data, "x.yaml")

    for problem in (*source.problems, *(each for document in source.documents for each in document.problems)):
        assert problem.code.startswith("yaml.")
        assert problem.message
    for document in source.documents:
        json.dumps(document.value, allow_nan=False)


@given(values)
def test_what_yaml_writes_is_read_back(value):
    # Quoted, with tags: PyYAML leaves `N` and `y` plain, which Kubernetes reads as false and true.
    text = yaml.safe_dump({"v": value}, allow_unicode=True, default_style='"')
    [document] = read(text.encode(), "x.yaml").documents

    assert document.problems == ()
    assert document.value == {"v": value}


@given(values)
def test_json_is_yaml(value):
    text = json.dumps({"v": value}, ensure_ascii=False)
    if any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 or ord(character) > 0xD7FF for character in text):
        return  # YAML writes these in other ways than JSON does
    [document] = read(text.encode(), "x.yaml").documents

    assert document.value == {"v": value}


@given(
    st.sampled_from(["[", "{a: ", "- ", "? ", "&a [*a, ", "<<: {", "'", "a: &b ", "--- ", "!x ", ", ", "\n "]),
    st.integers(1, 40_000),
)
@settings(max_examples=60, deadline=None)
def test_repetition_is_bounded_in_time(piece, count):
    begun = time.process_time()
    source = read((piece * count).encode(), "x.yaml")

    assert time.process_time() - begun < 10, "what explodes takes minutes"
    assert sum(_size(document.value) for document in source.documents) <= MAX_VALUES


def _size(value: object) -> int:
    if isinstance(value, dict):
        return 1 + sum(1 + _size(below) for below in value.values())
    return 1 + sum(map(_size, value)) if isinstance(value, list) else 1
