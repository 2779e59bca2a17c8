"""A commit's files, read blob by blob from the object database. Nothing is ever checked out to disk.

Tree objects may hold anything (`..`, `.git`, links, other repositories): each entry is judged before it counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import pygit2

from reconciler.errors import InputError, UnavailableError
from reconciler.git.names import odd_name
from reconciler.problems import Problem
from reconciler.tree import File

MAX_FILES = 100_000
MAX_DEPTH = 32
MAX_FILE_SIZE = 4 * 1024 * 1024
_LINK, _SUBMODULE = 0o120000, 0o160000
_REGULAR = frozenset({0o100644, 0o100755, 0o100664})
_TREE = 0o040000
_LFS = b"version https://git-lfs.github.com/spec/"


@dataclass(frozen=True, slots=True)
class _Folder:
    """What one tree object holds, paths relative to it, and the ids of the trees in it. Immutable as the object is, so it is kept by id."""

    files: tuple[File, ...]
    problems: tuple[Problem, ...]
    below: tuple[str, ...] = ()


@dataclass(slots=True)
class TreeCache:
    """Folders by tree id: a new commit walks only the trees that changed."""

    _folders: dict[str, _Folder] = field(default_factory=dict)
    _used: dict[str, _Folder] = field(default_factory=dict)

    def get(self, tree: str) -> _Folder | None:
        """Give a folder that was walked before; it and those below count as used, without a look at the repository."""
        found = self._folders.get(tree)
        if found is not None and tree not in self._used:
            self._used[tree] = found
            for each in found.below:
                self.get(each)
        return found

    def put(self, tree: str, folder: _Folder) -> None:
        """Keep a folder."""
        self._folders[tree] = self._used[tree] = folder

    def fork(self) -> TreeCache:
        """Give a cache that begins with what is known here, for a walk of another commit that must not make this one forget."""
        return TreeCache(_folders=dict(self._folders))

    def turn(self) -> None:
        """Forget what the walk just ended did not use."""
        self._folders, self._used = self._used, {}


class Snapshot:
    """A commit's tree below `path`; implements reconciler.tree.Tree."""

    def __init__(self, repository: Path, commit: str, *, path: str = ".", cache: TreeCache | None = None) -> None:
        """Read the tree's names. Raises InputError where the commit or the path is not there, UnavailableError where objects are broken."""
        self._repository = pygit2.Repository(str(repository))
        self._commit = commit
        cache = cache if cache is not None else TreeCache()
        try:
            root = self._repository[commit].peel(pygit2.Commit).tree
            for part in [part for part in path.split("/") if part not in {"", "."}]:
                root = root[part]
                if not isinstance(root, pygit2.Tree):
                    raise KeyError(part)
            folder = cache.get(str(root.id)) or _walk(self._repository, root, 0, cache)
            cache.turn()
        except (KeyError, ValueError) as error:
            raise InputError(f"commit {commit[:12]} has no folder {path!r}", hint="check spec.source.path") from error
        except pygit2.GitError as error:
            raise UnavailableError(f"commit {commit[:12]} can't be read: {error}") from error
        over = len(folder.files) > MAX_FILES
        self._problems = folder.problems + ((_too_many(len(folder.files)),) if over else ())
        self._files = MappingProxyType(
            {file.path: file for file in sorted(folder.files, key=lambda file: file.path)[:MAX_FILES]}
        )

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
        if data.startswith(_LFS):
            raise InputError(f"{path}: a Git LFS pointer, not the file itself", hint="commit the file without LFS")
        return data


def _walk(repository: pygit2.Repository, tree: pygit2.Tree, depth: int, cache: TreeCache) -> _Folder:
    files: list[File] = []
    problems: list[Problem] = []
    inside: list[str] = []
    for name, mode, identity in _entries(tree):
        if reason := odd_name(name):
            problems.append(
                Problem(
                    path=_printable(name), code="git.odd-name", message=f"the name {name!r} {reason}", hint="rename it"
                )
            )
        elif mode == _TREE:
            if depth >= MAX_DEPTH:
                problems.append(
                    Problem(path=name, code="git.too-deep", message=f"folders are nested deeper than {MAX_DEPTH}")
                )
                continue
            inside.append(str(identity))
            below = cache.get(inside[-1]) or _walk(repository, repository[identity], depth + 1, cache)
            files += [File(f"{name}/{file.path}", file.blob, file.size) for file in below.files]
            problems += [_moved(problem, name) for problem in below.problems]
        elif mode in _REGULAR:
            # The header tells the size without inflating the blob.
            files.append(File(name, str(identity), repository.odb.read_header(identity)[1]))
        else:
            problems.append(_refused(name, mode))
        if len(files) > MAX_FILES:
            break
    folder = _Folder(tuple(files), tuple(problems), tuple(inside))
    cache.put(str(tree.id), folder)
    return folder


def _entries(tree: pygit2.Tree) -> Iterator[tuple[str, int, pygit2.Oid]]:
    """Parse the raw tree object: pygit2's own entries raise on names that are not UTF-8."""
    data = memoryview(tree.read_raw())
    position, raw = 0, bytes(data)
    while position < len(raw):
        space = raw.index(b" ", position)
        end = raw.index(b"\0", space)
        name = raw[space + 1 : end].decode("utf-8", "surrogateescape")
        yield name, int(raw[position:space], 8), pygit2.Oid(raw=raw[end + 1 : end + 21])
        position = end + 21


def _refused(name: str, mode: int) -> Problem:
    if mode == _LINK:
        return Problem(
            path=name, code="git.symlink", message="symbolic links are not followed", hint="commit the file itself"
        )
    if mode == _SUBMODULE:
        return Problem(
            path=name, code="git.submodule", message="submodules are not read", hint="commit the files themselves"
        )
    return Problem(path=name, code="git.odd-mode", message=f"mode {mode:o} is not that of a regular file")


def _moved(problem: Problem, folder: str) -> Problem:
    return Problem(path=f"{folder}/{problem.path}", code=problem.code, message=problem.message, hint=problem.hint)


def _printable(name: str) -> str:
    """Give a name as it can be shown: a message must not steer a terminal."""
    text = name.encode("utf-8", "backslashreplace").decode()
    return "".join(character if character.isprintable() else f"\\x{ord(character):02x}" for character in text)


def _too_many(count: int) -> Problem:
    return Problem(path=".", code="git.too-many-files", message=f"{count} files, and at most {MAX_FILES} are read")
