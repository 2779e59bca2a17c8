"""A commit's files, read blob by blob from the object database. Nothing is ever checked out to disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pygit2

from reconciler.errors import InputError, UnavailableError
from reconciler.git.trees import MAX_ENTRIES, MAX_FILES, Listing, listing
from reconciler.problems import Problem
from reconciler.tree import File

MAX_FILE_SIZE = 4 * 1024 * 1024
#: A component may be a hundred times as large as a document: its blob is inflated to see how it begins.
_LARGEST_LOOKED_INTO = 256 * 1024 * 1024
LFS = b"version https://git-lfs.github.com/spec/"
_TOO_MANY = Problem(
    path=".",
    code="git.too-many-files",
    message=f"more than {MAX_FILES} files, or {MAX_ENTRIES} entries of any kind: the rest is not read",
)


@dataclass(slots=True)
class TreeCache:
    """The tree that was read last: the next commit costs what differs from it."""

    _last: Listing | None = None

    def read(self, repository: pygit2.Repository, root: bytes) -> Listing:
        """Give what a tree holds. Raises UnavailableError where an object is missing or broken."""
        self._last = listing(repository, root, self._last)
        return self._last

    def fork(self) -> TreeCache:
        """Give a cache that begins with what is known here, for another commit that must not take this one's place."""
        return TreeCache(self._last)


class Snapshot:
    """A commit's tree below `path`; implements reconciler.tree.Tree."""

    def __init__(self, repository: Path, commit: str, *, path: str = ".", cache: TreeCache | None = None) -> None:
        """Read the tree's names. Raises InputError where the commit or the path is not there, UnavailableError where objects are broken."""
        self._repository = pygit2.Repository(str(repository))
        self._commit = commit
        try:
            root = self._repository[commit].peel(pygit2.Commit).tree
            for part in [part for part in path.split("/") if part not in {"", "."}]:
                root = root[part]
                if not isinstance(root, pygit2.Tree):
                    raise KeyError(part)
            found = (cache or TreeCache()).read(self._repository, root.id.raw)
        except (KeyError, ValueError) as error:
            raise InputError(f"commit {commit[:12]} has no folder {path!r}", hint="check spec.source.path") from error
        except pygit2.GitError as error:
            raise UnavailableError(f"commit {commit[:12]} can't be read: {error}") from error
        self._problems = tuple(sorted(found.refused.values(), key=Problem.sort_key))
        if not found.whole:
            self._problems = (*self._problems, _TOO_MANY)
        self._files = MappingProxyType(found.files)

    @property
    def commit(self) -> str | None:
        """The commit's id."""
        return self._commit

    @property
    def files(self) -> Mapping[str, File]:
        """Every regular file by path, sorted."""
        return self._files

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Entries that were refused."""
        return self._problems

    def read(self, path: str) -> bytes:
        """Give a file's content. Raises InputError where it is missing, too large or only a pointer to a file kept elsewhere."""
        file = self._files.get(path)
        if file is None:
            raise InputError(f"{path}: no such file in commit {self._commit[:12]}")
        if file.size > MAX_FILE_SIZE:
            raise InputError(f"{path}: {file.size} bytes, and at most {MAX_FILE_SIZE} are read")
        data = bytes(self._repository[file.blob].data)
        if data.startswith(LFS):
            raise InputError(f"{path}: a Git LFS pointer, not the file itself", hint="commit the file without LFS")
        return data

    def head(self, path: str, length: int) -> bytes:
        """Give the first bytes of a file of any content, up to 256 MiB large. Raises InputError where it is missing or larger."""
        file = self._files.get(path)
        if file is None:
            raise InputError(f"{path}: no such file in commit {self._commit[:12]}")
        if file.size > _LARGEST_LOOKED_INTO:
            raise InputError(f"{path}: {file.size} bytes, and at most {_LARGEST_LOOKED_INTO} are looked into")
        return bytes(memoryview(self._repository[file.blob])[:length])
