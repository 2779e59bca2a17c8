"""`spinfleet check`: what merging a change would do to every cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.output import write

if TYPE_CHECKING:
    from reconciler.check.change import ChangeReport


@click.command()
@click.option(
    "--base", required=True, metavar="REV", help="The commit that clusters run: the branch that is merged into."
)
@click.option("--head", default="HEAD", show_default=True, metavar="REV", help="The commit to be merged.")
@click.option(
    "--path",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path(),
    show_default=True,
    help="The fleet's folder in a clone of its repository.",
)
@click.option("--all", "every", is_flag=True, help="List the problems that base has already, too.")
@click.option(
    "--max-time",
    type=click.IntRange(min=1),
    default=300,
    show_default=True,
    metavar="SECONDS",
    help="Cut the report off after so long.",
)
@click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(["text", "json", "yaml"]),
    default="text",
    show_default=True,
    help="Form of the report.",
)
def check(base: str, head: str, path: Path, every: bool, max_time: int, form: str) -> int:
    """Show what merging HEAD into BASE would do to every cluster: objects, rollouts, problems.

    Needs no cluster and no secret: it compares what base renders with what it renders with HEAD merged into it, and assumes that every
    cluster runs base. Exits with 0 where nothing stands against it, 1 where there are errors, 2 where it could not be told.
    """
    report = _report(path, base, head, max_time, every=every)
    if form == "text":
        from reconciler.check.change_text import change_text, summary

        for line in change_text(report):
            click.echo(line)
        click.echo(summary(report))
    else:
        write(report.to_json(), form)
    return 1 if report.result == "error" else 0


def _report(path: Path, base: str, head: str, max_time: int, *, every: bool) -> ChangeReport:
    import time
    from dataclasses import replace

    from reconciler.check.pull_request import check_change
    from reconciler.cli.fleets import open_change

    end = time.monotonic() + max_time
    opened = open_change(path, base, head)
    report = check_change(opened.base, opened.head, every=every, go_on=lambda: time.monotonic() < end)
    return replace(report, base=opened.base_commit, head=opened.head_commit, notes=(*opened.notes, *report.notes))
