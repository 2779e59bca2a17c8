"""A report for a terminal: each problem with the line it stands in, the place marked, and what to do."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

import click

from reconciler.check.report import Sources
from reconciler.problems import Problem, Severity, printable

_LONGEST_LINE = 160
_LONGEST_MARK = 60
#: Messages that one mistake may add to its first.
_MOST_ALIKE = 3
#: Of a file that has a Secret, or tokens of a runtime configuration, no line is shown: reports are kept in logs.
_SECRET = re.compile(
    rb"kind[\"']?\s*:\s*[\"']?Secret\b"
    rb"|^[ \t]*\[+[ \t]*(?:variables_provider|config_provider|key_value_store|sqlite_database|llm_compute)\b"
    rb"|^[ \t]*llm_compute[ \t]*=",
    re.MULTILINE,
)


def text(problems: Iterable[Problem], sources: Sources) -> Iterator[str]:
    """Give the lines of each problem, with terminal colours; click takes these away where nobody would see them."""
    read: dict[str, Sequence[str]] = {}
    alike: dict[object, list[Problem]] = {}
    for problem in problems:
        alike.setdefault(_mistake(problem), []).append(problem)
    for first, *others in alike.values():
        if first.path not in read:
            data = sources(first.path) or b""
            read[first.path] = [] if _SECRET.search(data) else _lines(data)
        yield from _problem(first, others, read[first.path])


def _mistake(problem: Problem) -> object:
    """Give what is the same of problems that one mistake makes, such as one that shows on several clusters."""
    if problem.line is None:
        return id(problem)
    return (problem.path, problem.line, problem.column, problem.pointer, problem.code, problem.severity, problem.hint)


def _lines(data: bytes) -> Sequence[str]:
    """Give the lines as every reader counts them: other line breaks of Unicode are part of a line."""
    content = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    return content.replace("\r\n", "\n").split("\n")


def _problem(problem: Problem, others: Sequence[Problem], lines: Sequence[str]) -> Iterator[str]:
    colour = "red" if problem.severity is Severity.ERROR else "yellow"
    yield f"{click.style(f'{problem.severity}[{problem.code}]', fg=colour, bold=True)}: {printable(problem.message)}"
    place = ":".join(str(part) for part in (printable(problem.path), problem.line, problem.column) if part)
    yield f"  {click.style('-->', fg='blue')} {place}"
    if problem.line is not None and 0 < problem.line <= len(lines):
        yield from _marked(problem, lines[problem.line - 1], colour)
    for other in others[:_MOST_ALIKE]:
        yield f"  {click.style('also', bold=True)}: {printable(other.message)}"
    if len(others) > _MOST_ALIKE:
        yield f"  {click.style('also', bold=True)}: {len(others) - _MOST_ALIKE} more like these"
    if problem.hint:
        yield f"  {click.style('hint', bold=True)}: {printable(problem.hint)}"
    yield ""


def _marked(problem: Problem, line: str, colour: str) -> Iterator[str]:
    """Give the source line with a mark below it; of a long line the part around the place."""
    column = problem.column or 1
    line = line.replace("\t", " ")
    start = 0 if column <= _LONGEST_LINE - _LONGEST_MARK else column - _LONGEST_LINE // 2
    shown = printable(line[start : start + _LONGEST_LINE])
    number = str(problem.line)
    margin, bar = " " * len(number), click.style("|", fg="blue")
    yield f" {margin} {bar}"
    more = "…" if start + _LONGEST_LINE < len(line) else ""
    yield f" {click.style(number, fg='blue')} {bar} {'…' if start else ''}{shown}{more}".rstrip()
    if problem.column is not None and column <= len(line) + 1:
        before = _columns(printable(line[start : column - 1])) + bool(start)
        marked = printable(line[column - 1 : min(column - 1 + _width(line, column), start + _LONGEST_LINE)])
        mark = click.style("^" * max(1, _columns(marked)), fg=colour, bold=True)
        yield f" {margin} {bar} {' ' * before}{mark}"


def _columns(text: str) -> int:
    """Give how many columns of a terminal a text takes: ideographs take two, combining marks none."""
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text
    )


def _width(line: str, column: int) -> int:
    """Give how far the mark reaches: to the end of the word, key or quoted text that begins at a column."""
    rest = line[column - 1 :]
    if rest[:1] in {'"', "'"} and (close := rest.find(rest[0], 1)) > 0:
        return min(close + 1, _LONGEST_MARK)
    end = next((index for index, character in enumerate(rest) if index and character in " :=,]}\"'"), len(rest))
    return min(end, _LONGEST_MARK)
