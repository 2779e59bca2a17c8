"""Reports of every kind of change, as they are kept in golden/: SPINFLEET_UPDATE_GOLDEN=1 writes them anew; read the difference."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click
import pytest
from jsonschema import Draft202012Validator

from reconciler import data
from reconciler.check.change_markdown import change_markdown
from reconciler.check.change_text import change_text, summary
from tests.check.changes import BEFORE, CHANGES
from tests.check.conftest import reported

SCHEMA = Draft202012Validator(data.schema("check"))
GOLDEN = Path(__file__).parent / "golden"


def expected(name: str, text: str) -> str:
    path = GOLDEN / name
    if os.environ.get("SPINFLEET_UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_a_change_is_reported_as_expected(name: str) -> None:
    report = reported(CHANGES[name], before=BEFORE.get(name))
    text = click.unstyle("".join(f"{line}\n" for line in (*change_text(report), summary(report))))
    assert text == expected(f"{name}.txt", text)
    assert list(SCHEMA.iter_errors(json.loads(json.dumps(report.to_json())))) == []
    text = change_markdown(report, "fleet/")
    assert text == expected(f"{name}.md", text)
