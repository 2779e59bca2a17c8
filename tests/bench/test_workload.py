"""What is deployed when syncing is measured: the same objects for us, for the limit and for a peer."""

from __future__ import annotations

import posixpath
from pathlib import Path
from typing import Any

import yaml

from bench.workload import app_file, repository_files, workload
from reconciler.check.fleet import FleetCheck
from reconciler.git.worktree import WorkTree

APPS = 103


def kustomized(files: dict[str, str], folder: str) -> list[Any]:
    """What a kustomization gives: all that its resources name, folder by folder."""
    found: list[Any] = []
    for name in yaml.safe_load(files[posixpath.normpath(f"{folder}/kustomization.yaml")])["resources"]:
        path = posixpath.normpath(f"{folder}/{name}")
        found += yaml.safe_load_all(files[path]) if path in files else kustomized(files, path)
    return found


def test_a_peer_deploys_what_the_limit_is_measured_with() -> None:
    namespaces, objects = workload(APPS, "bench")
    assert kustomized(repository_files(APPS, "bench"), ".") == [*namespaces, *objects]
    assert len(namespaces) == 2


def test_the_same_repository_is_a_valid_fleet_with_a_bundle_for_each_folder(tmp_path: Path) -> None:
    files = repository_files(3, "bench")
    for path, text in files.items():
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    report = FleetCheck().check(WorkTree(tmp_path))
    assert report.problems == ()
    folders = {path.rpartition("/")[0] for path in files if path.endswith("bundle.yaml")}
    assert {f"{folder}/objects/all.yaml" for folder in folders} == {path for path in files if path.endswith("all.yaml")}


def test_a_commit_changes_one_file_and_every_object_in_it() -> None:
    before = repository_files(APPS, "bench")
    ((path, text),) = app_file(7, "bench", label="2").items()
    changed = [each["metadata"]["labels"] for each in yaml.safe_load_all(text)]
    assert changed == [{"app": "app-00007", "round": "2"}] * 4
    assert [each["metadata"]["name"] for each in yaml.safe_load_all(before[path])] == ["app-00007"] * 4
