"""Which files of two commits are read as documents; all else is looked at as text alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.check.texts import Texts
from reconciler.fleet import LoadCache
from reconciler.fleet.bundles import folder_of
from reconciler.fleet.documents import YAML_SUFFIXES, Document
from reconciler.fleet.paths import beside
from reconciler.fleet.values_files import files_of
from reconciler.problems import Problem
from reconciler.tree import File, Tree


class EverythingError(Exception):
    """The change may touch anything."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some files of a tree; the others are as if they were not there."""

    tree: Tree
    files: Mapping[str, File]

    @property
    def commit(self) -> str | None:
        """The commit's id."""
        return self.tree.commit

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Entries that were refused."""
        return self.tree.problems

    def read(self, path: str) -> bytes:
        """Give a file's content."""
        return self.tree.read(path)


@dataclass(frozen=True, kw_only=True, slots=True)
class OfAll:
    """What bears on every app: the Fleet's defaults, all executors and the clusters' variables."""

    defaults: Mapping[str, Any]
    #: The defaults and executors as canonical JSON, for words to be looked for.
    text: bytes
    labels: frozenset[str]
    variables: tuple[Mapping[str, str], ...]


class Selection:
    """Collects the files that are to be read as documents."""

    def __init__(self, base: Tree, head: Tree, changed: frozenset[str], cache: LoadCache) -> None:
        self.trees = (base, head)
        self.changed = changed
        self.texts = Texts(head, changed)
        #: Kept whole: files beside documents, and folders of bundles.
        self.files: set[str] = set()
        self.folders: set[str] = set()
        self._cache = cache
        self._kept: set[str] = set()
        self._queue: list[str] = []

    def keep(self, paths: Iterable[str]) -> None:
        """Have files read as documents, those of head to be understood later on."""
        for path in list(paths):
            if path not in self._kept:
                self._kept.add(path)
                self._queue.append(path)

    def kept(self) -> Iterator[Document]:
        """Give head's documents that are kept so far."""
        for path in self._kept:
            yield from self.documents(path)

    def waiting(self) -> Iterator[Document]:
        """Give head's documents that were kept and not given here before, also those that are kept meanwhile."""
        while self._queue:
            yield from self.documents(self._queue.pop())

    def documents(self, path: str, tree: Tree | None = None) -> tuple[Document, ...]:
        """Give a file's documents, of head where no tree is named."""
        tree = tree or self.trees[1]
        if not path.endswith(YAML_SUFFIXES) or path not in tree.files:
            return ()
        return self._cache.look_at(tree, path).documents

    def bundles_of(self, path: str, names: set[str] | None = None) -> Iterator[str]:
        """Give the unchanged documents of bundles whose folder a file is in, and add the bundles' names."""
        for document in self.texts.near(path):
            if b"Bundle" not in self.texts.of.get(document, b"Bundle") and document not in self.texts.odd:
                continue
            for each in self.documents(document):
                where = folder_of(each) if each.kind == "Bundle" else None
                if where is not None and path.startswith(where):
                    if names is not None:
                        names.add(each.name)
                    yield document

    def apps_of(self, path: str, defaults: Mapping[str, Any], names: set[str] | None = None) -> Iterator[str]:
        """Give the unchanged documents of apps that name a file, and add the apps' names."""
        last = path.rpartition("/")[2]
        for document in self.texts.near(path):
            if last != "spin.toml" and last.encode() not in self.texts.of.get(document, last.encode()):
                continue
            for each in self.documents(document):
                if each.kind == "App" and path in files_beside(each, defaults):
                    if names is not None:
                        names.add(each.name)
                    yield document

    def parts(self) -> tuple[Tree, Tree]:
        """Give what base and head have of it."""
        texts, below = self.texts, tuple(self.folders)
        kept = {path for path in texts.of if path in self._kept or path in self.files or path.startswith(below)}
        kept |= self.changed | texts.unread
        before, after = (
            Part(
                tree,
                {path: file for path, file in tree.files.items() if path in kept or not path.endswith(YAML_SUFFIXES)},
            )
            for tree in self.trees
        )
        return before, after


def files_beside(document: Document, defaults: Mapping[str, Any]) -> Iterator[str]:
    """Give the paths of the files that an App names."""
    manifest = document.written.get("manifest", "spin.toml")
    if isinstance(manifest, str) and (path := beside(document.path, manifest)):
        yield path
    yield from files_of(document, defaults)


def overriding(spec: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Give what the overrides of an App or Bundle set, as far as they have the form."""
    specs = [each.get("spec") for each in listed(spec.get("overrides")) if isinstance(each, Mapping)]
    return [each for each in specs if isinstance(each, Mapping)]


def listed(value: Any) -> list[Any]:
    """Give a list as it is, and nothing of another value."""
    return value if isinstance(value, list) else []
