"""A problem: one thing that is wrong, where it stands, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """`error` refuses what it stands in; `warning` is told and changes nothing."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One finding.

    `path` is relative to the fleet's root with `/`; `line` and `column` count from 1 and are None where the
    finding has no place in a file; `pointer` is a JSON Pointer (RFC 6901) into the document; `code` is stable
    and dotted or dashed (`fleet.unknown-field`, `spin.load.variable`).
    """

    path: str
    code: str
    message: str
    line: int | None = None
    column: int | None = None
    pointer: str = ""
    severity: Severity = Severity.ERROR
    hint: str = ""

    def to_json(self) -> dict[str, Any]:
        """Give the eight fields of the public JSON format."""
        return {
            "path": self.path,
            "line": self.line,
            "column": self.column,
            "pointer": self.pointer,
            "code": self.code,
            "severity": str(self.severity),
            "message": self.message,
            "hint": self.hint,
        }

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.path, self.line, self.column) if part is not None)
        return f"{place}: {self.severity} [{self.code}] {self.message}"

    def sort_key(self) -> tuple[str, int, int, str, str]:
        """Order by place in the tree, then by code and message, so that reports are the same bytes each time."""
        return (self.path, self.line or 0, self.column or 0, self.code, self.message)


def has_errors(problems: tuple[Problem, ...] | list[Problem]) -> bool:
    """Tell whether any of the problems refuses what it stands in."""
    return bool(problems) and any(problem.severity is Severity.ERROR for problem in problems)


def printable(text: str) -> str:
    """Take control characters out of what others wrote: a file name or value must not steer a terminal or a page."""
    return "".join(character if character.isprintable() else f"\\x{ord(character):02x}" for character in text)
