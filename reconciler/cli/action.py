"""`spinfleet action`: the steps of the GitHub Action (action.yml). Of a pull request nothing is executed, whatever it holds.

    event ─► check ─► comment

Only `event` and `comment` are given a token; `check` reads what the pull request holds, and has none.
"""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.folder import folder_option

if TYPE_CHECKING:
    from reconciler.check.change_report import ChangeReport
    from reconciler.github.event import Comparison

_FOLDER = folder_option("The fleet's folder in the workflow's checkout.")


@click.group()
def action() -> None:
    """Run a step of the GitHub Action; outside of a workflow use `spinfleet check`."""


@action.command()
@_FOLDER
@click.option(
    "--base", default="", metavar="REV", help="Compare with this commit or branch, not with what the event says."
)
def event(path: Path, base: str) -> int:
    """Find out what is to be compared: outputs base, head, pull-request and fork; base is empty where there is nothing to check."""
    from reconciler.github import runner

    name, payload = runner.event()
    found = _of_run(path, payload) if name == "workflow_run" else _of_event(name, payload, base)
    told = {"base": "", "head": "", "pull-request": "", "fork": ""}
    if found is not None:
        number = str(found.pull_request) if found.pull_request else ""
        told = {
            "base": found.base,
            "head": found.head,
            "pull-request": number,
            "fork": "true" if found.fork else "false",
        }
    for key, value in told.items():
        runner.output(key, value)
    return 0


def _of_event(name: str, payload: Any, base: str) -> Comparison:
    from dataclasses import replace

    from reconciler.github.event import Comparison, comparison_of

    found = comparison_of(name, payload) if not base or name in _COMPARES else Comparison(base=base, head="HEAD")
    if base:
        found = replace(found, base=base)
    # A new branch has nothing before it: what it would do is told against the branch that it will be merged into.
    return found if found.base else replace(found, base=f"origin/{found.default_branch}")


_COMPARES = frozenset({"pull_request", "pull_request_target", "merge_group", "push"})


def _of_run(path: Path, payload: Any) -> Comparison | None:
    """Find the pull request of a finished run and fetch its head; None, with a word why, where there is nothing to tell of any more."""
    from reconciler.git.committing import git
    from reconciler.github.api import Repository
    from reconciler.github.event import Comparison, run_of
    from reconciler.github.pull_requests import find_pull_request

    run = run_of(payload)
    if run is None:
        return _told("the run was not one of a pull request")
    repository = Repository.of_environment(os.environ.get("GITHUB_REPOSITORY", ""))
    pull = find_pull_request(repository, owner=run.owner, branch=run.branch, fork=run.fork, commit=run.commit)
    if pull is None:
        return _told("no open pull request has that commit any more")
    number, base = int(pull["number"]), str(pull["base"]["ref"])
    refs = [f"+refs/pull/{number}/head:refs/spinfleet/head", f"+refs/heads/{base}:refs/spinfleet/base"]
    _fetch(path, refs, repository.token)
    if git(path, "rev-parse", "refs/spinfleet/head") != run.commit:
        return _told("the pull request has moved on: another run tells of its new head")
    return Comparison(
        base=git(path, "rev-parse", "refs/spinfleet/base"), head=run.commit, pull_request=number,
        fork=run.fork != os.environ.get("GITHUB_REPOSITORY", ""),
    )  # fmt: skip


def _told(why: str) -> Comparison | None:
    """Say why there is nothing to check."""
    click.echo(f"nothing to check: {why}", err=True)
    return None


def _fetch(path: Path, refs: list[str], token: str) -> None:
    """Fetch with a token that is in no file and on no command line: the checkout keeps none (persist-credentials: false)."""
    from reconciler.git.committing import git

    server = os.environ.get("GITHUB_SERVER_URL") or "https://github.com"
    login = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    header = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{server.rstrip('/')}/.extraheader",
        "GIT_CONFIG_VALUE_0": f"AUTHORIZATION: basic {login}",
        "GIT_TERMINAL_PROMPT": "0",
    }
    git(path, "fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "origin", *refs, **header)


@action.command()
@_FOLDER
@click.option("--base", required=True, metavar="REV")
@click.option("--head", required=True, metavar="REV")
@click.option(
    "--clusters", default="", metavar="NAMES", help="Only these, with spaces or commas between them; empty: all."
)
@click.option(
    "--verify", "verification", type=click.Choice(["auto", "require", "off"]), default="auto", show_default=True
)
@click.option(
    "--fail-on", type=click.Choice(["error", "warning", "change", "never"]), default="error", show_default=True
)
@click.option(
    "--report",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder for report.md, report.json and report.sarif.",
)
@click.option("--max-time", type=click.IntRange(min=1), default=300, show_default=True, metavar="SECONDS")
def check(
    path: Path, base: str, head: str, clusters: str, verification: str, fail_on: str, report: Path, max_time: int
) -> int:
    """Check the change: annotations, the job's summary, outputs result, problems and changed-clusters, and the report's files."""
    from reconciler.cli.check import FAILING, report_of
    from reconciler.github import runner

    for secret in ("GITHUB_TOKEN", "GH_TOKEN"):
        os.environ.pop(secret, None)
    named = tuple(clusters.replace(",", " ").split())
    found = report_of(path, base, head, max_time, verification=verification, clusters=named)
    _write(found, path, report)
    changed = [name for group in found.clusters for name in group.clusters]
    runner.output("result", found.result)
    runner.output("problems", str(len(found.problems.new)))
    runner.output("changed-clusters", json.dumps(sorted(changed)))
    return 1 if found.result in FAILING[fail_on] else 0


def _write(found: ChangeReport, path: Path, folder: Path) -> None:
    from reconciler.check.change_findings import findings
    from reconciler.check.change_markdown import change_markdown
    from reconciler.check.change_text import summary
    from reconciler.check.sarif import sarif
    from reconciler.cli.check import annotate
    from reconciler.cli.fleets import place_in_repository

    place = place_in_repository(path)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.md").write_text(change_markdown(found, place), encoding="utf-8")
    (folder / "report.json").write_text(json.dumps(found.to_json(), indent=2, ensure_ascii=False), encoding="utf-8")
    (folder / "report.sarif").write_text(
        json.dumps(sarif(findings(found), place), ensure_ascii=False), encoding="utf-8"
    )
    annotate(found, place)
    click.echo(summary(found))


@action.command()
@click.option(
    "--report",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="Folder with the report's files.",
)
@click.option("--pull-request", type=click.IntRange(min=1), required=True, metavar="NUMBER")
@click.option(
    "--author", default="github-actions[bot]", show_default=True, help="Login of the account that the token writes as."
)
def comment(report: Path, pull_request: int, author: str) -> int:
    """Write the report as one comment of a pull request, or bring that up to date; where nothing changes, none is begun."""
    from reconciler.github.api import Repository
    from reconciler.github.pull_requests import keep_comment

    repository = Repository.of_environment(os.environ.get("GITHUB_REPOSITORY", ""))
    text = (report / "report.md").read_text(encoding="utf-8")
    quiet = json.loads((report / "report.json").read_text(encoding="utf-8"))["result"] == "unchanged"
    click.echo(f"comment: {keep_comment(repository, pull_request, text, author=author, only_update=quiet)}")
    return 0
