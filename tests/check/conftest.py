"""A fleet of three regions, and changes of it: what the pull-request check says of each."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from reconciler.check.change_report import ChangeReport
from reconciler.check.pull_request import check_change
from reconciler.problems import Problem
from reconciler.tree import File

FLEET = Path(__file__).parent / "fleet"

Files = dict[str, str]
Change = Callable[[Files], None]


class Commit:
    """Files in memory, as a commit has them."""

    def __init__(self, files: Mapping[str, str], problems: tuple[Problem, ...] = ()) -> None:
        self._data = {path: text.encode() for path, text in sorted(files.items())}
        self.problems = problems
        self.commit = hashlib.sha1(repr(self._data).encode(), usedforsecurity=False).hexdigest()
        self.files = {
            path: File(path, hashlib.sha1(data, usedforsecurity=False).hexdigest(), len(data))
            for path, data in self._data.items()
        }

    def read(self, path: str) -> bytes:
        return self._data[path]


def files() -> Files:
    """Give the files of the fleet by path."""
    return {
        path.relative_to(FLEET).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(FLEET.rglob("*"))
        if path.is_file()
    }


def edit(path: str, old: str, new: str) -> Change:
    """Give the change that puts a text in the place of another, which must be there."""

    def change(fleet: Files) -> None:
        assert old in fleet[path], f"{path} has no {old!r}"
        fleet[path] = fleet[path].replace(old, new)

    return change


def reported(change: Change, *, before: Change | None = None, every: bool = False) -> ChangeReport:
    """Give the report of a change of the fleet, or of the fleet as `before` makes it."""
    base = files()
    if before is not None:
        before(base)
    head = dict(base)
    change(head)
    return check_change(Commit(base), Commit(head), every=every)


@pytest.fixture
def report() -> Callable[..., ChangeReport]:
    return reported
