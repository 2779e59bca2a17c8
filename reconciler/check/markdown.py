"""A report as Markdown, for a job's summary or a comment.

What a repository says is quoted as code with fences longer than any in it: it can neither name people nor bring markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from reconciler.check.report import Report, by_weight
from reconciler.problems import Problem, Severity, printable

#: GitHub refuses longer comments, and longer summaries of a step.
MOST, MOST_SUMMARY = 64 * 1024, 1024 * 1024
_LONGEST = 500


def markdown(report: Report, most: int = MOST) -> str:
    """Give at most so many bytes; what doesn't fit is counted in the last line."""
    lines = [f"### {'✅' if report.valid else '❌'} {code(report.summary)}", ""]
    if report.problems:
        lines += ["| | where | what is wrong | what to do |", "|---|---|---|---|"]
    size = sum(len(line.encode()) + 1 for line in lines)
    rows = by_weight(report.problems)
    for number, problem in enumerate(rows):
        row = _row(problem)
        size += len(row.encode()) + 1
        if size > most - 100:
            lines += ["", f"… and {len(rows) - number} more."]
            break
        lines.append(row)
    return "\n".join(lines) + "\n"


def code(text: str) -> str:
    """Give text as a code span that ends where it should (CommonMark 6.1); `|` would end a table's cell."""
    clean = printable(text.replace("\n", " "))[:_LONGEST].replace("|", "\\|").strip()
    if not clean:
        return ""
    longest = max((len(run) for run in re.findall("`+", clean)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if "`" in (clean[0], clean[-1]) else ""
    return f"{fence}{pad}{clean}{pad}{fence}"


def _row(problem: Problem) -> str:
    return f"| {' | '.join(_cells(problem))} |"


def _cells(problem: Problem) -> Iterator[str]:
    yield "error" if problem.severity is Severity.ERROR else "warning"
    yield code(":".join(str(part) for part in (problem.path, problem.line, problem.column) if part is not None))
    yield f"{code(problem.message)} {code(problem.code)}"
    yield code(problem.hint)
