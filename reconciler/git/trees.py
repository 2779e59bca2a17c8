"""The files of a tree by path. From one tree to the next only folders that differ are walked: equal ids are equal contents.

Tree objects may hold anything (`..`, `.git`, links, other repositories, one name twice): each entry is judged before it counts.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import pygit2

from reconciler.errors import UnavailableError
from reconciler.git.names import odd_name
from reconciler.problems import Problem
from reconciler.tree import File

MAX_FILES = 100_000
#: Entries of all kinds, counted as often as they are reached: folders without a file may name themselves without end.
MAX_ENTRIES = 4 * MAX_FILES
MAX_DEPTH = 32
_LINK, _SUBMODULE, _FOLDER = 0o120000, 0o160000, 0o040000
_REGULAR = frozenset({0o100644, 0o100755, 0o100664})
#: Mode in octal, name, and the 20 bytes of the id (gitformat-tree): a name may be of any bytes but NUL.
_ENTRY = re.compile(rb"([0-7]{1,6}) ([^\0]+)\0(.{20})", re.DOTALL)

_Entry = tuple[bytes, bytes, bytes]
_NONE: _Entry = (b"", b"", b"")


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """What the tree of this id holds: files by path, sorted, and what was refused, by folder and name.

    `entries` counts all that was met. `whole` is False where the tree holds more than is read.
    """

    root: bytes
    files: Mapping[str, File]
    refused: Mapping[tuple[str, str], Problem]
    entries: int
    whole: bool = True


class _TooManyError(Exception):
    """Ends the walk of a tree that holds more than is read."""


class _UntidyError(Exception):
    """A folder holds one name twice: what of it is gone can't be told."""


def listing(repository: pygit2.Repository, root: bytes, known: Listing | None = None) -> Listing:
    """Give what a tree holds; the same whatever is `known` of another tree, but at the cost of what differs.

    Raises UnavailableError where an object is missing or broken.
    """
    if known is not None and known.whole:
        walk = _Walk(repository, dict(known.files), dict(known.refused), known.entries)
        try:
            walk.change(known.root, root)
            return walk.listing(root)
        except (UnavailableError, _TooManyError, _UntidyError):
            pass  # Whether that is so of the new tree, and not of the earlier one, a whole walk tells.
    walk = _Walk(repository, {}, {}, 0)
    try:
        walk.change(None, root)
    except _TooManyError:
        return walk.listing(root, whole=False)
    return walk.listing(root)


@dataclass(slots=True)
class _Walk:
    """Goes through what differs between two trees and notes it."""

    repository: pygit2.Repository
    files: dict[str, File]
    refused: dict[tuple[str, str], Problem]
    entries: int
    _sorted: bool = True
    _read: dict[bytes, list[_Entry]] = field(default_factory=dict)
    _sizes: dict[bytes, int] = field(default_factory=dict)

    def listing(self, root: bytes, *, whole: bool = True) -> Listing:
        files = self.files if self._sorted and whole else dict(sorted(self.files.items())[:MAX_FILES])
        return Listing(root=root, files=files, refused=self.refused, entries=self.entries, whole=whole)

    def change(self, before: bytes | None, after: bytes | None, prefix: str = "", depth: int = 0) -> None:
        """Go from one tree to another below a path; None is a tree without entries."""
        if before == after:
            return
        old, new = self._entries(before), self._entries(after)
        self.entries += len(new) - len(old)
        if self.entries > MAX_ENTRIES:
            raise _TooManyError
        before_by_name, by_name = {each[1]: each for each in old}, {each[1]: each for each in new}
        if before is not None and (len(before_by_name) < len(old) or len(by_name) < len(new)):
            raise _UntidyError
        twice = _twice(new) if len(by_name) < len(new) else frozenset()
        for name in twice:
            self._refuse_twice(name, prefix)
        for entry in [each for each in new if before_by_name.get(each[1]) != each and each[1] not in twice]:
            self._replace(before_by_name.get(entry[1]), entry, prefix, depth)
        for name in before_by_name.keys() - by_name.keys():
            self._replace(before_by_name[name], None, prefix, depth)

    def _refuse_twice(self, raw: bytes, prefix: str) -> None:
        """Refuse a name that stands twice: another reader of the tree may take the other entry for the file."""
        name = raw.decode("utf-8", "surrogateescape")
        message = f"the name {name!r} stands twice in one folder"
        hint = "write the tree anew with git: git fsck tells where"
        self.refused[prefix, name] = Problem(
            path=_printable(prefix + name), code="git.duplicate-name", message=message, hint=hint
        )

    def _replace(self, old: _Entry | None, new: _Entry | None, prefix: str, depth: int) -> None:
        """Put one entry of a folder in the place of another of its name; either may be None."""
        name = (new or old or _NONE)[1].decode("utf-8", "surrogateescape")
        path, odd = prefix + name, odd_name(name)
        if old is not None:
            self.refused.pop((prefix, name), None)
        refused = _refused(name, odd, path, int(new[0], 8), depth) if new is not None else None
        if refused is not None:
            self.refused[prefix, name] = refused
        descends = not odd and depth < MAX_DEPTH
        folders = [
            each[2] if each is not None and descends and int(each[0], 8) == _FOLDER else None for each in (old, new)
        ]
        self.change(folders[0], folders[1], f"{path}/", depth + 1)
        if new is not None and refused is None and folders[1] is None:
            self._sorted = self._sorted and path in self.files
            self.files[path] = File(path, new[2].hex(), self._size(new[2]))
            if len(self.files) > MAX_FILES:
                raise _TooManyError
        elif old is not None and not odd and folders[0] is None:
            # A name with a slash was never a file, whatever its path says.
            self.files.pop(path, None)

    def _size(self, identity: bytes) -> int:
        """Give the size of a file. Its header tells it without inflating the file."""
        found = self._sizes.get(identity)
        if found is None:
            try:
                found = self._sizes[identity] = self.repository.odb.read_header(pygit2.Oid(raw=identity))[1]
            except (KeyError, pygit2.GitError) as error:
                raise UnavailableError(f"object {identity.hex()} can't be read: {error}") from error
        return found

    def _entries(self, tree: bytes | None) -> list[_Entry]:
        """Give the entries of a tree object, as they stand in it: pygit2's own raise on names that are not UTF-8."""
        if tree is None:
            return []
        found = self._read.get(tree)
        if found is None:
            try:
                kind, raw = self.repository.odb.read(pygit2.Oid(raw=tree))
            except (KeyError, pygit2.GitError) as error:
                raise UnavailableError(f"object {tree.hex()} can't be read: {error}") from error
            found = self._read[tree] = _ENTRY.findall(raw)
            length = sum(map(len, itertools.chain.from_iterable(found))) + 2 * len(found)
            if kind != pygit2.enums.ObjectType.TREE or length != len(raw):
                raise UnavailableError(f"object {tree.hex()} is not a sound tree")
        return found


def _twice(entries: list[_Entry]) -> frozenset[bytes]:
    return frozenset(name for name, count in Counter(each[1] for each in entries).items() if count > 1)


def _refused(name: str, odd: str, path: str, mode: int, depth: int) -> Problem | None:
    """Say why an entry is not read, or give None."""
    if odd:
        message = f"the name {name!r} {odd}"
        return Problem(path=_printable(path), code="git.odd-name", message=message, hint="rename it")
    if mode == _FOLDER:
        if depth < MAX_DEPTH:
            return None
        return Problem(path=path, code="git.too-deep", message=f"folders are nested deeper than {MAX_DEPTH}")
    if mode in _REGULAR:
        return None
    if mode == _LINK:
        message, hint = "symbolic links are not followed", "commit the file itself"
        return Problem(path=path, code="git.symlink", message=message, hint=hint)
    if mode == _SUBMODULE:
        message, hint = "submodules are not read", "commit the files themselves"
        return Problem(path=path, code="git.submodule", message=message, hint=hint)
    return Problem(path=path, code="git.odd-mode", message=f"mode {mode:o} is not that of a regular file")


def _printable(path: str) -> str:
    """Give a path as it can be shown: a message must not steer a terminal."""
    text = path.encode("utf-8", "backslashreplace").decode()
    return "".join(character if character.isprintable() else f"\\x{ord(character):02x}" for character in text)
