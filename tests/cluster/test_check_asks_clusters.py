"""`spinfleet check --live` reads the FleetSyncs of real API servers, beside a repository's own history."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.local.controlplane import ControlPlane
from tests.check.conftest import FLEET

pytestmark = pytest.mark.cluster

#: As `aws eks update-kubeconfig` names it: what stands behind its last colon looks like a namespace and a name.
ARN = "arn:aws:eks:eu-west-1:111122223333:cluster/prod"


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "init.defaultBranch=main"]
    return subprocess.run([*command, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def commit(folder: Path) -> str:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "more")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    shutil.copytree(FLEET, folder)
    git(folder, "init", "--quiet")
    return folder


@pytest.fixture
def kubeconfig(control_plane: ControlPlane, tmp_path: Path) -> Path:
    """The administrator's kubeconfig, its context under a second name, and one of a server that is not there."""
    config: dict[str, Any] = yaml.safe_load(control_plane.kubeconfig.read_text())
    first = config["contexts"][0]
    config["clusters"].append({"name": "away", "cluster": {"server": "https://127.0.0.1:1"}})
    config["contexts"] = [
        {"name": "here", "context": first["context"]},
        {"name": ARN, "context": first["context"]},
        {"name": "away", "context": {**first["context"], "cluster": "away"}},
    ]
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


def fleetsync(plane: ControlPlane, namespace: str, cluster: str, applied: str, **spec: Any) -> None:
    """Make a FleetSync that no agent follows, and write the status that one would have."""
    path = f"/apis/spinfleet.dev/v1alpha1/namespaces/{namespace}/fleetsyncs"
    kind = {"apiVersion": "spinfleet.dev/v1alpha1", "kind": "FleetSync", "metadata": {"name": cluster}}
    plane.request(
        "POST", path, {**kind, "spec": {"source": {"url": "https://git.example/f"}, "cluster": cluster, **spec}}
    )
    status = {"observedGeneration": 1, "commit": {"applied": applied}, "counts": {"drifted": 2}}
    plane.kubectl(
        "patch", "fleetsyncs.spinfleet.dev", cluster, "-n", namespace, "--subresource=status", "--type=merge", "-p",
        json.dumps({"status": status}),
    )  # fmt: skip


def check(repository: Path, kubeconfig: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-c",
        "from reconciler.cli.main import main; main()",
        "check",
        "--base",
        "main",
        "--verify",
        "off",
    ]
    return subprocess.run(
        [*command, "--kubeconfig", str(kubeconfig), *arguments], cwd=repository, env={**os.environ}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip


def test_clusters_that_are_behind_suspended_or_away_are_told(
    control_plane: ControlPlane, namespace: str, repository: Path, kubeconfig: Path
) -> None:
    first = commit(repository)
    commit(repository)
    base = commit(repository)
    fleetsync(control_plane, namespace, "eu-1", first)
    fleetsync(control_plane, namespace, "eu-2", base, suspend=True)
    asked = [
        "--live", f"eu-1=here:{namespace}/eu-1", "--live", f"eu-2={ARN}:{namespace}/eu-2", "--live", "us-1=away",
        "--live", f"staging=here:{namespace}/eu-1",
    ]  # fmt: skip
    answer = check(repository, kubeconfig, *asked, "-o", "json")
    assert (answer.returncode, answer.stderr) == (0, "")
    live = json.loads(answer.stdout)["live"]
    found = {each["cluster"]: each for each in live["clusters"]}
    assert (found["eu-1"]["position"], found["eu-1"]["commitsBehind"], found["eu-1"]["drifted"]) == ("Behind", 2, 2)
    assert found["eu-1"]["fleetSync"] == f"{namespace}/eu-1"
    assert (found["eu-2"]["position"], found["eu-2"]["suspended"]) == ("AtBase", True)
    assert found["us-1"]["unread"]
    assert "is of cluster 'eu-1'" in found["staging"]["unread"]
    assert live["notAsked"] == 0
    assert check(repository, kubeconfig, *asked, "--require-live").returncode == 1


def test_without_a_place_the_fleetsyncs_that_say_they_are_of_the_cluster_are_read(
    control_plane: ControlPlane, namespace: str, repository: Path, kubeconfig: Path
) -> None:
    base = commit(repository)
    fleetsync(control_plane, namespace, "us-1", base)
    answer = check(repository, kubeconfig, "--live", f"us-1={ARN}")
    assert answer.returncode == 0, answer.stderr
    assert f"us-1 ({namespace}/us-1): at base, {base[:12]}" in answer.stdout
    assert "3 of the fleet were not asked" in answer.stdout


def test_a_cluster_that_the_fleet_has_not_is_a_mistake(repository: Path, kubeconfig: Path) -> None:
    commit(repository)
    answer = check(repository, kubeconfig, "--live", "eu-11=here")
    assert answer.returncode == 2
    assert "did you mean 'eu-1'?" in answer.stderr
    assert check(repository, kubeconfig, "--live", "eu-1").returncode == 2
    assert check(repository, kubeconfig, "--require-live").returncode == 2
