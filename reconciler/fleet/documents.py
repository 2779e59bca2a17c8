"""Finding the fleet's documents among a tree's files, and telling what each one is. Parsing is cached by blob id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pathspec

from reconciler.errors import InputError
from reconciler.fleet.model import API_GROUP, API_VERSION
from reconciler.fleet.yaml_reader import Document as YamlDocument
from reconciler.fleet.yaml_reader import Source as YamlFile
from reconciler.fleet.yaml_reader import read
from reconciler.manifest import Parsed, parse
from reconciler.problems import Problem, has_errors
from reconciler.schema_check import check, closest
from reconciler.tree import Tree

KINDS = ("Fleet", "Cluster", "App", "Bundle", "Rollout")
YAML_SUFFIXES = (".yaml", ".yml")
MANIFEST_SUFFIXES = (*YAML_SUFFIXES, ".json")


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """One identified document of the fleet; `problems` are what its schema says. `yaml` knows its places."""

    kind: str
    name: str
    path: str
    blob: str
    yaml: YamlDocument
    problems: tuple[Problem, ...]

    @property
    def line(self) -> int:
        """The line it begins on."""
        return self.yaml.line

    @property
    def spec(self) -> Mapping[str, Any]:
        """Its spec as written; empty where there is none."""
        spec = self.yaml.value.get("spec")
        return spec if isinstance(spec, dict) else {}

    @property
    def valid(self) -> bool:
        """True where its schema found no error."""
        return not has_errors(self.problems)

    def problem(self, pointer: str, code: str, message: str, hint: str = "", **fields: Any) -> Problem:
        """Make a problem at a place of this document."""
        line, column = self.yaml.place(pointer) or (self.line, 1)
        return Problem(
            path=self.path, line=line, column=column, pointer=pointer, code=code, message=message, hint=hint, **fields
        )


@dataclass(frozen=True, slots=True)
class FileContent:
    """What one file holds for the fleet. `unidentified` are errors because of which the whole commit can't be trusted."""

    documents: tuple[Document, ...]
    unidentified: tuple[Problem, ...]
    foreign: bool


@dataclass(slots=True)
class LoadCache:
    """What was parsed, by blob id and path: a commit costs its changed files."""

    files: dict[tuple[str, str], FileContent] = field(default_factory=dict)
    manifests: dict[tuple[str, str], Parsed] = field(default_factory=dict)
    objects: dict[tuple[str, str], YamlFile] = field(default_factory=dict)

    def keep_only(self, used: set[tuple[str, str]]) -> None:
        """Forget what the newest tree does not have."""
        self.files = {key: value for key, value in self.files.items() if key in used}
        self.manifests = {key: value for key, value in self.manifests.items() if key in used}
        self.objects = {key: value for key, value in self.objects.items() if key in used}


@dataclass(slots=True)
class Reader:
    """Reads a tree's files through a cache, and remembers which it used."""

    tree: Tree
    cache: LoadCache
    used: set[tuple[str, str]] = field(default_factory=set)

    def documents(self, path: str) -> FileContent:
        """Give the fleet documents of a YAML file."""
        key = self._key(path)
        if key not in self.cache.files:
            self.cache.files[key] = _documents(self.tree, path, key[1])
        return self.cache.files[key]

    def manifest(self, path: str) -> Parsed:
        """Give a spin.toml's application."""
        key = self._key(path)
        if key not in self.cache.manifests:
            self.cache.manifests[key] = parse(self.tree.read(path), path)
        return self.cache.manifests[key]

    def objects(self, path: str) -> YamlFile:
        """Give the documents of a manifest file of a Bundle."""
        key = self._key(path)
        if key not in self.cache.objects:
            self.cache.objects[key] = read(self.tree.read(path), path)
        return self.cache.objects[key]

    def _key(self, path: str) -> tuple[str, str]:
        key = (path, self.tree.files[path].blob)
        self.used.add(key)
        return key


def ignored(patterns: list[str]) -> pathspec.PathSpec[Any]:
    """Give the matcher of Fleet.spec.ignore (gitignore patterns)."""
    return pathspec.PathSpec.from_lines("gitignore", patterns)


def _documents(tree: Tree, path: str, blob: str) -> FileContent:
    try:
        data = tree.read(path)
    except InputError as error:
        return FileContent(
            (), (Problem(path=path, code="fleet.unreadable", message=error.message, hint=error.hint),), foreign=False
        )
    # A file that never names the group holds nothing for us, whatever it is: it is not even parsed.
    if API_GROUP.encode() not in data:
        return FileContent((), (), foreign=True)
    content = read(data, path)
    found: list[Document] = []
    unidentified = list(content.problems)
    for document in content.documents:
        identified = _identify(document, path, blob)
        if isinstance(identified, Document):
            found.append(identified)
        elif identified is not None:
            unidentified.append(identified)
    return FileContent(tuple(found), tuple(unidentified), foreign=not found and not unidentified)


def _identify(document: YamlDocument, path: str, blob: str) -> Document | Problem | None:
    """Give the document, or why it can't be identified, or None where it is not of our group."""
    value = document.value
    version = value.get("apiVersion") if isinstance(value, dict) else None
    if not isinstance(version, str) or version.partition("/")[0] != API_GROUP:
        return None
    if version != API_VERSION:
        return _unidentified(
            document,
            path,
            "/apiVersion",
            "fleet.unknown-version",
            f"apiVersion {version!r} is not known to this version",
            f"use {API_VERSION}",
        )
    kind = value.get("kind")
    if kind == "FleetSync":
        return None  # belongs in a cluster; a fleet repository may keep it as an ordinary manifest
    if kind not in KINDS:
        return _unidentified(
            document,
            path,
            "/kind",
            "fleet.unknown-kind",
            f"kind {kind!r} is not known",
            closest(str(kind), KINDS) or f"one of: {', '.join(KINDS)}",
        )
    metadata = value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if not isinstance(name, str) or not name:
        return _unidentified(
            document, path, "/metadata", "fleet.no-name", f"this {kind} has no metadata.name", "give it a name"
        )
    problems = check(value, kind.lower(), path=path, places=document.place, prefix="fleet")
    return Document(kind=kind, name=name, path=path, blob=blob, yaml=document, problems=problems)


def _unidentified(document: YamlDocument, path: str, pointer: str, code: str, message: str, hint: str) -> Problem:
    line, column = document.place(pointer) or (document.line, 1)
    return Problem(path=path, line=line, column=column, pointer=pointer, code=code, message=message, hint=hint)
