"""What a check found, in the forms that people and machines read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from reconciler.problems import Problem, Severity

#: Gives the content of a file that a problem stands in; None where it can't be read.
Sources = Callable[[str], bytes | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """The problems of one check, sorted by place, and in words what was looked at."""

    subject: str
    problems: tuple[Problem, ...] = ()
    sources: Sources = field(default=lambda _: None, repr=False, compare=False)

    @property
    def errors(self) -> int:
        """How many problems refuse what they stand in."""
        return sum(1 for problem in self.problems if problem.severity is Severity.ERROR)

    @property
    def warnings(self) -> int:
        """How many problems are told and change nothing."""
        return len(self.problems) - self.errors

    @property
    def valid(self) -> bool:
        """True where there is no error."""
        return self.errors == 0

    @property
    def summary(self) -> str:
        """One line: what was looked at, and how many problems it has."""
        counts = ", ".join(each for each in (_count(self.errors, "error"), _count(self.warnings, "warning")) if each)
        return f"{self.subject}: {counts or 'valid'}"


def by_weight(problems: tuple[Problem, ...]) -> list[Problem]:
    """Give errors before warnings, each in the order of their places: readers that cut a list off keep what matters."""
    return sorted(problems, key=lambda problem: problem.severity is not Severity.ERROR)


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}" if number else ""
