"""`spinfleet check`: two commits of a repository, as people and their CI have them."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.check.conftest import FLEET
from tests.cli.conftest import Spinfleet


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "init.defaultBranch=main"]
    return subprocess.run([*command, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def commit(folder: Path, message: str) -> str:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", message)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository of the fleet with a branch `change` that asks for more replicas."""
    folder = tmp_path / "repository"
    shutil.copytree(FLEET, folder)
    git(folder, "init", "--quiet")
    commit(folder, "all")
    git(folder, "checkout", "--quiet", "-b", "change")
    edit(folder / "apps" / "checkout" / "app.yaml", "replicas: 4", "replicas: 6")
    commit(folder, "more")
    return folder


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_branch_is_compared_with_what_it_is_merged_into(spinfleet: Spinfleet, repository: Path) -> None:
    answer = spinfleet("check", "--base", "main", cwd=repository)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "/spec/replicas: 4 → 6" in answer.stdout
    assert answer.stdout.splitlines()[-1].endswith("4 of 4 clusters changed")


def test_the_json_names_the_clusters_the_objects_and_the_result(spinfleet: Spinfleet, repository: Path) -> None:
    answer = spinfleet("check", "--base", "main", "--head", "change", "--path", repository, "-o", "json")
    report = json.loads(answer.stdout)
    assert report["result"] == "changed"
    assert [group["clusters"] for group in report["clusters"]] == [["eu-1", "eu-2", "us-1"], ["staging"]]
    assert report["base"] == git(repository, "rev-parse", "main")
    assert report["head"] == git(repository, "rev-parse", "change")


def test_the_same_commits_give_the_same_bytes(spinfleet: Spinfleet, repository: Path) -> None:
    first, second = (spinfleet("check", "--base", "main", cwd=repository, PYTHONHASHSEED=seed) for seed in ("1", "2"))
    assert first.stdout == second.stdout


def test_a_new_error_fails_the_check_and_an_old_one_does_not(spinfleet: Spinfleet, repository: Path) -> None:
    edit(repository / "apps" / "payments" / "app.yaml", "namespace: payments", "namespce: payments")
    commit(repository, "misspelt")
    answer = spinfleet("check", "--base", "main", cwd=repository)
    assert answer.returncode == 1
    assert "did you mean 'namespace'?" in answer.stdout
    assert spinfleet("check", "--base", "HEAD", cwd=repository).returncode == 0


def test_all_lists_what_base_has_already(spinfleet: Spinfleet, repository: Path) -> None:
    answer = spinfleet("check", "--base", "main", "--all", cwd=repository)
    assert "in base already platform/web/web.yaml:5: warning [render.plain-secret]" in answer.stdout


def test_a_secret_is_never_shown(spinfleet: Spinfleet, repository: Path) -> None:
    edit(repository / "platform" / "web" / "web.yaml", "correct-horse", "battery-staple")
    commit(repository, "rotated")
    for form in ("text", "json", "yaml"):
        answer = spinfleet("check", "--base", "main", "--all", "-o", form, cwd=repository)
        assert "web-login" in answer.stdout
        assert "battery" not in answer.stdout + answer.stderr
        assert "correct-horse" not in answer.stdout + answer.stderr


def test_a_shallow_clone_is_told_how_to_get_what_it_lacks(
    spinfleet: Spinfleet, repository: Path, tmp_path: Path
) -> None:
    base = git(repository, "rev-parse", "main")
    git(tmp_path, "clone", "--quiet", "--depth", "1", "--branch", "change", f"file://{repository}", "shallow")
    answer = spinfleet("check", "--base", base, cwd=tmp_path / "shallow")
    assert answer.returncode == 2
    assert "this clone" in answer.stderr
    assert f"git fetch --depth=1 origin {base}" in answer.stderr
    git(tmp_path / "shallow", "fetch", "--quiet", "--depth=1", "origin", base)
    assert spinfleet("check", "--base", base, cwd=tmp_path / "shallow").returncode == 0


def test_a_base_that_is_nowhere_is_told(spinfleet: Spinfleet, repository: Path) -> None:
    answer = spinfleet("check", "--base", "mian", cwd=repository)
    assert answer.returncode == 2
    assert "'mian' is not a commit" in answer.stderr
    assert "origin/main" in answer.stderr


def test_a_folder_outside_a_repository_is_told(spinfleet: Spinfleet, tmp_path: Path) -> None:
    answer = spinfleet("check", "--base", "main", cwd=tmp_path)
    assert answer.returncode == 2
    assert "is not in a Git repository" in answer.stderr


def test_a_linked_worktree_is_a_clone_as_any_other(spinfleet: Spinfleet, repository: Path, tmp_path: Path) -> None:
    git(repository, "worktree", "add", "--quiet", "--detach", str(tmp_path / "linked"), "change")
    answer = spinfleet("check", "--base", "main", cwd=tmp_path / "linked")
    assert "4 of 4 clusters changed" in answer.stdout


def test_one_of_several_fleets_of_a_repository_is_named(spinfleet: Spinfleet, tmp_path: Path) -> None:
    for name in ("one", "two"):
        shutil.copytree(FLEET, tmp_path / "all" / name)
    git(tmp_path / "all", "init", "--quiet")
    base = commit(tmp_path / "all", "all")
    edit(tmp_path / "all" / "two" / "apps" / "checkout" / "app.yaml", "replicas: 4", "replicas: 6")
    commit(tmp_path / "all", "more")
    one, two = (spinfleet("check", "--base", base, "--path", tmp_path / "all" / name) for name in ("one", "two"))
    assert "no cluster changes" in one.stdout
    assert "4 of 4 clusters changed" in two.stdout


def test_a_fleet_that_is_new_in_head_is_told_to_be_new(spinfleet: Spinfleet, tmp_path: Path) -> None:
    (tmp_path / "all").mkdir()
    git(tmp_path / "all", "init", "--quiet")
    base = commit(tmp_path / "all", "empty")
    shutil.copytree(FLEET, tmp_path / "all" / "fleet")
    commit(tmp_path / "all", "a fleet")
    answer = spinfleet("check", "--base", base, "--path", tmp_path / "all" / "fleet")
    assert answer.returncode == 0
    assert "base has no fleet" in answer.stdout


def test_a_branch_that_lags_behind_is_merged_before_it_is_compared(spinfleet: Spinfleet, repository: Path) -> None:
    git(repository, "checkout", "--quiet", "main")
    edit(repository / "platform" / "web" / "web.yaml", "nginx-unprivileged:1.29", "nginx-unprivileged:1.30")
    commit(repository, "newer")
    before = git(repository, "status", "--porcelain"), git(repository, "for-each-ref")
    answer = spinfleet("check", "--base", "main", "--head", "change", cwd=repository)
    assert "/spec/replicas: 4 → 6" in answer.stdout
    assert "nginx" not in answer.stdout
    assert before == (git(repository, "status", "--porcelain"), git(repository, "for-each-ref"))


def test_a_branch_that_conflicts_is_told(spinfleet: Spinfleet, repository: Path) -> None:
    git(repository, "checkout", "--quiet", "main")
    edit(repository / "apps" / "checkout" / "app.yaml", "replicas: 4", "replicas: 5")
    commit(repository, "other")
    answer = spinfleet("check", "--base", "main", "--head", "change", cwd=repository)
    assert answer.returncode == 2
    assert "both changed 'apps/checkout/app.yaml'" in answer.stderr
    assert "merge base into head first" in answer.stderr
