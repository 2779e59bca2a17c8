"""What a change would do, as Markdown: a comment that is updated in place, or a job's summary.

What a repository says stands in code alone, with fences longer than any in it: it can neither name people nor bring markup.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote

import click

from reconciler.check.change import ClusterChange, Effect, StartedRollout
from reconciler.check.change_report import ASSUMPTION, ChangeReport
from reconciler.check.change_text import group_lines, names, rollout_lines, summary
from reconciler.check.live import live_lines
from reconciler.check.markdown import MOST, code
from reconciler.check.report import by_weight
from reconciler.check.risks import Risk
from reconciler.problems import Problem, Severity, printable

_SIGNS = {"error": "❌", "warning": "⚠️", "changed": "🔄", "unchanged": "✅"}
#: What is kept for the lines that say what was left out.
_RESERVE = 600
#: The part of the whole that lists may take, so that each section is seen.
_SHARE = 4
#: What each group of clusters may take at least.
_LEAST = 4096


def marker(place: str) -> str:
    """Give the first line of a comment about the fleet in a folder of its repository: by it, and by its author, it is found again."""
    return f"<!-- spinfleet-check {quote(place.strip('/') or '.', safe='/.')} -->"


def change_markdown(report: ChangeReport, place: str = "", most: int = MOST) -> str:
    """Give at most so many bytes. `place` is the fleet's folder in its repository; what does not fit is counted."""
    held = f": {report.live.sentence()}" if report.live is not None else ""
    head = [
        marker(place),
        f"### {_SIGNS[report.result]} {code(summary(report))}",
        "",
        f"Assumes that {ASSUMPTION}{held}.",
    ]
    written = _Written(most - _RESERVE)
    written.add("\n".join(head) + "\n")
    for each in (*report.notes, *report.left_out):
        written.add(f"\n**{'Note' if each in report.notes else 'Not looked at'}:** {code(each)}\n")
    table = "\n| | where | what is wrong | what to do |\n|---|---|---|---|\n"
    written.section("\n#### New problems\n" + table, [_problem(each) for each in by_weight(report.problems.new)])
    lines = live_lines(report.live) if report.live is not None else []
    written.section("\n#### Live\n\n", [f"- {code(whose)}: {code(told)}\n" for whose, told in lines])
    written.section("\n#### Risks\n\n", [_risk_line(each) for each in report.risks])
    written.section("\n#### Artifacts\n\n", list(_artifacts(report)))
    written.clusters(report.clusters)
    if report.unchanged:
        written.add(f"\n**No change:** {code(names(report.unchanged))}\n")
    written.section("\n#### Rollouts\n\n", [_rollout(each) for each in report.rollouts])
    fixed = [f"- {code(str(each))}\n" for each in report.problems.fixed]
    written.section("\n#### Fixed problems\n\n", fixed)
    return written.text()


class _Written:
    """Text that stays below a number of bytes: what does not fit is counted, and said at the end."""

    def __init__(self, most: int) -> None:
        self._most, self._size = most, 0
        self._parts: list[str] = []
        self._missing: list[str] = []

    def add(self, text: str) -> bool:
        """Add a text if it fits into what is left."""
        size = len(text.encode())
        if self._size + size > self._most:
            return False
        self._parts.append(text)
        self._size += size
        return True

    def section(self, title: str, lines: list[str]) -> None:
        """Add a title and its lines, as far as a fair share goes."""
        if not lines or not self.add(title):
            if lines:
                self._missing.append(f"{len(lines)} lines of {title.split(chr(10))[1].strip('# ').lower()}")
            return
        share = self._size + self._most // _SHARE
        for number, line in enumerate(lines):
            if self._size + len(line.encode()) > share or not self.add(line):
                self.add(f"\n… and {len(lines) - number} more.\n")
                return

    def clusters(self, groups: Iterable[ClusterChange]) -> None:
        """Add each group of clusters, folded; of one that is too long the first lines."""
        groups = list(groups)
        if groups:
            self.add("\n#### Clusters\n")
        for number, group in enumerate(groups):
            most = max(_LEAST, (self._most - self._size) // (len(groups) - number))
            if not self.add(_group(group, most)):
                left = sum(len(each.clusters) for each in groups[number:])
                self._missing.append(f"{left} clusters")
                break

    def text(self) -> str:
        """Give everything."""
        if self._missing:
            self._parts.append(f"\n… and {', '.join(self._missing)}: the whole report does not fit here.\n")
        return "".join(self._parts)


def _problem(problem: Problem) -> str:
    level = "error" if problem.severity is Severity.ERROR else "warning"
    where = ":".join(str(part) for part in (problem.path, problem.line, problem.column) if part is not None)
    return f"| {level} | {code(where)} | {code(problem.message)} {code(problem.code)} | {code(problem.hint)} |\n"


def _risk_line(risk: Risk) -> str:
    whose = f", by `spec.review` of {risk.judged_by}" if risk.judged_by != "default" else ""
    on = f" on {code(names(risk.clusters))}" if risk.clusters else ""
    return f"- **{risk.level}** `{risk.code}`{whose}: {code(risk.reason)}{on}\n"


def _artifacts(report: ChangeReport) -> Iterator[str]:
    for each in report.artifacts:
        shown = " → ".join(code(one) for one in dict.fromkeys((each.base, each.head)) if one)
        yield f"- {code(each.app)} on {code(names(each.clusters))}: {shown} ({code(each.verdict)})\n"
        for sentence in each.words():
            yield f"  - {code(sentence)}\n"


def _group(group: ClusterChange, most: int) -> str:
    counts = ", ".join(f"{number} {effect}" for effect in Effect if (number := group.count(effect)))
    title = html.escape(printable(names(group.clusters)))
    told = f"<code>{title}</code>: {counts or 'no object changes'}"
    lines, size = [], 0
    for line in (click.unstyle(each) for each in group_lines(group)):
        size += len(line.encode()) + 1
        if size > most - _LEAST // 4:
            lines.append("… too long to be shown here")
            break
        lines.append(line)
    return f"\n<details><summary>{told}</summary>\n\n{_fenced(lines, 'diff')}\n</details>\n"


def _rollout(rollout: StartedRollout) -> str:
    return _fenced([click.unstyle(line) for line in rollout_lines(rollout)], "") + "\n"


def _fenced(lines: Iterable[str], language: str) -> str:
    """Give lines as a code block whose fence is longer than any in it (CommonMark 4.5)."""
    text = "\n".join(line for line in lines if line)
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", text)), 0)
    return f"{fence}{language}\n{text}\n{fence}\n"
