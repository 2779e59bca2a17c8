"""DESIGN.md names a test for each invariant, and the tests it names are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = [
    (number, files)
    for number, files in re.findall(r"^\| (\d*) ?\| [^|]+ \| ([^|]+) \|$", (ROOT / "DESIGN.md").read_text(), re.MULTILINE)
    if "test_" in files
]  # fmt: skip


def paths(files: str) -> list[str]:
    """The files of a row; one without a folder lies in that of the one before."""
    found: list[str] = []
    for name in re.findall(r"`([^`]+)`", files):
        found.append(name if "/" in name else str(Path(found[-1]).parent / name))
    return found


def test_each_of_the_ten_invariants_has_a_row() -> None:
    assert [int(number) for number, _ in ROWS if number] == list(range(1, 11))


@pytest.mark.parametrize("path", sorted({path for _, files in ROWS for path in paths(files)}))
def test_a_test_that_is_named_is_there(path: str) -> None:
    assert re.search(r"^(async )?def test_", (ROOT / path).read_text(), re.MULTILINE), path
