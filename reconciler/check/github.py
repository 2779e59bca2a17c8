"""A report as workflow commands of GitHub Actions: the runner turns them into annotations.

Source: GitHub's actions/toolkit, packages/core/src/command.ts (what is escaped). Ten errors and ten warnings of a step become
annotations; errors come first, and the rest is in the log.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.check.report import Report, by_weight
from reconciler.problems import Problem, Severity


def github(report: Report, root: str = "") -> Iterator[str]:
    """Give one command a problem. `root` is the fleet's folder in its repository, empty or ending in `/`."""
    for problem in by_weight(report.problems):
        yield _command(problem, root)


def _command(problem: Problem, root: str) -> str:
    level = "error" if problem.severity is Severity.ERROR else "warning"
    fields = {"file": f"{root}{problem.path}", "line": problem.line, "col": problem.column, "title": problem.code}
    given = ",".join(f"{key}={_property(str(value))}" for key, value in fields.items() if value is not None)
    message = f"{problem.message}\n{problem.hint}" if problem.hint else problem.message
    return f"::{level} {given}::{_data(message)}"


def _data(text: str) -> str:
    """Escape what would end a command or begin another."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
