"""A folder on disk as a tree: what `validate`, `render` and `diff` read before anything is committed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from reconciler.errors import InputError
from reconciler.git.names import odd_name
from reconciler.git.snapshot import LFS, MAX_FILE_SIZE
from reconciler.git.trees import MAX_DEPTH, MAX_FILES
from reconciler.problems import Problem
from reconciler.tree import File, blob_id


class WorkTree:
    """The files below a folder, but for those that Git ignores; implements reconciler.tree.Tree."""

    def __init__(self, root: Path) -> None:
        """Read the names. Raises InputError where the folder is not there."""
        if not root.is_dir():
            raise InputError(f"{root}: no such folder")
        self._root = root
        problems: list[Problem] = []
        ignored = _Ignored(root)
        found: dict[str, File] = {}
        for path in _walk(root, "", 0, problems, ignored):
            if len(found) >= MAX_FILES:
                problems.append(
                    Problem(path=".", code="git.too-many-files", message=f"at most {MAX_FILES} files are read")
                )
                break
            found[path] = _file(root, path)
        self._files = MappingProxyType(dict(sorted(found.items())))
        self._problems = tuple(problems)

    def updated(self, changed: Iterable[Path]) -> WorkTree:
        """Give the tree after files changed: only these are read. Where that can't be told apart, the folder is walked again."""
        files = dict(self._files)
        ignored = _Ignored(self._root)
        root = self._root.resolve()
        for path in changed:
            if not path.is_relative_to(root):
                continue
            relative = path.relative_to(root).as_posix()
            if relative == ".git" or relative.startswith(".git/") or "/.git/" in relative:
                continue
            if not _one_file(path, relative):
                return WorkTree(self._root)
            files.pop(relative, None)
            if path.is_file() and not ignored(relative):
                if len(files) >= MAX_FILES:
                    return WorkTree(self._root)
                files[relative] = _file(self._root, relative)
        tree = object.__new__(WorkTree)
        tree._root, tree._problems = self._root, self._problems
        tree._files = MappingProxyType(dict(sorted(files.items())))
        return tree

    @property
    def commit(self) -> str | None:
        """None: nothing is committed."""
        return None

    @property
    def files(self) -> Mapping[str, File]:
        """Every regular file by path, sorted."""
        return self._files

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Entries that were refused."""
        return self._problems

    def read(self, path: str) -> bytes:
        """Give a file's content. Raises InputError where it is missing or too large."""
        file = self._files.get(path)
        if file is None:
            raise InputError(f"{path}: no such file")
        if file.size > MAX_FILE_SIZE:
            raise InputError(f"{path}: {file.size} bytes, and at most {MAX_FILE_SIZE} are read")
        data = (self._root / path).read_bytes()
        if data.startswith(LFS):
            raise InputError(f"{path}: a Git LFS pointer, not the file itself", hint="fetch it with `git lfs pull`")
        return data


def _walk(root: Path, below: str, depth: int, problems: list[Problem], ignored: _Ignored) -> Iterator[str]:
    with os.scandir(root / below) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            path = f"{below}{entry.name}"
            if entry.name == ".git" or ignored(path + ("/" if entry.is_dir(follow_symlinks=False) else "")):
                continue
            if reason := odd_name(entry.name):
                problems.append(
                    Problem(
                        path=path, code="git.odd-name", message=f"the name {entry.name!r} {reason}", hint="rename it"
                    )
                )
            elif entry.is_symlink():
                problems.append(
                    Problem(
                        path=path,
                        code="git.symlink",
                        message="symbolic links are not followed",
                        hint="commit the file itself",
                    )
                )
            elif entry.is_dir():
                if depth >= MAX_DEPTH:
                    problems.append(
                        Problem(path=path, code="git.too-deep", message=f"folders are nested deeper than {MAX_DEPTH}")
                    )
                else:
                    yield from _walk(root, f"{path}/", depth + 1, problems, ignored)
            elif entry.is_file():
                yield path


def _one_file(path: Path, relative: str) -> bool:
    """Tell whether a change is that of one plain file, and not of folders, links, odd names or what Git ignores."""
    if path.name == ".gitignore" or any(odd_name(part) for part in relative.split("/")):
        return False
    if path.is_symlink() or path.is_dir():
        return False
    return path.is_file() or path.parent.is_dir()


class _Ignored:
    """Asks Git's own ignore rules, where the folder lies in a repository."""

    def __init__(self, root: Path) -> None:
        import pygit2

        found = pygit2.discover_repository(str(root))
        self._repository = pygit2.Repository(found) if found else None
        workdir = self._repository.workdir if self._repository is not None else None
        self._prefix = os.path.relpath(root.resolve(), workdir) if workdir else None

    def __call__(self, path: str) -> bool:
        if self._repository is None or self._prefix is None:
            return False
        return bool(self._repository.path_is_ignored(path if self._prefix == "." else f"{self._prefix}/{path}"))


def _file(root: Path, path: str) -> File:
    """Give the file with the blob id that Git would give it; one too large to be read is known by its size only."""
    size = (root / path).stat().st_size
    if size > MAX_FILE_SIZE:
        return File(path, f"{size:040x}", size)
    data = (root / path).read_bytes()
    return File(path, blob_id(data), len(data))
