"""`spinfleet check`: what merging a change would do to every cluster."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.folder import folder_option
from reconciler.cli.output import write
from reconciler.cli.registries import NO_OPTIONS, RegistryOptions, registry_options

if TYPE_CHECKING:
    from reconciler.check.change_report import ChangeReport

#: The results of a report that fail.
FAILING = {
    "error": {"error"},
    "warning": {"error", "warning"},
    "change": {"error", "warning", "changed"},
    "never": frozenset[str](),
}


@click.command()
@click.option(
    "--base", required=True, metavar="REV", help="The commit that clusters run: the branch that is merged into."
)
@click.option("--head", default="HEAD", show_default=True, metavar="REV", help="The commit to be merged.")
@folder_option("The fleet's folder in a clone of its repository.")
@click.option(
    "--cluster", "clusters", multiple=True, metavar="NAME", help="Compare only this cluster (again for more)."
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
    "--verify",
    "verification",
    type=click.Choice(["auto", "require", "off"]),
    default="auto",
    show_default=True,
    help="Verify new artifacts where their registry can be read (auto), or fail where it can't.",
)
@registry_options
@click.option(
    "--live",
    "live",
    multiple=True,
    metavar="CLUSTER=CONTEXT[:NAMESPACE/NAME]",
    help="Ask a cluster whether it runs base right now, by its FleetSync. May be given several times.",
)
@click.option(
    "--kubeconfig",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Credentials for --live (default: KUBECONFIG).",
)
@click.option("--require-live", is_flag=True, help="Fail where a cluster of --live can't be read or does not run base.")
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "change", "never"]),
    default="error",
    show_default=True,
    help="From which result on to exit with 1.",
)
@click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(["text", "json", "yaml", "markdown", "sarif", "github"]),
    default="text",
    show_default=True,
    help="Form of the report.",
)
def check(
    base: str,
    head: str,
    path: Path,
    clusters: tuple[str, ...],
    every: bool,
    max_time: int,
    verification: str,
    registries: RegistryOptions,
    live: tuple[str, ...],
    kubeconfig: Path | None,
    require_live: bool,
    fail_on: str,
    form: str,
) -> int:
    """Show what merging HEAD into BASE would do to every cluster: objects, rollouts, problems.

    Needs no cluster and no secret unless --live asks some: it compares what base renders with what it renders with HEAD merged into it,
    and assumes that every cluster runs base. Exits with 0 where nothing stands against it, 1 where there are errors (--fail-on), 2 where it could not be told.
    """
    import time

    from reconciler.cli.check_live import asked, with_live

    wanted, end = asked(live), time.monotonic() + max_time
    if require_live and not wanted:
        raise click.UsageError("--require-live has no cluster to ask: add --live CLUSTER=CONTEXT")
    report = report_of(
        path, base, head, max_time, every=every, verification=verification, registries=registries, clusters=clusters
    )
    if wanted:
        report = with_live(report, path, wanted, kubeconfig, end - time.monotonic(), required=require_live)
    _show(report, form, path)
    return 1 if report.result in FAILING[fail_on] else 0


def _show(report: ChangeReport, form: str, path: Path) -> None:
    from reconciler.check.change_findings import findings
    from reconciler.cli.fleets import place_in_repository

    match form:
        case "json" | "yaml":
            write(report.to_json(), form)
        case "markdown":
            from reconciler.check.change_markdown import change_markdown

            click.echo(change_markdown(report, place_in_repository(path)), nl=False)
        case "sarif":
            from reconciler.check.sarif import sarif

            write(sarif(findings(report), place_in_repository(path)), "json")
        case "github":
            annotate(report, place_in_repository(path))
        case _:
            from reconciler.check.change_text import change_text, summary

            for line in change_text(report):
                click.echo(line)
            click.echo(summary(report))


def annotate(report: ChangeReport, place: str) -> None:
    """Print a report as annotations, and add it to the job's summary. `place` is the fleet's folder in its repository."""
    from reconciler.check.change_findings import findings
    from reconciler.check.change_markdown import change_markdown
    from reconciler.check.github import github
    from reconciler.check.markdown import MOST_SUMMARY
    from reconciler.cli.output import add_to_summary

    for line in github(findings(report), place):
        click.echo(line)
    add_to_summary(change_markdown(report, place, MOST_SUMMARY))


def report_of(
    path: Path,
    base: str,
    head: str,
    max_time: int,
    *,
    every: bool = False,
    verification: str = "off",
    registries: RegistryOptions = NO_OPTIONS,
    clusters: tuple[str, ...] = (),
) -> ChangeReport:
    """Compare two commits of the fleet in a folder. Raises InputError where one of them is not there.

    `verification` of artifacts is `auto`, `require` or `off`; `registries` say how theirs are reached.
    """
    import time

    from reconciler.check.pull_request import check_change
    from reconciler.cli.fleets import open_change

    end = time.monotonic() + max_time
    opened = open_change(path, base, head)
    report = check_change(opened.base, opened.head, every=every, go_on=lambda: time.monotonic() < end, only=clusters)
    report = replace(report, verify=verification == "require")
    if verification != "off" and report.artifacts:
        from reconciler.cli.check_artifacts import verified

        report = verified(report, opened.head, registries, end - time.monotonic())
    return replace(report, base=opened.base_commit, head=opened.head_commit, notes=(*opened.notes, *report.notes))
