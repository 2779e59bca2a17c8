"""An edit changes one value and no other byte, however the document is written; what can't be edited so is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.errors import InputError
from reconciler.fleet.yaml_reader import read
from reconciler.promote.editing import Edit, edited, with_value

OLD = "ghcr.io/acme/hello@sha256:" + "4" * 64
NEW = "localhost:5000/acme/hello:1.5.0@sha256:" + "9" * 64
ARTIFACT = ("spec", "artifact")


def _edit(text: str, *edits: Edit, document: int = 0) -> str:
    data = text.encode()
    return edited(data, read(data, "app.yaml").documents[document], edits).decode()


@pytest.mark.parametrize(
    "text",
    [
        "spec:\n  # why\n  artifact: OLD   # pinned\n  replicas: 2\n",
        'spec:\n  artifact: "OLD"\n',
        "spec:\n  artifact: 'OLD' # a\n\n\n# end\n",
        "spec: {artifact: OLD, replicas: 2}\n",
        '{"spec": {"artifact": "OLD"}}',
        '{\n  "spec": {\n    "artifact": "OLD",\n    "replicas": 2\n  }\n}\n',
        "spec:\r\n  artifact: OLD\r\n  replicas: 2\r\n",
        "spec:\n    artifact:\n      OLD\n",
        "\ufeffspec:\n  artifact: OLD\n",
        "# größer, 日本語, 🎉\nspec:\n  description: grün 🎉\n  artifact: OLD\n",
    ],
)
def test_a_value_is_replaced_where_it_stands_and_nothing_else(text: str) -> None:
    assert _edit(text.replace("OLD", OLD), Edit(path=ARTIFACT, value=NEW)) == text.replace("OLD", NEW)


def test_the_document_that_is_meant_is_edited_and_the_others_of_its_file_are_not() -> None:
    text = f"spec: {{artifact: {OLD}}}\n---\n# two\nspec:\n  artifact: {OLD}\n---\nspec: {{artifact: {OLD}}}\n"
    assert _edit(text, Edit(path=ARTIFACT, value=NEW), document=1) == (
        f"spec: {{artifact: {OLD}}}\n---\n# two\nspec:\n  artifact: {NEW}\n---\nspec: {{artifact: {OLD}}}\n"
    )


OVERRIDE = {"clusters": {"matchLabels": {"env": "staging"}}, "spec": {"artifact": NEW}}
ADDED = f"""\
- clusters: {{matchLabels: {{env: staging}}}}
  spec:
    artifact: {NEW}
"""


@pytest.mark.parametrize("indent", ["", "  "])
def test_an_override_is_added_below_the_last_one_in_its_own_indentation(indent: str) -> None:
    text = f"spec:\n  overrides:\n  {indent}- clusters: {{names: [eu]}}\n  {indent}  spec:\n  {indent}    replicas: 6  # busy\n# end\n"
    lines = "".join(f"  {indent}{line}\n" for line in ADDED.splitlines())
    assert _edit(text, Edit(path=("spec", "overrides", 1), value=OVERRIDE)) == text.replace(
        "# end\n", lines + "# end\n"
    )


def test_the_first_override_is_added_below_the_spec() -> None:
    text = f"spec:\n  artifact: {OLD}\n  checks:\n    liveness: {{path: /}}"
    lines = "".join(f"  {line}\n" for line in ADDED.splitlines())
    assert _edit(text, Edit(path=("spec", "overrides"), value=[OVERRIDE])) == f"{text}\n  overrides:\n{lines}"


def test_an_override_is_added_to_lists_on_one_line_and_to_json() -> None:
    text = "spec: {overrides: [{clusters: {names: [eu]}, spec: {replicas: 6}}]} # x\n"
    assert _edit(text, Edit(path=("spec", "overrides", 1), value=OVERRIDE)) == (
        "spec: {overrides: [{clusters: {names: [eu]}, spec: {replicas: 6}}, "
        f"{{clusters: {{matchLabels: {{env: staging}}}}, spec: {{artifact: {NEW}}}}}]}} # x\n"
    )
    as_json = json.dumps({"spec": {"overrides": []}}, indent=2)
    assert json.loads(_edit(as_json, Edit(path=("spec", "overrides", 0), value=OVERRIDE)))["spec"]["overrides"] == [
        OVERRIDE
    ]


def test_a_new_field_stands_before_the_others_of_its_mapping() -> None:
    text = "overrides:\n- clusters: {names: [eu]}\n  spec:\n    # many\n    replicas: 6\n"
    path = ("overrides", 0, "spec", "artifact")
    assert _edit(text, Edit(path=path, value=NEW)) == text.replace("replicas: 6", f"artifact: {NEW}\n    replicas: 6")
    assert (
        _edit("overrides: [{spec: {}}]\n", Edit(path=path, value=NEW))
        == f"overrides: [{{spec: {{artifact: {NEW}}}}}]\n"
    )


@pytest.mark.parametrize(
    "value", ["true", "NO", "1.5", "", "a: b", "#x", "2026-01-01", "1e3", "0x10", "~", "a'b\"c", "-"]
)
def test_what_would_be_read_as_something_else_is_written_in_quotes(value: str) -> None:
    override = {"clusters": {"matchLabels": {"tier": value}}}
    for text in ("spec:\n  overrides:\n  - clusters: {}\n", "spec: {overrides: [{clusters: {}}]}\n"):
        changed = _edit(text, Edit(path=("spec", "overrides", 1), value=override))
        assert yaml.safe_load(changed)["spec"]["overrides"][1] == override


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (f"x: &one {OLD}\nspec: {{artifact: *one}}\n", "app.yaml:1:4: "),
        (f"spec:\n  artifact: &one {OLD}\nother: *one\n", "app.yaml:2:13: "),
        (f"spec:\n  artifact: >-\n    {OLD}\n", "app.yaml:2:13: "),
        (f"spec:\n  artifact: !!str {OLD}\n", "app.yaml:2:13: "),
        (f"base: &base\n  artifact: {OLD}\nspec: *base\n", "app.yaml:1:7: "),
    ],
)
def test_what_can_not_be_changed_alone_is_refused_with_its_place(text: str, place: str) -> None:
    with pytest.raises(InputError) as caught:
        _edit(text, Edit(path=ARTIFACT, value=NEW))
    assert caught.value.message.startswith(place)
    assert "by hand" in caught.value.hint


def test_a_value_that_a_merge_key_brings_is_set_over_it() -> None:
    text = f"base: &base\n  artifact: {OLD}\nspec:\n  <<: *base\n  replicas: 2\n"
    assert yaml.safe_load(_edit(text, Edit(path=ARTIFACT, value=NEW)))["spec"] == {"artifact": NEW, "replicas": 2}


NAMES = st.text("abcXYZ_09 -é", min_size=1, max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab:#'\"{}[],\n é", max_size=6),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(NAMES, below, max_size=3),
    max_leaves=8,
)
STYLES = st.fixed_dictionaries(
    {"default_flow_style": st.sampled_from([True, False, None]), "indent": st.integers(2, 6), "width": st.sampled_from([20, 200]),
     "default_style": st.sampled_from([None, '"', "'"]), "allow_unicode": st.booleans()}
)  # fmt: skip


@settings(max_examples=40)
@given(
    rest=st.dictionaries(NAMES, VALUES, max_size=3),
    overrides=st.lists(VALUES, max_size=2),
    style=STYLES,
    data=st.data(),
)
def test_a_document_written_in_any_way_holds_after_an_edit_what_it_should_and_all_its_comments(
    rest: dict[str, Any], overrides: list[Any], style: dict[str, Any], data: st.DataObject
) -> None:
    value = {"kind": "App", "spec": {**rest, "artifact": OLD, "overrides": overrides}}
    lines = yaml.safe_dump(value, **style).splitlines()
    comment = (
        data.draw(st.integers(0, len(lines))) if style["default_flow_style"] is False and style["width"] == 200 else 0
    )
    text = "\n".join([*lines[:comment], "# why", *lines[comment:]]) + "\n"
    if [each.value for each in read(text.encode(), "a.yaml").documents] != [value]:
        text = "# why\n" + "\n".join(lines) + "\n"  # the comment fell into a text of several lines
    for edit in (
        Edit(path=ARTIFACT, value=NEW), Edit(path=("spec", "overrides", len(overrides)), value=OVERRIDE),
        Edit(path=("spec", "new"), value=NEW), Edit(path=("spec", "more"), value=[OVERRIDE]),
    ):  # fmt: skip
        changed = _edit(text, edit)
        assert yaml.safe_load(changed) == with_value(value, edit.path, edit.value)
        assert changed.count("# why") == text.count("# why")
