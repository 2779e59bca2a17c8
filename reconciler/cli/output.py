"""How results are written: results on stdout, the rest on stderr; problems with the line they stand in."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from reconciler.errors import InputError
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


def add_to_summary(markdown: str) -> None:
    """Add Markdown to the job's summary, where the workflow has one. Raises InputError where it can't be written."""
    where = os.environ.get("GITHUB_STEP_SUMMARY")
    if not where:
        return
    try:
        with Path(where).open("a", encoding="utf-8") as handle:
            handle.write(markdown)
    except OSError as error:
        raise InputError(f"GITHUB_STEP_SUMMARY: {error.strerror}", hint="unset it, or name a file") from error
