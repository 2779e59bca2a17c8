"""Reading a tree's files once each: what was parsed is kept by path and blob id, so a commit costs its changed files."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from reconciler.errors import InputError
from reconciler.fleet.documents import Document, FileContent, documents_of
from reconciler.fleet.ignore import Ignore, pattern_fault
from reconciler.fleet.json_reader import read as read_json
from reconciler.fleet.model import AppDefinition, BundleDefinition, Cluster
from reconciler.fleet.yaml_reader import Source, read
from reconciler.manifest import Parsed, parse
from reconciler.problems import Problem
from reconciler.tree import Tree

_Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class DefinedApp:
    """An app and what it was made of besides its document; `files` are the paths it refers to, each with its blob or empty."""

    definition: AppDefinition
    path: str | None
    blob: str | None
    common: str
    files: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class LoadCache:
    """What earlier loads made, by what it was made of. One cache serves one fleet; it holds what the newest tree needs."""

    files: dict[_Key, FileContent] = field(default_factory=dict)
    manifests: dict[_Key, Parsed] = field(default_factory=dict)
    objects: dict[_Key, Source] = field(default_factory=dict)
    apps: dict[Document, DefinedApp] = field(default_factory=dict)
    placements: dict[Document, tuple[str, str]] = field(default_factory=dict)
    bundles: dict[tuple[Any, ...], BundleDefinition] = field(default_factory=dict)
    clusters: dict[Document, tuple[Cluster, tuple[Problem, ...]]] = field(default_factory=dict)
    ignored: dict[str, bool] = field(default_factory=dict)
    patterns: tuple[str, ...] = ()


class Reader:
    """Reads a tree's files through a cache, and carries over what it used."""

    def __init__(self, tree: Tree, cache: LoadCache) -> None:
        """Begin a load: nothing is read yet."""
        self.tree = tree
        self.files = tree.files
        self.cache = cache
        self.kept = LoadCache(patterns=cache.patterns)
        self.ignored: Callable[[str], bool] = lambda _: False
        self._paths: list[str] | None = None

    def documents(self, path: str) -> FileContent:
        """Give the fleet's documents of a YAML file."""
        key = (path, self.files[path].blob)
        found = self.cache.files.get(key)
        if found is None:
            try:
                found = documents_of(self.tree.read(path), path, key[1])
            except InputError as error:
                found = FileContent((), (_unreadable(path, error),))
        self.kept.files[key] = found
        return found

    def manifest(self, path: str) -> Parsed:
        """Give the application of a spin.toml."""
        key = (path, self.files[path].blob)
        found = self.cache.manifests.get(key)
        if found is None:
            try:
                found = parse(self.tree.read(path), path)
            except InputError as error:
                found = Parsed(application=None, problems=(_unreadable(path, error),))
        self.kept.manifests[key] = found
        return found

    def objects(self, path: str) -> Source:
        """Give the documents of a manifest file of a Bundle, or of a file of values."""
        key = (path, self.files[path].blob)
        found = self.cache.objects.get(key)
        if found is None:
            try:
                found = (read_json if path.endswith(".json") else read)(self.tree.read(path), path)
            except InputError as error:
                found = Source((), (_unreadable(path, error),))
        self.kept.objects[key] = found
        return found

    def below(self, folder: str) -> list[str]:
        """Give the paths below a folder (empty, or ending in `/`), in order."""
        if self._paths is None:
            self._paths = sorted(self.files)
        # U+10FFFF sorts after every character a path may go on with.
        return self._paths[bisect_left(self._paths, folder) : bisect_left(self._paths, f"{folder}\U0010ffff")]

    def finish(self) -> None:
        """Let the cache hold what this load used, and forget the rest."""
        for name in (
            "files",
            "manifests",
            "objects",
            "apps",
            "placements",
            "bundles",
            "clusters",
            "ignored",
            "patterns",
        ):
            setattr(self.cache, name, getattr(self.kept, name))


class Ignored:
    """Tells which paths `Fleet.spec.ignore` leaves out (gitignore patterns, the last that matches decides)."""

    def __init__(self, patterns: Iterable[str], reader: Reader) -> None:
        """Compile the patterns; answers for unchanged patterns are carried over."""
        self._patterns = tuple(pattern for pattern in patterns if not pattern_fault(pattern))
        self._reader = reader
        self._ignore = Ignore(self._patterns)
        if reader.cache.patterns != self._patterns:
            reader.cache.ignored = {}
        reader.kept.patterns = self._patterns

    def __call__(self, path: str) -> bool:
        """Tell whether the patterns leave a path out."""
        if not self._patterns:
            return False
        found = self._reader.cache.ignored.get(path)
        if found is None:
            found = self._ignore(path)
        self._reader.kept.ignored[path] = found
        return found


def _unreadable(path: str, error: InputError) -> Problem:
    return Problem(path=path, code="fleet.unreadable", message=error.message, hint=error.hint)


def canonical(value: Any) -> str:
    """Give JSON that is equal for equal values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
