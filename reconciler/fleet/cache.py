"""Reading a tree's files once each: what was parsed is kept by path and blob id, so a commit costs its changed files."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from reconciler.errors import InputError
from reconciler.fleet import facts
from reconciler.fleet.documents import MANIFEST_SUFFIXES, FileContent, documents_of
from reconciler.fleet.facts import Fact
from reconciler.fleet.ignore import Ignore, pattern_fault
from reconciler.fleet.json_reader import read as read_json
from reconciler.fleet.yaml_reader import Source, read
from reconciler.manifest import Parsed, parse
from reconciler.problems import Problem
from reconciler.tree import File, Tree

_Parsed = TypeVar("_Parsed", FileContent, Parsed, Source)
_NOTHING = FileContent((), ())
#: The fleet's documents of files, by path and blob id.
SeenFiles = dict[tuple[str, str], FileContent]


@dataclass(frozen=True, slots=True)
class ReadFiles:
    """What the files of a tree say, as far as they were read: fleet documents, manifests, and objects or values, by path."""

    files: Mapping[str, File] = field(default_factory=dict)
    contents: Mapping[str, FileContent] = field(default_factory=dict)
    manifests: Mapping[str, Parsed] = field(default_factory=dict)
    objects: Mapping[str, Source] = field(default_factory=dict)


class Reader:
    """Reads a tree's files, and takes what was read of an earlier tree where a path has the same blob."""

    def __init__(self, tree: Tree, known: ReadFiles, seen: SeenFiles) -> None:
        """Begin with nothing read but what is known, which stays as it is. `seen` are files that were looked at before, of any tree."""
        self.tree = tree
        self.files = tree.files
        self.ignored: Callable[[str], bool] = lambda _: False
        self._known, self._seen = known, seen
        self.changed = _changed(known.files, tree.files)
        self._contents = _kept(known.contents, self.changed)
        self._manifests = _kept(known.manifests, self.changed)
        self._objects = _kept(known.objects, self.changed)

    @property
    def facts(self) -> set[Fact]:
        """The facts in which this tree differs from the one that is known."""
        return facts.of_files(self.changed, self._known.files, self.files)

    def documents(self, path: str) -> FileContent:
        """Give the fleet's documents of a YAML file."""
        known = self._contents.get(path)
        if known is None:
            seen = self._seen.get((path, self.files[path].blob))
            known = self._contents[path] = seen if seen is not None else documents_at(self.tree, path)
        return known

    def earlier(self, path: str) -> FileContent:
        """Give the fleet's documents that a file had in the tree that is known."""
        return self._known.contents.get(path, _NOTHING)

    def manifest(self, path: str) -> Parsed:
        """Give the application of a spin.toml."""
        return self._read(self._manifests, path, lambda data: parse(data, path), _manifest)

    def objects(self, path: str) -> Source:
        """Give the documents of a manifest file of a Bundle, or of a file of values."""
        how = read_json if path.endswith(".json") else read
        return self._read(self._objects, path, lambda data: how(data, path), _source)

    def _read(
        self,
        found: dict[str, _Parsed],
        path: str,
        parsed: Callable[[bytes], _Parsed],
        unreadable: Callable[[Problem], _Parsed],
    ) -> _Parsed:
        known = found.get(path)
        if known is None:
            try:
                known = parsed(self.tree.read(path))
            except InputError as error:
                known = unreadable(_unreadable(path, error))
            found[path] = known
        return known

    def below(self, folder: str) -> list[str]:
        """Give the paths below a folder (empty, or ending in `/`), in order."""
        # U+10FFFF sorts after every character a path may go on with.
        found = self._paths
        return found[bisect_left(found, folder) : bisect_left(found, f"{folder}\U0010ffff")]

    @cached_property
    def _paths(self) -> list[str]:
        return sorted(self.files)

    @cached_property
    def manifests_beside(self) -> Mapping[str, list[str]]:
        """The .toml files of each folder, by its path without a slash at the end: what may be meant where one is missing."""
        found: dict[str, list[str]] = {}
        for path in self._paths:
            if path.endswith(".toml"):
                found.setdefault(path.rpartition("/")[0], []).append(path)
        return found

    def folders_beside(self, folder: str) -> list[str]:
        """Give the folders with manifests that stand beside one: what may be meant where it is not there."""
        return self._folders.get(folder.rstrip("/").rpartition("/")[0], [])

    @cached_property
    def _folders(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = {}
        for folder in sorted({path.rpartition("/")[0] for path in self._paths if path.endswith(MANIFEST_SUFFIXES)}):
            found.setdefault(folder.rpartition("/")[0], []).append(folder)
        return found

    @cached_property
    def values_files(self) -> list[str]:
        """The files that may be of values: what may be meant by one that is missing."""
        return [path for path in self._paths if path.endswith(MANIFEST_SUFFIXES)]

    def read_files(self, forgotten: Collection[Fact]) -> ReadFiles:
        """Give what is known now, without the files that nothing refers to any more."""
        folders = tuple(fact.partition(" ")[2] for fact in forgotten if fact.startswith("below "))
        if forgotten:
            for found in (self._manifests, self._objects):
                for path in [path for path in found if facts.file(path) in forgotten or path.startswith(folders)]:
                    del found[path]
        return ReadFiles(self.files, self._contents, self._manifests, self._objects)


class Ignored:
    """Tells which paths `Fleet.spec.ignore` leaves out (gitignore patterns, the last that matches decides)."""

    def __init__(self, patterns: Iterable[str]) -> None:
        """Compile the patterns; those with a fault are told elsewhere."""
        self.patterns = tuple(pattern for pattern in patterns if not pattern_fault(pattern))
        self._ignore = Ignore(self.patterns)

    def __call__(self, path: str) -> bool:
        """Tell whether the patterns leave a path out."""
        return bool(self.patterns) and self._ignore(path)


def _changed(before: Mapping[str, File], now: Mapping[str, File]) -> frozenset[str]:
    """Give the paths that hold another blob, or come or go. A tree read after another has the same values: they are told apart first."""
    get = before.get
    other = {
        path for path, each in now.items() if (old := get(path)) is not each and (old is None or old.blob != each.blob)
    }
    gone = before.keys() - now.keys() if len(before) != len(now) - sum(path not in before for path in other) else ()
    return frozenset(other.union(gone))


def _kept(known: Mapping[str, _Parsed], changed: Collection[str]) -> dict[str, _Parsed]:
    found = dict(known)
    for path in changed:
        found.pop(path, None)
    return found


def documents_at(tree: Tree, path: str) -> FileContent:
    """Give the fleet's documents of a YAML file that is read now."""
    try:
        return documents_of(tree.read(path), path, tree.files[path].blob)
    except InputError as error:
        return FileContent((), (_unreadable(path, error),))


def _unreadable(path: str, error: InputError) -> Problem:
    return Problem(path=path, code="fleet.unreadable", message=error.message, hint=error.hint)


def _manifest(problem: Problem) -> Parsed:
    return Parsed(application=None, problems=(problem,))


def _source(problem: Problem) -> Source:
    return Source((), (problem,))


def canonical(value: Any) -> str:
    """Give JSON that is equal for equal values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
