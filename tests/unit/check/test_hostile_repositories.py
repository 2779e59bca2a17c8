"""What a hostile repository says never leads out of it, fetches nothing, and is bounded: in a folder as in a commit."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest
import yaml
from referencing.exceptions import Unresolvable

from reconciler.check.files import FolderFiles
from reconciler.check.fleet import FleetCheck
from reconciler.git import worktree
from reconciler.git.worktree import WorkTree
from reconciler.manifest import parse
from reconciler.schema_check import validator
from tests.random_fleets import HEAD, Tree

OUTSIDE = [
    "../secret",
    "../../../../etc/passwd",
    "/etc/passwd",
    "a/../../secret",
    "..\\secret",
    "a\0b",
    "a\x1bb",
    "x/" * 600,
]
SPIN = 'spin_manifest_version = 2\n[application]\nname = "a"\n[[trigger.http]]\nroute = "/..."\ncomponent = "a"\n[component.a]\nsource = "a.wasm"\n'


class Watched(Tree):
    """A tree that notes what is read of it."""

    def __init__(self, files: dict[str, str]) -> None:
        super().__init__(files)
        self.reads: list[str] = []

    def read(self, path: str) -> bytes:
        self.reads.append(path)
        return super().read(path)


def fleet(**changes: Any) -> Watched:
    """Give a fleet with further fields of its Fleet, App or Bundle."""
    signatures = (
        [{"match": "ghcr.io/**", "keys": [{"name": "k", "file": changes["key"]}], "trustRoot": changes["key"]}]
        if "key" in changes
        else []
    )
    artifact = f"ghcr.io/acme/a@sha256:{'a' * 64}"
    documents = [
        {**HEAD, "kind": "Fleet", "metadata": {"name": "f"}, "spec": {"artifacts": {"signatures": signatures}}},
        {**HEAD, "kind": "Cluster", "metadata": {"name": "eu"}},
        {**HEAD, "kind": "App", "metadata": {"name": "a"}, "spec": {"artifact": artifact, **changes.get("app", {})}},
    ]
    if "bundle" in changes:
        documents.append({**HEAD, "kind": "Bundle", "metadata": {"name": "b"}, "spec": {"path": changes["bundle"]}})
    return Watched({"fleet.yaml": yaml.safe_dump_all(documents), "spin.toml": SPIN, "secret": "hunter2", "a/x": ""})


@pytest.mark.parametrize("path", OUTSIDE, ids=lambda path: ascii(path[:20]))
def test_no_path_that_a_document_names_leads_out_of_the_tree(path: str) -> None:
    for changes, codes in (
        ({"app": {"manifest": path}}, {"fleet.outside"}),
        ({"app": {"variables": {"v": {"file": {"path": path, "key": "k"}}}}}, {"fleet.outside", "fleet.value"}),
        ({"bundle": path}, {"fleet.outside"}),
        ({"key": path}, {"fleet.key", "fleet.trust-root"}),
    ):
        tree = fleet(**changes)
        problems = FleetCheck().check(tree).problems
        assert codes & {problem.code for problem in problems}, (changes, problems)
        assert set(tree.reads) <= {"fleet.yaml", "spin.toml"}
        assert not any("hunter2" in str(problem) for problem in problems)


@pytest.mark.parametrize("path", OUTSIDE, ids=lambda path: ascii(path[:20]))
def test_no_file_that_a_manifest_names_is_looked_at_outside(tmp_path: Path, path: str) -> None:
    (tmp_path / "secret").write_bytes(b"\0asm\1\0\0\0")
    (tmp_path / "fleet").mkdir()
    data = parse(SPIN.replace("a.wasm", "PATH").encode(), "spin.toml").application
    assert data is not None
    files = FolderFiles(tmp_path / "fleet")
    if "\0" not in path:
        assert not files.exists(path)
        assert files.head(path) is None


def test_a_folder_is_bounded_as_a_commit_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worktree, "MAX_FILES", 10)
    monkeypatch.setattr(worktree, "MAX_DEPTH", 3)
    monkeypatch.setattr(worktree, "MAX_FILE_SIZE", 100)
    deep = tmp_path / "a" / "b" / "c" / "d" / "e"
    deep.mkdir(parents=True)
    (deep / "x.yaml").touch()
    (tmp_path / "0.yaml").write_text("a" * 101)
    for number in range(20):
        (tmp_path / f"z{number}.yaml").touch()
    os.mkfifo(tmp_path / "0pipe")
    (tmp_path / "0link").symlink_to(tmp_path)
    tree = WorkTree(tmp_path)
    assert {problem.code for problem in tree.problems} == {"git.too-many-files", "git.too-deep", "git.symlink"}
    assert len(tree.files) == 10
    # Not even read for its id.
    assert tree.files["0.yaml"].blob == f"{101:040x}"
    report = FleetCheck().check(tree)
    assert not report.valid


@pytest.mark.parametrize(
    "data", [SPIN.encode("utf-16"), SPIN.encode() + b"\xff", b"\x80", b"\0", b"\x1f\x8b\x08" + b"\0" * 100]
)
def test_a_manifest_that_is_no_text_is_told_in_words_and_not_quoted(data: bytes) -> None:
    problems = parse(data, "spin.toml").problems
    assert problems
    assert problems[0].code in {"spin.parse.encoding", "spin.parse.toml"}
    assert all(problem.message.isprintable() for problem in problems)


def test_no_reference_of_a_schema_is_ever_fetched() -> None:
    """jsonschema fetches remote and local references of its own unless it is given a registry."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        port = server.getsockname()[1]
        for reference in (f"http://127.0.0.1:{port}/schema.json", "file:///etc/hostname", "other.schema.json"):
            judge = validator("app").evolve(schema={"$ref": reference})
            with pytest.raises(Unresolvable):
                list(judge.iter_errors({}))
        with pytest.raises(TimeoutError):
            server.accept()


def test_a_repository_can_bring_no_kubeconfig() -> None:
    """An exec plugin in one would be a command of the repository's choice."""
    sync = {"source": {"url": "https://git.example.com/a"}, "cluster": "eu", "kubeConfig": {"secretRef": {"name": "x"}}}
    documents = [
        {**HEAD, "kind": "FleetSync", "metadata": {"name": "f"}, "spec": sync},
        {**HEAD, "kind": "Cluster", "metadata": {"name": "us"}, "spec": {"kubeconfig": "apiVersion: v1"}},
    ]
    tree = Tree({"fleet.yaml": yaml.safe_dump_all([{**HEAD, "kind": "Fleet", "metadata": {"name": "f"}}, *documents])})
    told = {problem.pointer: problem.code for problem in FleetCheck().check(tree).problems}
    assert told["/spec/kubeConfig"] == told["/spec/kubeconfig"] == "fleet.unknown-field"
