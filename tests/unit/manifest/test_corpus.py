"""Every public manifest, and every mutant of one, gets the verdict that Spin itself gave."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from reconciler.manifest import parse
from reconciler.manifest.toml_text import read
from reconciler.problems import Severity

_ROOT = Path(__file__).parents[3]
_CORPUS = _ROOT.parent / "shared" / "corpus"
_FOLDERS = ("spin", "spin-mutants")

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not _CORPUS.is_dir(), reason="the corpus of public manifests is not beside the project"),
]


def _rows() -> list[tuple[Path, dict[str, str]]]:
    rows = []
    for folder in _FOLDERS:
        with (_CORPUS / folder / "INDEX.tsv").open(encoding="utf-8") as index:
            rows += [(_CORPUS / folder / row["file"], row) for row in csv.DictReader(index, delimiter="\t")]
    return rows


def _refused(path: Path, stages: tuple[str, ...]) -> bool:
    problems = parse(path.read_bytes(), path.name).problems
    return any(each.severity is Severity.ERROR and each.code.startswith(stages) for each in problems)


def _table() -> set[str]:
    """Give the files that docs/manifest-differences.md lists with a reason."""
    text = (_ROOT / "docs" / "manifest-differences.md").read_text(encoding="utf-8")
    part = text.partition("## Public manifests judged differently")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `([^`]+\.toml)` \|", part, re.MULTILINE))


def _different(row: dict[str, str], path: Path) -> bool:
    if _refused(path, ("spin.parse.",)) != (row["spin_parse"] == "invalid"):
        return True
    # Loading that would need the network, or files that are not there, has no verdict.
    if row["spin_load"] not in {"valid", "invalid"}:
        return False
    return _refused(path, ("spin.parse.", "spin.load.")) != (row["spin_load"] == "invalid")


def test_every_manifest_gets_the_verdict_that_spin_gave_or_stands_in_the_table_of_differences() -> None:
    rows = _rows()
    assert len(rows) > 500
    different = {path.name for path, row in rows if _different(row, path)}
    assert different == _table()
    assert len(different) <= 0.02 * len(rows)


def _lines_around(data: bytes) -> set[int]:
    """Give the lines of what is wrong, and of what it stands in: Spin often names the list in which an element is wrong."""
    text = read(data, "spin.toml")
    lines = set()
    for problem in parse(data, "spin.toml").problems:
        if problem.severity is Severity.ERROR:
            lines.add(problem.line or 0)
            pointer = problem.pointer
            while pointer := pointer.rpartition("/")[0]:
                lines.add(text.place(pointer)[0])
    return lines


def test_what_spin_cannot_parse_is_reported_at_the_place_that_spin_names_or_inside_it() -> None:
    found = [
        (path, int(line[1]))
        for path, row in _rows()
        if (line := re.search(r"TOML parse error at line (\d+)", row["spin_parse_error"]))
    ]
    assert len(found) > 100
    elsewhere = [path.name for path, line in found if line not in _lines_around(path.read_bytes())]
    assert elsewhere == []


_NAMES = re.compile(r"(?:unknown field|missing field|duplicate field|duplicate key) `([^`]+)`")


def test_what_spin_names_is_named_in_a_message_too() -> None:
    """A field that Spin calls unknown, missing or doubled stands in one of our messages."""
    named = []
    for path, row in _rows():
        if (found := _NAMES.search(row["spin_parse_error"])) is not None:
            messages = " ".join(problem.message for problem in parse(path.read_bytes(), path.name).problems)
            named.append((path.name, found[1], found[1] in messages))
    assert len(named) > 40
    assert [(name, field) for name, field, told in named if not told] == []


def test_the_value_that_spin_refuses_to_load_is_shown() -> None:
    """Where Spin quotes the host, digest, version or pattern that it refuses, one of our messages has it too."""
    quoted = re.compile(r"(?:Invalid allowed host|invalid `digest`|\(for version|: port) ([^\s:;]+)")
    rows = [(path, row) for path, row in _rows() if row["spin_load"] == "invalid"]
    found = [(path, value[1]) for path, row in rows if (value := quoted.search(row["spin_load_error"]))]
    assert len(found) > 5
    for path, value in found:
        messages = " ".join(problem.message for problem in parse(path.read_bytes(), path.name).problems)
        assert value in messages, (path.name, value, messages)
