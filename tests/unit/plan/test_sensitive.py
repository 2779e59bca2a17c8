"""What is hidden of an object, and how it is taken out of what servers say."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from reconciler.plan.diff import diff
from reconciler.plan.model import FieldChange
from reconciler.plan.sensitive import ENCRYPTED_ANNOTATION, without_values

BLOB = "b" * 40
MARK = f"<encrypted {BLOB}>"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def secret(**data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "data": data}


def marked(kind: str = "ConfigMap", blob: str = BLOB, **data: str) -> dict[str, Any]:
    metadata = {"name": "db", "annotations": {ENCRYPTED_ANNOTATION: blob}}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, "data": data}


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("bad: planted-password!", "bad: <hidden>!"),
        (f"bad: {encoded('planted-password')}", "bad: <hidden>"),
        ("near ...ted-passwo... here", "near ...<hidden>... here"),
        ("pin 4711 refused, 47110 not", "pin <hidden> refused, 47110 not"),
        ("line two of the note", "<hidden> of the note"),
        ("nothing of it", "nothing of it"),
    ],
)
def test_values_are_taken_out_whole_cut_or_encoded(said, shown):
    obj = secret(a=encoded("planted-password"), b=encoded("4711"), c=encoded("line one\nline two"))

    assert without_values(said, obj) == shown


def test_of_an_object_with_encrypted_values_everything_but_metadata_is_hidden():
    assert without_values("db has debug-level", marked(level="debug-level")) == "db has <hidden>"


def test_a_diff_shows_the_mark_and_never_the_live_value():
    changes = diff(marked(blob="c" * 40, level="planted"), marked(level=MARK))

    assert FieldChange("/data/level", "<hidden>", MARK) in changes
    assert "planted" not in repr(changes)


def test_what_was_written_from_the_same_file_is_no_change():
    assert diff(marked(level="planted"), marked(level=MARK)) == ()


def test_a_field_in_plain_of_such_an_object_is_compared_and_hidden():
    changes = diff(marked(level="planted", other="planted"), marked(level=MARK, other="x"))

    assert changes == (FieldChange("/data/other", "<hidden>", "<hidden>"),)


def test_a_misspelt_field_of_a_secret_is_hidden_as_well():
    changes = diff(None, {**secret(), "stringDatas": {"password": "planted"}, "type": "Opaque"})

    assert "planted" not in repr(changes)
    assert FieldChange("/type", None, "Opaque") in changes
