"""`spinfleet validate`: a fleet, a commit of one, or one file."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.output import problems_json, write

if TYPE_CHECKING:
    from reconciler.check.objects import Asked
    from reconciler.check.report import Report
    from reconciler.check.watch import Turn

_Check = Callable[[tuple[Path, ...] | None], "Report"]


@click.command()
@click.argument("path", type=click.Path(path_type=Path), default=Path())
@click.option(
    "--cluster", "clusters", multiple=True, metavar="NAME", help="Check only for these clusters (default: every one)."
)
@click.option("--revision", metavar="REV", help="Check this commit of the repository at PATH, not its files.")
@click.option("--files", is_flag=True, help="Require the files that manifests name: Wasm, assets, local dependencies.")
@click.option("--context", help="Ask this context's cluster which objects it takes, for the one --cluster.")
@click.option(
    "--kubeconfig",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Credentials with which it is asked (default: KUBECONFIG).",
)
@click.option("--watch", is_flag=True, help="Check again on each save, new problems first, until interrupted.")
@click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(["text", "json", "yaml", "sarif", "github", "markdown"]),
    default="text",
    show_default=True,
    help="Form of the result.",
)
def validate(
    path: Path,
    clusters: tuple[str, ...],
    revision: str | None,
    files: bool,
    context: str | None,
    kubeconfig: Path | None,
    watch: bool,
    form: str,
) -> int:
    """Check a fleet's folder (default: this one), or one file: a spin.toml, documents of a fleet, Kubernetes manifests.

    Exits with 0 where everything is valid (warnings included), 1 where there are errors, 2 where it could not be read.
    """
    if watch and (revision is not None or form not in {"text", "json"}):
        raise click.UsageError("--watch follows files, as text or json: leave --revision and other forms away")
    asking = context is not None or kubeconfig is not None
    if asking and (len(clusters) != 1 or path.is_file()):
        raise click.UsageError(
            "--context and --kubeconfig ask one cluster: name it with --cluster, for a fleet's folder"
        )
    if path.is_file():
        if clusters or revision is not None:
            raise click.UsageError("--cluster and --revision are for a fleet's folder, not for one file")
        check: _Check = lambda _: _one_file(path, files=files)  # noqa: E731 - its argument is for folders
        root, prefix = path, ""
    else:
        asked = _asked(kubeconfig, context) if asking else None
        check, root, prefix = _fleet(path, clusters, revision, asked, files=files)
    if watch:
        return _watch(root, check, form)
    report = check(None)
    _show(report, form, prefix)
    return 0 if report.valid else 1


def _one_file(path: Path, *, files: bool) -> Report:
    from reconciler.check.one_file import check_file

    return check_file(path, files=files)


def _asked(kubeconfig: Path | None, context: str | None) -> Asked:
    """Ask a cluster which objects it takes."""
    import asyncio

    from reconciler.check.asked import ask
    from reconciler.local.binary import cache_folder

    return asyncio.run(ask(kubeconfig, context, cache_folder() / "openapi"))


def _fleet(
    path: Path, clusters: tuple[str, ...], revision: str | None, asked: Asked | None, *, files: bool
) -> tuple[_Check, Path, str]:
    """Give the check of a folder or commit, the folder to watch, and its place in the repository for reports."""
    from reconciler.check.files import CommitFiles, Files, FolderFiles
    from reconciler.check.fleet import FleetCheck
    from reconciler.cli.fleets import open_tree, place_in_repository
    from reconciler.git.snapshot import Snapshot
    from reconciler.git.worktree import WorkTree

    checker, tree = FleetCheck(clusters, asked=asked), open_tree(path, revision)

    def check(changed: tuple[Path, ...] | None) -> Report:
        nonlocal tree
        if changed is not None and isinstance(tree, WorkTree):
            tree = tree.updated(changed)
        there: Files | None = None
        if files:
            there = CommitFiles(tree) if isinstance(tree, Snapshot) else FolderFiles(path)
        return checker.check(tree, there)

    return check, path, place_in_repository(path)


def _show(report: Report, form: str, prefix: str) -> None:
    """Write a report: results on stdout, the summary of a failed check on stderr."""
    match form:
        case "json" | "yaml":
            write(problems_json(report.problems), form)
        case "sarif":
            from reconciler.check.sarif import sarif

            write(sarif(report, prefix), "json")
        case "github":
            from reconciler.check.github import github
            from reconciler.check.markdown import MOST_SUMMARY, markdown
            from reconciler.cli.output import add_to_summary

            for line in github(report, prefix):
                click.echo(line)
            # Annotations are few: the whole report goes to the job's summary, where the workflow has one.
            add_to_summary(markdown(report, MOST_SUMMARY))
            click.echo(report.summary, err=not report.valid)
        case "markdown":
            from reconciler.check.markdown import markdown

            click.echo(markdown(report), nl=False)
        case _:
            from reconciler.check.text import text

            for line in text(report.problems, report.sources):
                click.echo(line)
            click.echo(report.summary, err=not report.valid)


def _watch(root: Path, check: _Check, form: str) -> int:
    """Follow the files until interrupted; exits with the state of the last check."""
    from reconciler.check.watch import turns

    valid = True
    with contextlib.suppress(KeyboardInterrupt):
        for turn in turns(root, check):
            valid = turn.report.valid
            if form == "json":
                click.echo(json.dumps(problems_json(turn.report.problems), ensure_ascii=False))
            else:
                _show_turn(turn)
    return 0 if valid else 1


def _show_turn(turn: Turn) -> None:
    from reconciler.check.text import text
    from reconciler.problems import printable

    for line in text(turn.new, turn.report.sources):
        click.echo(line)
    new = set(turn.new)
    for problem in turn.report.problems:
        if problem not in new:
            click.echo(f"{click.style('still', dim=True)} {printable(str(problem))}")
    if turn.fixed:
        click.echo(click.style(f"fixed: {turn.fixed} problem{'' if turn.fixed == 1 else 's'}", fg="green"))
    click.echo(f"{turn.report.summary} ({turn.seconds * 1000:.0f} ms); waiting for changes")
