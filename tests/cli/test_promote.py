"""`spinfleet promote` and `spinfleet update`: a real registry is asked, the artifact is verified, and the change is one commit."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import wasmtime
import yaml

from reconciler.local import gitserver, publish
from reconciler.manifest import parse
from tests.cli.conftest import EXAMPLE, Spinfleet
from tests.github_api import Request, github_api

pytestmark = pytest.mark.cluster

GREETER = EXAMPLE / "apps" / "greeter"
AUTHOR = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
}


@dataclass
class Desk:
    """A clone of a fleet repository, its origin, and a repository of artifacts to promote."""

    spinfleet: Spinfleet
    folder: Path
    origin: gitserver.Repository
    registry: str
    name: str
    digests: dict[str, str]

    @property
    def app(self) -> Path:
        return self.folder / "fleet" / "greeter" / "app.yaml"

    def git(self, *arguments: str) -> str:
        return gitserver.git(*arguments, cwd=self.folder)

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        options = (
            "--path",
            self.folder / "fleet",
            "--registry-mirror",
            f"{self.registry}={self.registry}",
            "--plain-http",
        )
        return self.spinfleet(*arguments, *options, **AUTHOR, **environment)

    def reference(self, tag: str) -> str:
        return f"{self.name}:{tag}@{self.digests[tag]}"

    def write(self, spec: dict[str, Any]) -> None:
        """Write and commit the app's spec."""
        head = {"apiVersion": "spinfleet.dev/v1alpha1", "kind": "App", "metadata": {"name": "greeter"}}
        self.app.write_text("# ours\n" + yaml.safe_dump({**head, "spec": spec}, sort_keys=False))
        self.git("add", "-A")
        self.git("commit", "-qm", "Begin")
        self.git("push", "-q", "origin", "HEAD:main")


def _push(registry: str, repository: str, tag: str, manifest: bytes) -> str:
    """Push the greeter under a tag; each tag's binary is another."""
    application = parse(manifest, "spin.toml").application
    assert application is not None
    text = (GREETER / "greeter.wat").read_text()
    wasm = bytes(wasmtime.wat2wasm(text))
    section = b"\x04tagx" + tag.encode()
    wasm += b"\x00" + bytes([len(section)]) + section
    return publish.push(publish.assemble_application(application, {"greeter": wasm}), registry, repository, tag=tag)


@pytest.fixture
def desk(spinfleet: Spinfleet, registry: str, tmp_path: Path) -> Iterator[Desk]:
    root = tmp_path / "git"
    root.mkdir()
    origin = gitserver.create(root, "fleet")
    folder = tmp_path / "clone"
    gitserver.git("clone", "-q", str(origin.path), str(folder), cwd=tmp_path)
    gitserver.git("switch", "-qc", "main", cwd=folder)
    fleet = folder / "fleet"
    shutil.copytree(GREETER, fleet / "greeter", ignore=shutil.ignore_patterns("*.yaml"))
    head = {"apiVersion": "spinfleet.dev/v1alpha1"}
    documents = [
        {**head, "kind": "Fleet", "metadata": {"name": "test"}, "spec": {"artifacts": {"unsigned": "Allow"}}},
        {**head, "kind": "Cluster", "metadata": {"name": "eu", "labels": {"env": "prod"}}, "spec": {"spin": "3.6"}},
        {**head, "kind": "Cluster", "metadata": {"name": "lab", "labels": {"env": "staging"}}, "spec": {"spin": "3.6"}},
    ]
    (fleet / "fleet.yaml").write_text(yaml.safe_dump_all(documents))
    repository = f"promote-{secrets.token_hex(4)}/greeter"
    manifest = (fleet / "greeter" / "spin.toml").read_bytes()
    digests = {tag: _push(registry, repository, tag, manifest) for tag in ("1.0.0", "1.1.0", "v1.2.0", "2.0.0")}
    other = manifest.replace(b'name = "greeter"', b'name = "impostor"')
    digests["bad"] = _push(registry, repository, "bad", other)
    made = Desk(spinfleet, folder, origin, registry, f"{registry}/{repository}", digests)
    made.write({"artifact": made.reference("1.0.0"), "checks": {"readiness": False}})
    return made


def test_a_tag_is_resolved_verified_and_committed_and_every_other_byte_stays(desk: Desk) -> None:
    before = desk.app.read_text()
    (desk.folder / "other.txt").write_text("staged, and none of ours")
    desk.git("add", "other.txt")
    answer = desk.run("promote", "greeter", "--to", "1.1.0")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert desk.app.read_text() == before.replace(desk.reference("1.0.0"), desk.reference("1.1.0"))
    assert f"Verified: {desk.reference('1.1.0')}" in answer.stdout
    assert "eu   1.0.0 → 1.1.0" in answer.stdout
    assert desk.git("log", "-1", "--format=%an %s") == "Ada Promote greeter to 1.1.0"
    assert desk.git("show", "--name-only", "--format=").split() == ["fleet/greeter/app.yaml"]
    assert desk.git("status", "--porcelain") == "A  other.txt"
    assert desk.origin.tip != desk.git("rev-parse", "HEAD")  # nothing is pushed unless asked

    again = desk.run("promote", "greeter", "--to", "1.1.0")
    assert (again.returncode, again.stdout.splitlines()[-1]) == (0, "nothing to do")


def test_what_one_cluster_has_goes_to_others_and_is_pushed(desk: Desk) -> None:
    staging = desk.run("promote", "greeter", "--to", desk.digests["1.1.0"], "--where", "env=staging", "-o", "json")
    assert staging.returncode == 0, staging.stderr
    told = json.loads(staging.stdout)
    assert (told["via"], told["written"], told["pullRequest"]) == ("override 1, new", True, None)
    assert [each["cluster"] for each in told["clusters"] if each["old"] != each["new"]] == ["lab"]
    answer = desk.run("promote", "greeter", "--from-cluster", "lab", "--cluster", "eu", "--push")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    overrides = yaml.safe_load(desk.app.read_text())["spec"]["overrides"]
    assert [each["clusters"] for each in overrides] == [{"matchLabels": {"env": "staging"}}, {"names": ["eu"]}]
    assert desk.origin.tip == desk.git("rev-parse", "HEAD")


def test_an_artifact_that_is_not_the_app_is_refused_and_nothing_is_written(desk: Desk) -> None:
    before, head = desk.app.read_bytes(), desk.git("rev-parse", "HEAD")
    answer = desk.run("promote", "greeter", "--to", "bad")
    assert answer.returncode == 1
    assert "Refused: " in answer.stdout
    assert "impostor" in answer.stdout
    assert "nothing was written" in answer.stderr
    assert (desk.app.read_bytes(), desk.git("rev-parse", "HEAD")) == (before, head)
    missing = desk.run("promote", "greeter", "--to", "9.9.9")
    assert missing.returncode == 2
    assert desk.app.read_bytes() == before


def test_a_dry_run_writes_nothing_and_no_commit_writes_the_file_alone(desk: Desk) -> None:
    before = desk.app.read_bytes()
    dry = desk.run("promote", "greeter", "--to", "1.1.0", "--dry-run")
    assert dry.stdout.splitlines()[-1] == "dry run: nothing was written"
    assert desk.app.read_bytes() == before
    assert desk.run("promote", "greeter", "--to", "1.1.0", "--no-commit").returncode == 0
    assert desk.git("status", "--porcelain") == "M fleet/greeter/app.yaml"
    answer = desk.run("promote", "greeter", "--to", "v1.2.0")
    assert answer.returncode == 2
    assert "not committed yet: fleet/greeter/app.yaml" in answer.stderr


def test_a_hook_that_refuses_leaves_the_file_as_it_was(desk: Desk) -> None:
    hook = desk.folder / ".git" / "hooks" / "pre-commit"
    hook.write_text("#!/bin/sh\necho not on a Friday >&2\nexit 1\n")
    hook.chmod(0o755)
    before = desk.app.read_bytes()
    answer = desk.run("promote", "greeter", "--to", "1.1.0")
    assert answer.returncode == 2
    assert "not on a Friday" in answer.stderr
    assert desk.app.read_bytes() == before


@dataclass
class GitHub:
    """What the one endpoint of GitHub's API answers that a promotion calls."""

    url: str = ""
    asked: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    status: int = 201


@pytest.fixture
def github() -> Iterator[GitHub]:
    made = GitHub()

    def answer(request: Request) -> tuple[int, Any]:
        assert request.method == "POST"
        made.asked.append((request.path, request.authorization, request.body))
        if made.status == 201:
            return made.status, {"html_url": "https://ghe.example/acme/fleet/pull/7"}
        return made.status, {"message": "No commits"}

    with github_api(answer) as url:
        made.url = f"{url}/api/v3"
        yield made


def _as_on_github(desk: Desk, github: GitHub) -> dict[str, str]:
    """Have the clone's origin be named as one on a GitHub server; git itself goes to the real repository."""
    desk.git("remote", "set-url", "origin", "https://ghe.example/acme/fleet.git")
    desk.git("config", f"url.{desk.origin.path}.insteadOf", "https://ghe.example/acme/fleet.git")
    return {"GITHUB_SERVER_URL": "https://ghe.example", "GITHUB_API_URL": github.url, "GITHUB_TOKEN": "s3cret"}


def test_a_pull_request_is_opened_for_a_branch_and_what_is_checked_out_stays(desk: Desk, github: GitHub) -> None:
    environment = _as_on_github(desk, github)
    before = desk.app.read_bytes()
    answer = desk.run("promote", "greeter", "--to", "1.1.0", "--open-pr", **environment)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    [(path, authorization, body)] = github.asked
    assert (path, authorization) == ("/api/v3/repos/acme/fleet/pulls", "Bearer s3cret")
    assert (body["head"], body["base"], body["title"]) == (
        "spinfleet/promote-greeter-1.1.0",
        "main",
        "Promote greeter to 1.1.0",
    )
    assert "eu: 1.0.0 → 1.1.0" in body["body"]
    assert "pull request: https://ghe.example/acme/fleet/pull/7" in answer.stdout
    assert "s3cret" not in answer.stdout + answer.stderr
    assert desk.app.read_bytes() == before
    assert (desk.git("branch", "--show-current"), desk.git("worktree", "list").count("\n")) == ("main", 0)
    pushed = gitserver.git("show", "spinfleet/promote-greeter-1.1.0:fleet/greeter/app.yaml", cwd=desk.origin.path)
    assert desk.reference("1.1.0") in pushed

    again = desk.run("promote", "greeter", "--to", "1.1.0", "--open-pr", **environment)
    assert again.returncode == 2
    assert "there is a branch spinfleet/promote-greeter-1.1.0 already" in again.stderr


def test_no_branch_is_pushed_where_no_pull_request_could_be_opened(desk: Desk, github: GitHub) -> None:
    environment = _as_on_github(desk, github)
    for missing, words in (
        ("GITHUB_TOKEN", "a token of GitHub is needed"),
        ("GITHUB_SERVER_URL", "is not a repository on https://github.com"),
    ):
        answer = desk.run("promote", "greeter", "--to", "1.1.0", "--open-pr", **{**environment, missing: ""})
        assert (answer.returncode, github.asked) == (2, [])
        assert words in answer.stderr
    assert "promote" not in gitserver.git("for-each-ref", cwd=desk.origin.path)


def test_update_lists_what_is_newer_and_takes_it_in_one_commit(desk: Desk) -> None:
    policy = {"artifact": desk.reference("1.0.0"), "artifactPolicy": {"semver": "^1"}, "checks": {"readiness": False}}
    desk.write(policy)
    head = desk.git("rev-parse", "HEAD")
    answer = desk.run("update", "--check")
    assert answer.returncode == 1, answer.stderr
    assert answer.stdout.splitlines()[1].split() == ["greeter", "everywhere", "1.0.0", "^1", "v1.2.0", "newer"]
    assert desk.git("rev-parse", "HEAD") == head
    taken = desk.run("update", "-o", "json")
    assert taken.returncode == 0, taken.stdout + taken.stderr
    [row] = json.loads(taken.stdout)["artifacts"]
    assert (row["state"], row["new"]) == ("updated", desk.reference("v1.2.0"))
    assert yaml.safe_load(desk.app.read_text())["spec"] == {**policy, "artifact": desk.reference("v1.2.0")}
    assert desk.git("log", "-1", "--format=%s") == "Update greeter to v1.2.0"
    assert (desk.run("update", "--check").returncode, desk.run("update", "greeter").stdout.splitlines()[-1]) == (
        0,
        "nothing to do",
    )


def test_update_tells_digests_apart_where_a_reference_has_no_tag(desk: Desk) -> None:
    desk.write({"artifact": f"{desk.name}@{desk.digests['v1.2.0']}", "artifactPolicy": {"semver": "1.x"}})
    assert desk.run("update", "--check").returncode == 0
    desk.write({"artifact": f"{desk.name}@{desk.digests['1.1.0']}", "artifactPolicy": {"semver": "1.x"}})
    assert desk.run("update", "--check").returncode == 1


def test_update_leaves_out_what_is_refused_and_says_why(desk: Desk) -> None:
    _push(
        desk.registry,
        desk.name.partition("/")[2],
        "1.9.0",
        (GREETER / "spin.toml").read_bytes().replace(b'name = "greeter"', b'name = "other"'),
    )
    desk.write({"artifact": desk.reference("1.0.0"), "artifactPolicy": {"semver": "^1"}})
    before = desk.app.read_bytes()
    answer = desk.run("update")
    assert answer.returncode == 1
    assert answer.stdout.splitlines()[1].split()[-2:] == ["1.9.0", "refused"]
    assert "git: " in answer.stdout.splitlines()[2]
    assert desk.app.read_bytes() == before
    assert desk.run("update", "nothing").returncode == 2


@pytest.mark.parametrize("arguments", [(), ("--to", "1.1.0", "--from-cluster", "lab"), ("--to", "1.1.0", "--where", "env"),
                                       ("--to", "1.1.0", "--where", "a=b", "--cluster", "eu"), ("--to", "1.1.0", "--no-commit", "--push"),
                                       ("--to", "sha256:12"), ("--to", "a tag"), ("--to", "1.1.0", "--where", "env=qa")])  # fmt: skip
def test_what_makes_no_sense_is_said_before_anything_is_asked(desk: Desk, arguments: tuple[str, ...]) -> None:
    answer = desk.run("promote", "greeter", *arguments)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert "error" in answer.stderr.lower()
