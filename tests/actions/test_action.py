"""The GitHub Action: its steps run as a runner runs them, with the wheel installed as they install it, for every event that it knows."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from reconciler.local import gitserver
from tests.actions.composite import Composite, Ran
from tests.github_api import Request, github_api

# The first test waits for an installation of everything that Spinfleet needs.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

ROOT = Path(__file__).parents[2]
BOT = "github-actions[bot]"
HEAD = {"apiVersion": "spinfleet.dev/v1alpha1"}


@pytest.fixture(scope="module")
def composite(tmp_path_factory: pytest.TempPathFactory) -> Composite:
    """The action after its first step: Spinfleet installed from this checkout, into an environment of the runner's."""
    made = Composite(ROOT, tmp_path_factory.mktemp("runner"))
    ran = made.run(ROOT, {}, {}, {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}, only=("Install Spinfleet",))
    assert not ran.failed, ran.log
    return made


@dataclass
class Hub:
    """What the endpoints of GitHub's API answer that the action calls."""

    url: str = ""
    pulls: list[dict[str, Any]] = field(default_factory=list)
    comments: list[dict[str, Any]] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)

    def answer(self, method: str, path: str, body: Any) -> Any:
        split = urlsplit(path)
        query = {key: value[0] for key, value in parse_qs(split.query).items()}
        below = split.path.removeprefix("/repos/acme/fleet/")
        self.calls.append((method, below))
        if (method, below) == ("GET", "pulls"):
            owner, _, branch = query["head"].partition(":")
            return [
                each
                for each in self.pulls
                if (each["head"]["repo"]["full_name"].split("/")[0], each["head"]["ref"]) == (owner, branch)
            ]
        if (method, below) == ("GET", "issues/7/comments"):
            start = (int(query["page"]) - 1) * int(query["per_page"])
            return self.comments[start : start + int(query["per_page"])]
        if (method, below) == ("POST", "issues/7/comments"):
            self.comments.append({"id": len(self.comments) + 1, "user": {"login": BOT}, "body": body["body"]})
            return self.comments[-1]
        assert (method, below.rpartition("/")[0]) == ("PATCH", "issues/comments")
        self.comments[int(below.rpartition("/")[2]) - 1]["body"] = body["body"]
        return {}


@pytest.fixture
def hub() -> Iterator[Hub]:
    made = Hub()

    def answer(request: Request) -> tuple[int, Any]:
        assert request.authorization == "Bearer t0ken"
        return 200, made.answer(request.method, request.path, request.body)

    with github_api(answer) as made.url:
        yield made


@dataclass
class Workflow:
    """A repository on GitHub, and a job's checkout of it."""

    composite: Composite
    hub: Hub
    folder: Path
    origin: Path
    work: Path

    def commit(self, files: dict[str, str], branch: str = "change", start: str = "main") -> str:
        """Commit on a branch of the origin; gives the commit."""
        self.git("switch", "-q", "-C", branch, start)
        for path, text in files.items():
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_text(text)
        self.git("add", "-A")
        self.git("commit", "-qm", f"On {branch}")
        self.git("push", "-qf", "origin", branch)
        return self.git("rev-parse", "HEAD")

    def git(self, *arguments: str) -> str:
        return gitserver.git(*arguments, cwd=self.folder)

    def run(self, event: str, payload: dict[str, Any], **inputs: str) -> Ran:
        """Run the action in a fresh checkout of the default branch with its whole history, as actions/checkout leaves it."""
        if self.work.exists():
            subprocess.run(["rm", "-rf", self.work], check=True)
        gitserver.git("clone", "-q", str(self.origin), str(self.work), cwd=self.folder)
        path = self.folder.parent / "event.json"
        path.write_text(json.dumps({"repository": {"full_name": "acme/fleet", "default_branch": "main"}, **payload}))
        environment = {
            "GITHUB_EVENT_NAME": event, "GITHUB_EVENT_PATH": str(path), "GITHUB_REPOSITORY": "acme/fleet",
            "GITHUB_API_URL": self.hub.url, "GITHUB_SERVER_URL": "https://github.example", "HOME": str(self.folder.parent),
        }  # fmt: skip
        return self.composite.run(self.work, inputs, {"token": "t0ken"}, environment, skip=("Install Spinfleet",))


def _app(replicas: int) -> dict[str, str]:
    spec = {"artifact": f"ghcr.io/acme/shop@sha256:{'a' * 64}", "replicas": replicas}
    manifest = 'spin_manifest_version = 2\n[application]\nname = "shop"\n[[trigger.http]]\nroute = "/..."\ncomponent = "c"\n[component.c]\nsource = "c.wasm"\n'
    return {
        "apps/shop/app.yaml": yaml.safe_dump({**HEAD, "kind": "App", "metadata": {"name": "shop"}, "spec": spec}),
        "apps/shop/spin.toml": manifest,
    }


FLEET = {
    "fleet.yaml": yaml.safe_dump_all(
        [
            {**HEAD, "kind": "Fleet", "metadata": {"name": "acme"}, "spec": {}},
            {**HEAD, "kind": "Cluster", "metadata": {"name": "eu"}, "spec": {"spin": "3.6"}},
            {**HEAD, "kind": "Cluster", "metadata": {"name": "us"}, "spec": {"spin": "3.6"}},
        ]
    )
}


@pytest.fixture
def workflow(composite: Composite, hub: Hub, tmp_path: Path) -> Workflow:
    folder = tmp_path / "desk"
    origin = gitserver.create(tmp_path, "origin").path
    gitserver.git("clone", "-q", str(origin), str(folder), cwd=tmp_path)
    gitserver.git("switch", "-qc", "main", cwd=folder)
    made = Workflow(composite, hub, folder, origin, tmp_path / "work")
    made.git("commit", "-q", "--allow-empty", "-m", "Begin")
    made.commit({**FLEET, **_app(2)}, "main", "HEAD")
    return made


def _pull_request(workflow: Workflow, head: str, fork: str = "acme/fleet") -> dict[str, Any]:
    base = {"sha": workflow.git("rev-parse", "main"), "ref": "main"}
    return {
        "number": 7,
        "pull_request": {"base": base, "head": {"sha": head, "ref": "change", "repo": {"full_name": fork}}},
    }


def test_a_pull_request_is_checked_and_told_in_outputs_summary_and_annotations(workflow: Workflow) -> None:
    head = workflow.commit(_app(3))
    ran = workflow.run("pull_request", _pull_request(workflow, head))
    assert not ran.failed, ran.log
    assert ran.ran == ["Find out what changes", "Remember what was verified", "Check"]
    assert (ran.outputs["result"], json.loads(ran.outputs["changed-clusters"])) == ("changed", ["eu", "us"])
    assert ran.outputs["problems"] == "0"
    assert "replicas" in ran.summary
    assert workflow.hub.calls == []
    assert not {"GITHUB_TOKEN", "GH_TOKEN"} & ran.environments["Check"].keys()


def test_a_mistake_fails_the_step_with_its_line_and_the_report_is_still_commented(workflow: Workflow) -> None:
    broken = {**_app(2), "apps/shop/app.yaml": _app(2)["apps/shop/app.yaml"].replace("replicas", "replcas")}
    head = workflow.commit(broken)
    ran = workflow.run("pull_request", _pull_request(workflow, head), comment="true", sarif="true", verify="off")
    assert ran.failed
    assert "::error file=apps/shop/app.yaml,line=" in ran.log
    assert (ran.outputs["result"], ran.outputs["problems"]) == ("error", "1")
    assert ran.ran == ["Find out what changes", "Check", "Comment", "Upload to code scanning"]
    assert "replcas" in workflow.hub.comments[0]["body"]
    sarif = json.loads(Path(ran.used[0][1]["sarif_file"]).read_text())
    assert (
        sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        == "apps/shop/app.yaml"
    )
    assert not workflow.run("pull_request", _pull_request(workflow, head), **{"fail-on": "never"}).failed


def test_one_comment_is_kept_up_to_date_and_only_the_bots_own(workflow: Workflow) -> None:
    event = _pull_request(workflow, workflow.commit(_app(3)))
    marker = "<!-- spinfleet-check . -->"
    workflow.hub.comments = [
        {"id": number + 1, "user": {"login": "mallory"}, "body": f"{marker}\nall is well"} for number in range(120)
    ]
    assert "comment: created" in workflow.run("pull_request", event, comment="true").log
    assert "comment: unchanged" in workflow.run("pull_request", event, comment="true").log
    event = _pull_request(workflow, workflow.commit(_app(4)))
    assert "comment: updated" in workflow.run("pull_request", event, comment="true").log
    own = [each for each in workflow.hub.comments if each["user"]["login"] == BOT]
    assert len(own) == 1
    assert own[0]["body"].startswith(marker)
    assert all(
        each["body"].endswith("all is well") for each in workflow.hub.comments if each["user"]["login"] == "mallory"
    )


def test_only_the_clusters_that_are_named_are_compared(workflow: Workflow) -> None:
    event = _pull_request(workflow, workflow.commit(_app(3)))
    assert json.loads(workflow.run("pull_request", event, clusters="us", verify="off").outputs["changed-clusters"]) == [
        "us"
    ]
    refused = workflow.run("pull_request", event, clusters="us, eo", verify="off")
    assert refused.failed
    assert "neither commit has a cluster 'eo'" in refused.log


def test_where_nothing_changes_no_comment_is_begun(workflow: Workflow) -> None:
    event = _pull_request(workflow, workflow.commit({"README.md": "Words.\n"}))
    ran = workflow.run("pull_request", event, comment="true")
    assert ran.outputs["result"] == "unchanged"
    assert "comment: none" in ran.log
    assert workflow.hub.comments == []


def test_the_head_of_a_fork_is_found_by_what_github_says_of_the_run(workflow: Workflow) -> None:
    head = workflow.commit(_app(3), "theirs")
    gitserver.git("update-ref", "refs/pull/7/head", head, cwd=workflow.origin)
    gitserver.git("branch", "-qD", "theirs", cwd=workflow.origin)
    run = {
        "event": "pull_request",
        "head_sha": head,
        "head_branch": "change",
        "head_repository": {"full_name": "fork/fleet"},
    }
    pull = _pull_request(workflow, head, "fork/fleet")["pull_request"] | {"number": 7}
    other = {**pull, "number": 8, "head": {**pull["head"], "sha": "b" * 40}}
    workflow.hub.pulls = [other, pull]
    ran = workflow.run("workflow_run", {"workflow_run": run}, comment="true", sarif="true", **{"fail-on": "never"})
    assert not ran.failed, ran.log
    assert ran.outputs["result"] == "changed"
    assert [name.partition("@")[0] for name, _ in ran.used] == [
        "actions/cache"
    ]  # nothing of a fork goes to code scanning
    assert "replicas" in workflow.hub.comments[0]["body"]
    assert "t0ken" not in ran.log

    workflow.hub.pulls = [other]
    moved = workflow.run("workflow_run", {"workflow_run": run}, comment="true")
    assert (moved.failed, moved.ran, moved.outputs["result"]) == (False, ["Find out what changes"], "")
    assert "no open pull request has that commit any more" in moved.log


def test_merge_queues_pushes_and_new_branches_are_compared_with_what_was_before(workflow: Workflow) -> None:
    base, head = workflow.git("rev-parse", "main"), workflow.commit(_app(3))
    queue = workflow.run("merge_group", {"merge_group": {"base_sha": base, "head_sha": head}})
    push = workflow.run("push", {"before": base, "after": head})
    new = workflow.run("push", {"before": "0" * 40, "after": head})
    named = workflow.run("schedule", {}, base="origin/main")
    assert [each.outputs["result"] for each in (queue, push, new, named)] == [
        "changed",
        "changed",
        "changed",
        "unchanged",
    ]
    refused = workflow.run("schedule", {})
    assert refused.failed
    assert "the event 'schedule' names no two commits" in refused.log


def test_several_fleets_of_one_repository_have_a_comment_each(workflow: Workflow) -> None:
    both = {f"{name}/{path}": text for name in ("one", "two") for path, text in {**FLEET, **_app(2)}.items()}
    workflow.commit(both, "main", "main")
    head = workflow.commit({f"two/{path}": text for path, text in _app(3).items()}, "change", "main")
    event = _pull_request(workflow, head)
    one = workflow.run("pull_request", event, path="one", comment="true")
    two = workflow.run("pull_request", event, path="two", comment="true")
    assert (one.outputs["result"], two.outputs["result"]) == ("unchanged", "changed")
    assert [each["body"].partition("\n")[0] for each in workflow.hub.comments] == ["<!-- spinfleet-check two -->"]


def test_names_that_would_be_commands_reach_neither_the_runner_nor_other_outputs(workflow: Workflow) -> None:
    files = {
        "apps/x\n::add-mask::y/app.yaml": "kind: App\napiVersion: spinfleet.dev/v1alpha1\nmetadata: {name: a}\nspec: {}\n",
        "b.yaml": 'kind: App\napiVersion: spinfleet.dev/v1alpha1\nmetadata: {name: "x\\n::set-output name=result::unchanged @team <img src=x>"}\nspec: {}\n',
    }
    ran = workflow.run("pull_request", _pull_request(workflow, workflow.commit(files)))
    assert ran.failed
    assert ran.outputs["result"] == "error"
    assert [
        line
        for line in ran.log.splitlines()
        if line.startswith("::") and not line.startswith(("::error ", "::warning "))
    ] == []
    assert "<img" not in ran.summary.replace("`", "") or "`" in ran.summary


def test_a_shallow_checkout_is_told_what_it_needs(workflow: Workflow) -> None:
    head = workflow.commit(_app(3))
    event = {**_pull_request(workflow, head), "repository": {"full_name": "acme/fleet", "default_branch": "main"}}
    shallow = workflow.folder.parent / "shallow"
    gitserver.git(
        "clone", "-q", "--depth=1", "--branch=change", workflow.origin.as_uri(), str(shallow), cwd=workflow.folder
    )
    path = workflow.folder.parent / "event.json"
    path.write_text(json.dumps(event))
    environment = {"GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": str(path)}
    ran = workflow.composite.run(shallow, {}, {"token": "t0ken"}, environment, skip=("Install Spinfleet",))
    assert ran.failed
    assert "fetch-depth: 0" in ran.log


def test_every_action_is_pinned_and_the_examples_give_the_first_job_no_rights() -> None:
    folder = ROOT / "fleet-example" / ".github" / "workflows"
    check, comment = (yaml.safe_load((folder / name).read_text()) for name in ("fleet.yaml", "fleet-comment.yaml"))
    assert check["permissions"] == {"contents": "read"}
    assert comment["permissions"] == {"contents": "read", "pull-requests": "write"}
    for workflow in (check, comment):
        for job in workflow["jobs"].values():
            assert "secrets" not in json.dumps(job)
            checkout = next(step for step in job["steps"] if step["uses"].startswith("actions/checkout@"))
            assert checkout["with"] == {"fetch-depth": 0, "persist-credentials": False}
            assert "ref" not in checkout["with"]
