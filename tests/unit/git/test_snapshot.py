"""A commit is read blob by blob; what a tree may not hold is refused by name, and nothing is ever checked out."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from reconciler.errors import InputError, UnavailableError
from reconciler.git import snapshot as snapshots
from reconciler.git import trees
from reconciler.git.snapshot import Snapshot, TreeCache
from reconciler.git.worktree import WorkTree
from tests.unit.git.conftest import Objects

FILE, FOLDER, LINK, MODULE = "100644", "40000", "120000", "160000"


def test_files_are_read_by_path_and_sorted(objects: Objects) -> None:
    inner = objects.tree((FILE, b"b.yaml", objects.blob(b"bee")))
    commit = objects.commit(
        objects.tree(
            (FOLDER, b"apps", inner), (FILE, b"a.yaml", objects.blob(b"ay")), ("100755", b"run.sh", objects.blob(b"x"))
        )
    )
    snapshot = Snapshot(objects.path, commit)
    assert list(snapshot.files) == ["a.yaml", "apps/b.yaml", "run.sh"]
    assert snapshot.files["apps/b.yaml"].size == 3
    assert snapshot.read("apps/b.yaml") == b"bee"
    assert snapshot.commit == commit
    assert snapshot.problems == ()
    with pytest.raises(InputError, match="no such file"):
        snapshot.read("../secret")


@pytest.mark.parametrize(
    ("mode", "name", "code"),
    [
        (LINK, b"token", "git.symlink"),
        (MODULE, b"lib", "git.submodule"),
        ("100600", b"odd", "git.odd-mode"),
        (FILE, b"..", "git.odd-name"),
        (FILE, b".", "git.odd-name"),
        (FILE, b".git", "git.odd-name"),
        (FILE, b".GIT", "git.odd-name"),
        (FILE, b".git ", "git.odd-name"),
        (FILE, b"git~1", "git.odd-name"),
        (FILE, b"GIT~2", "git.odd-name"),
        (FOLDER, b".Git. .", "git.odd-name"),
        (FILE, b"a/../../b", "git.odd-name"),
        (FILE, b"a\\b", "git.odd-name"),
        (FILE, b"a\nb", "git.odd-name"),
        (FILE, b"a\x1b[31m", "git.odd-name"),
        (FILE, b"\xff\xfe", "git.odd-name"),
        (FILE, b"a" * 300, "git.odd-name"),
    ],
)
def test_what_a_tree_may_not_hold_is_refused_and_the_rest_is_read(
    objects: Objects, mode: str, name: bytes, code: str
) -> None:
    blob = objects.blob(b"/var/run/secrets/token")
    folder = objects.tree((mode, name, blob), (FILE, b"good.yaml", blob))
    snapshot = Snapshot(objects.path, objects.commit(objects.tree((FOLDER, b"apps", folder))))
    assert [problem.code for problem in snapshot.problems] == [code]
    assert snapshot.problems[0].path.startswith("apps/")
    assert snapshot.problems[0].path.isprintable()
    assert list(snapshot.files) == ["apps/good.yaml"]


@pytest.mark.parametrize("second", [FILE, FOLDER, LINK])
def test_a_name_that_stands_twice_is_refused_whichever_of_them_another_reader_takes(
    objects: Objects, second: str
) -> None:
    one, other = objects.blob(b"reviewed"), objects.blob(b"applied")
    other = objects.tree((FILE, b"x", other)) if second == FOLDER else other
    folder = objects.tree((FILE, b"app.yaml", one), (second, b"app.yaml", other), (FILE, b"b.yaml", one))
    snapshot = Snapshot(objects.path, objects.commit(objects.tree((FOLDER, b"apps", folder))))
    assert [(problem.path, problem.code) for problem in snapshot.problems] == [("apps/app.yaml", "git.duplicate-name")]
    assert list(snapshot.files) == ["apps/b.yaml"]


def test_names_that_differ_in_case_alone_are_two_files(objects: Objects) -> None:
    tree = objects.tree((FILE, b"App.yaml", objects.blob(b"a")), (FILE, b"app.yaml", objects.blob(b"b")))
    snapshot = Snapshot(objects.path, objects.commit(tree))
    assert [snapshot.read(path) for path in snapshot.files] == [b"a", b"b"]


def test_the_longest_path_that_a_tree_may_have_is_read(objects: Objects) -> None:
    tree = objects.tree((FILE, b"a" * 255, objects.blob(b"deep")))
    for _ in range(32):
        tree = objects.tree((FOLDER, b"d" * 255, tree))
    snapshot = Snapshot(objects.path, objects.commit(tree))
    assert snapshot.problems == ()
    assert [(len(path), snapshot.read(path)) for path in snapshot.files] == [(33 * 256 - 1, b"deep")]


def test_a_tree_that_names_itself_a_million_times_is_bounded(objects: Objects) -> None:
    tree = objects.tree(*((FILE, b"f%d" % number, objects.blob(b"x")) for number in range(10)))
    for _ in range(12):
        tree = objects.tree(*((FOLDER, b"d%d" % number, tree) for number in range(10)))
    snapshot = Snapshot(objects.path, objects.commit(tree))  # unbounded it would run into the suite's own time limit
    assert any(problem.code == "git.too-many-files" for problem in snapshot.problems)
    assert len(snapshot.files) <= trees.MAX_FILES


@pytest.mark.parametrize("leaf", [(), ((LINK, b"l", b"x" * 20),)])
def test_folders_without_a_file_are_bounded_too(objects: Objects, leaf: tuple[tuple[str, bytes, bytes], ...]) -> None:
    tree = objects.tree(*leaf)
    for _ in range(12):
        tree = objects.tree(*((FOLDER, b"d%d" % number, tree) for number in range(10)))
    snapshot = Snapshot(objects.path, objects.commit(tree))  # unbounded it would run into the suite's own time limit
    assert snapshot.problems[-1].code == "git.too-many-files"
    assert len(snapshot.problems) <= trees.MAX_ENTRIES


def test_an_object_that_is_missing_or_no_tree_is_told_as_such(objects: Objects) -> None:
    blob = objects.blob(b"40000 a\0")
    for lost in ((FOLDER, b"d", b"x" * 20), (FILE, b"f", b"x" * 20), (FOLDER, b"d", blob)):
        commit = objects.commit(objects.tree(lost))
        with pytest.raises(UnavailableError):
            Snapshot(objects.path, commit)


def test_deep_folders_are_refused(objects: Objects) -> None:
    tree = objects.tree((FILE, b"f", objects.blob(b"x")))
    for _ in range(60):
        tree = objects.tree((FOLDER, b"d", tree))
    snapshot = Snapshot(objects.path, objects.commit(tree))
    assert [problem.code for problem in snapshot.problems] == ["git.too-deep"]


def test_large_files_and_lfs_pointers_are_told_when_they_are_read(
    objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "MAX_FILE_SIZE", 100)
    large, pointer = (
        objects.blob(b"x" * 101),
        objects.blob(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
    )
    snapshot = Snapshot(
        objects.path, objects.commit(objects.tree((FILE, b"large", large), (FILE, b"pointer", pointer)))
    )
    with pytest.raises(InputError, match="101 bytes"):
        snapshot.read("large")
    with pytest.raises(InputError, match="LFS pointer"):
        snapshot.read("pointer")


def test_a_path_below_is_the_root_and_must_be_there(objects: Objects) -> None:
    inner = objects.tree((FILE, b"b.yaml", objects.blob(b"bee")))
    commit = objects.commit(
        objects.tree((FILE, b"f", objects.blob(b"")), (FOLDER, b"fleets", objects.tree((FOLDER, b"eu", inner))))
    )
    assert list(Snapshot(objects.path, commit, path="./fleets/eu/").files) == ["b.yaml"]
    for path in ("fleets/us", "f", "../fleets"):
        with pytest.raises(InputError, match="has no folder"):
            Snapshot(objects.path, commit, path=path)
    with pytest.raises(InputError):
        Snapshot(objects.path, "0" * 40)


def test_a_new_commit_walks_only_what_changed(objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [
        (FOLDER, b"d%02d" % number, objects.tree((FILE, b"f", objects.blob(b"%d" % number)))) for number in range(50)
    ]
    cache = TreeCache()
    first = Snapshot(objects.path, objects.commit(objects.tree(*folders)), cache=cache)
    before = folders[7]
    folders[7] = (FOLDER, b"d07", objects.tree((FILE, b"f", objects.blob(b"changed"))))
    walked: list[bytes | None] = []
    entries = trees._Walk._entries
    monkeypatch.setattr(trees._Walk, "_entries", lambda self, tree: (walked.append(tree), entries(self, tree))[1])
    second = Snapshot(objects.path, objects.commit(objects.tree(*folders)), cache=cache)
    assert len(walked) == 4  # the changed folder and the root, as they were and as they are
    assert {before[2], folders[7][2]} < {*walked}
    changed = [path for path, file in second.files.items() if first.files[path].blob != file.blob]
    assert changed == ["d07/f"]


def test_a_folder_on_disk_gives_the_blob_ids_that_git_gives(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / "apps").mkdir()
    (tmp_path / "apps" / "a.yaml").write_bytes(b"a: b\r\n")
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / ".gitignore").write_text("*.wasm\nbuild/\n")
    (tmp_path / "big.wasm").write_bytes(b"x")
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "out.yaml").write_text("x")
    tree = WorkTree(tmp_path)
    assert list(tree.files) == [".gitignore", "apps/a.yaml"]
    assert [problem.code for problem in tree.problems] == ["git.symlink"]
    wanted = subprocess.run(
        ["git", "hash-object", "--no-filters", "apps/a.yaml"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert tree.files["apps/a.yaml"].blob == wanted.stdout.strip()
    assert tree.read("apps/a.yaml") == b"a: b\r\n"
    assert tree.commit is None


def test_in_a_folder_a_file_that_lfs_left_out_is_told_too(tmp_path: Path) -> None:
    (tmp_path / "app.yaml").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 8\n")
    with pytest.raises(InputError, match="LFS pointer"):
        WorkTree(tmp_path).read("app.yaml")
