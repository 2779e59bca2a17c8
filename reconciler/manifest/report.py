"""Where the rules put what they find, and how they look at documents that may be of any shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reconciler.problems import Problem, Severity

#: Of one file; more than this nobody reads, and finding hints for each would take seconds.
MOST_PROBLEMS = 200


class TooManyProblemsError(Exception):
    """The report is full: checking may stop."""


class Report:
    """Collects problems, each at the place of a pointer."""

    def __init__(self, path: str, place: Callable[[str], tuple[int, int] | None]) -> None:
        self._path, self._place = path, place
        self.problems: list[Problem] = []

    def add(self, pointer: str, code: str, message: str, hint: str = "", severity: Severity = Severity.ERROR) -> None:
        """Add one problem. Raises TooManyProblemsError when there are MOST_PROBLEMS of them."""
        line, column = self._place(pointer) or (None, None)
        problem = Problem(path=self._path, line=line, column=column, pointer=pointer, code=code, message=message,
                          hint=hint, severity=severity)  # fmt: skip
        self.problems.append(problem)
        if len(self.problems) >= MOST_PROBLEMS:
            raise TooManyProblemsError


def mapping(value: Any) -> Mapping[str, Any]:
    """Give a mapping as it is, and an empty one for anything else: the schema has told about that already."""
    # A dict is told fast, other mappings are not.
    return value if isinstance(value, dict) or (value is not None and isinstance(value, Mapping)) else {}


def texts(value: Any) -> list[tuple[int, str]]:
    """Give the texts of a list with their indexes; nothing for anything else."""
    return (
        [(index, each) for index, each in enumerate(value) if isinstance(each, str)] if isinstance(value, list) else []
    )


def escaped(key: str) -> str:
    """Give a key as a part of a JSON Pointer."""
    return key.replace("~", "~0").replace("/", "~1")
