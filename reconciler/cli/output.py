"""How results are written: results on stdout, the rest on stderr; problems with the line they stand in."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import click

from reconciler.problems import Problem, Severity

output_option = click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(["text", "json", "yaml"]),
    default="text",
    show_default=True,
    help="Form of the result.",
)


def write(value: Any, form: str) -> None:
    """Write a value as JSON or YAML."""
    if form == "json":
        click.echo(json.dumps(value, indent=2, ensure_ascii=False))
    else:
        import yaml

        click.echo(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=120), nl=False)


def problems_json(problems: Sequence[Problem]) -> dict[str, Any]:
    """Give the public JSON form of problems."""
    valid = not any(problem.severity is Severity.ERROR for problem in problems)
    return {"valid": valid, "problems": [problem.to_json() for problem in problems]}


def show_problems(problems: Sequence[Problem], read: Callable[[str], bytes | None]) -> None:
    """Write each problem with its source line, the place marked, and the hint. `read` gives a file's content."""
    sources: dict[str, list[str]] = {}
    for problem in problems:
        if problem.path not in sources:
            data = read(problem.path)
            sources[problem.path] = (data or b"").decode("utf-8", "replace").splitlines()
        _show(problem, sources[problem.path])


def _show(problem: Problem, lines: Sequence[str]) -> None:
    colour = "red" if problem.severity is Severity.ERROR else "yellow"
    click.echo(f"{click.style(str(problem.severity), fg=colour, bold=True)}[{problem.code}]: {_safe(problem.message)}")
    place = ":".join(str(part) for part in (_safe(problem.path), problem.line, problem.column) if part)
    click.echo(f"  {click.style('-->', fg='blue')} {place}")
    if problem.line is not None and 0 < problem.line <= len(lines):
        text = lines[problem.line - 1].replace("\t", " ")[:160]
        number = str(problem.line)
        bar = click.style("|", fg="blue")
        click.echo(f" {' ' * len(number)} {bar}")
        click.echo(f" {click.style(number, fg='blue')} {bar} {_safe(text)}")
        if problem.column is not None and problem.column <= len(text) + 1:
            mark = "^" * max(1, _width(text, problem.column))
            click.echo(
                f" {' ' * len(number)} {bar} {' ' * (problem.column - 1)}{click.style(mark, fg=colour, bold=True)}"
            )
    if problem.hint:
        click.echo(f"  {click.style('hint', bold=True)}: {_safe(problem.hint)}")
    click.echo()


def _width(text: str, column: int) -> int:
    """Give how far the mark reaches: to the end of the word or key that begins at a column."""
    rest = text[column - 1 :]
    end = next((index for index, character in enumerate(rest) if character in " :=,]}\"'" and index), len(rest))
    return min(end, 60)


def _safe(text: str) -> str:
    """Take control characters out: a file name or value must not steer the terminal."""
    return "".join(character if character.isprintable() else "\\x%02x" % ord(character) for character in text)  # noqa: UP031 - hex of one byte
