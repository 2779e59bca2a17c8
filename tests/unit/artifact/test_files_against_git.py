"""Files and Wasm are compared by digest where they lie in Git, found as Spin's loader finds them; else it is said why not."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from reconciler.artifact.against_git import Comparison, compare
from reconciler.artifact.sources import CommitFiles, Sources
from reconciler.errors import InputError
from reconciler.problems import Problem
from reconciler.tree import File
from tests.unit.artifact.making import WASM, application, first, read

COMPONENT = b"\0asm\x0d\0\x01\0" + b"\0" * 8


@dataclass
class Kept:
    """A tree held in memory, as a commit gives it."""

    contents: Mapping[str, bytes]
    problems: tuple[Problem, ...] = ()
    commit: str | None = "c" * 40
    reads: list[str] = field(default_factory=list)

    @property
    def files(self) -> Mapping[str, File]:
        return {
            path: File(path, hashlib.sha1(data).hexdigest(), len(data))  # noqa: S324 - Git's own
            for path, data in sorted(self.contents.items())
        }

    def read(self, path: str) -> bytes:
        self.reads.append(path)
        if self.contents[path].startswith(b"version https://git-lfs"):
            raise InputError(f"{path}: a Git LFS pointer")
        return self.contents[path]


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def manifest(files: str, more: str = "") -> str:
    return f"""\
spin_manifest_version = 2
[application]
name = "a"
[[trigger.http]]
route = "/..."
component = "main"
[component.main]
source = "m.wasm"
files = {files}
{more}
"""


def compared(
    git: Mapping[str, bytes], in_artifact: Mapping[str, bytes], text: str, tree: Kept | None = None
) -> Comparison:
    sources = Sources(commit=CommitFiles(tree or Kept(git)), manifest="apps/a/spin.toml")
    pushed = [{"path": path, "digest": digest(data)} for path, data in in_artifact.items()]
    return compare(read(lambda d: first(d).update(files=pushed), text), application(text), sources)


APP = {
    "apps/a/spin.toml": b"",
    "apps/a/x.txt": b"x",
    "apps/a/d/y.txt": b"y",
    "apps/a/d/e/z.txt": b"z",
    "apps/b/no.txt": b"",
}


@pytest.mark.parametrize(
    ("files", "more", "expected"),
    [
        ('["x.txt"]', "", {"x.txt": b"x"}),
        ('["./x.txt", "d/*.txt"]', "", {"x.txt": b"x", "d/y.txt": b"y"}),
        ('["d/**/*"]', "", {"d/y.txt": b"y", "d/e/z.txt": b"z"}),
        ('["d/**/*"]', 'exclude_files = ["**/z.txt"]', {"d/y.txt": b"y"}),
        # A folder named alone keeps its name twice: so does Spin.
        ('["d"]', "", {"d/d/y.txt": b"y", "d/d/e/z.txt": b"z"}),
        ('[{ source = "d", destination = "/" }]', "", {"y.txt": b"y", "e/z.txt": b"z"}),
        ('[{ source = "d", destination = "/www" }]', "", {"www/y.txt": b"y", "www/e/z.txt": b"z"}),
        ('[{ source = "d", destination = "/" }]', 'exclude_files = ["d/e/*"]', {"y.txt": b"y"}),
        ('[{ source = "x.txt", destination = "etc/x" }]', "", {"etc/x": b"x"}),
    ],
)
def test_files_of_the_commit_do_not_differ(files: str, more: str, expected: Mapping[str, bytes]) -> None:
    result = compared(APP, expected, manifest(files, more))
    assert (result.errors, result.warnings) == ((), ())
    assert not any("files of component" in note for note in result.notes)


def test_other_content_and_more_files_are_errors_and_fewer_a_warning() -> None:
    text = manifest('["d/**/*"]')
    result = compared(APP, {"d/y.txt": b"changed", "d/evil.js": b""}, text)
    assert result.errors == (
        "the artifact has file 'd/evil.js' of component 'main', which spin.toml does not say",
        "file 'd/y.txt' of component 'main' has other content than in Git",
    )
    assert result.warnings == (
        "stale-artifact: the artifact lacks file 'd/e/z.txt' of component 'main', which spin.toml says",
    )


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ('["dist/**/*"]', "'dist/**/*' finds nothing in Git"),
        ('["x.txt", "built.js"]', "'built.js' is not in Git"),
        ('[{ source = "dist", destination = "/" }]', "'dist' is not in Git"),
        ('["../b/*"]', "leaves the folder"),
    ],
)
def test_what_does_not_lie_in_git_is_said_to_be_not_comparable(files: str, reason: str) -> None:
    result = compared(APP, {"anything": b"at all"}, manifest(files))
    assert result.errors == ()
    assert any("not comparable" in note and reason in note for note in result.notes), result.notes


def test_links_beside_the_manifest_make_files_not_comparable() -> None:
    link = Problem(path="apps/a/link", code="git.symlink", message="symbolic links are not followed")
    result = compared(APP, {"x.txt": b"?"}, manifest('["x.txt"]'), Kept(APP, problems=(link,)))
    assert result.errors == ()
    assert any("links" in note for note in result.notes)


def test_files_kept_outside_git_are_not_comparable_one_by_one() -> None:
    files = {**APP, "apps/a/x.txt": b"version https://git-lfs.github.com/spec/v1\n"}
    result = compared(files, {"x.txt": b"large"}, manifest('["x.txt"]'))
    assert result.errors == ()
    assert any("file 'x.txt' of component 'main' is not comparable" in note for note in result.notes)


def test_a_component_in_git_is_compared_and_a_module_is_not() -> None:
    text = manifest("[]")
    same = compared({**APP, "apps/a/m.wasm": COMPONENT}, {}, text)
    assert same.errors == ("the Wasm of component 'main' is not the one in Git",)
    module = compared({**APP, "apps/a/m.wasm": WASM}, {}, text)
    assert module.errors == ()
    assert any("one is made of it when it is pushed" in note for note in module.notes)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ('[component.main.dependencies]\n"a:b/c" = { path = "dep.wasm" }', "dependencies are composed in"),
    ],
)
def test_wasm_that_pushing_changes_is_not_compared(more: str, reason: str) -> None:
    result = compared({**APP, "apps/a/m.wasm": COMPONENT}, {}, manifest("[]", more))
    assert result.errors == ()
    assert any(reason in note for note in result.notes)


def test_a_profile_that_changes_the_source_is_not_compared() -> None:
    text = manifest("[]", '[component.main.profile.debug]\nsource = "debug.wasm"')
    sources = Sources(commit=CommitFiles(Kept({**APP, "apps/a/m.wasm": COMPONENT})), manifest="apps/a/spin.toml")
    result = compare(read(lambda d: d["metadata"].update(profile="debug"), text), application(text), sources)
    assert any("profile 'debug'" in note for note in result.notes)
    assert compare(read(text=text), application(text), sources).errors


def test_each_blob_is_read_once_whatever_the_number_of_commits() -> None:
    tree, digests = Kept(APP), dict[str, str]()
    for _ in range(3):
        sources = Sources(commit=CommitFiles(tree, digests), manifest="apps/a/spin.toml")
        compare(read(text=manifest('["x.txt"]')), application(manifest('["x.txt"]')), sources)
    assert tree.reads == ["apps/a/x.txt"]
