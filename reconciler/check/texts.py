"""What the unchanged files of two commits say, looked up as plain text: much faster than reading them as documents.

A look-up may give more files than mean it, never fewer. Files whose text can hide a name (escapes, aliases) are given always: `odd`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from reconciler.errors import InputError
from reconciler.fleet.documents import YAML_SUFFIXES, may_hold_documents
from reconciler.tree import Tree

#: The value of a key `name` after a colon, quotes, an anchor, a tag or the mark of a block. What stands first in an item of a list
#: (a container, a port) is no object's name: `metadata` is no list.
_NAME = re.compile(
    rb"""((?:-|[\[,]\s*\{)\s*\{?\s*["']?)?\bname["']?\s*:\s*(?:[&!]\S+\s+|[>|][-+0-9]*\s+)*["']?([^\s"',}\]#]+)"""
)
#: A double-quoted text may have escapes, an alias may stand for a name, a key may stand on a line of its own; other encodings have NULs.
_ODD = re.compile(rb"\\|\x00|\bname[\"']?\s*:\s*\*|^\s*\?\s|\xfe\xff|\xff\xfe", re.MULTILINE)
_ODD_TOML = re.compile(rb"\\[uU]")
_VARIABLE = re.compile(rb"\$\{cluster\.([^{}$]*)\}")
_LAST_WORD = re.compile(rb"[\w.-]*\Z")
#: A spec in block style, and how far its fields are indented.
_SPEC = re.compile(rb"^spec:[ \t]*(?:#.*)?\n([ \t]+)(?=\S)", re.MULTILINE)
_APP = re.compile(rb"kind[\"']?\s*:\s*[\"']?App\b")
#: Longer words before a variable are cut at their front: none is a name.
_LONGEST_WORD = 300


def folder(path: str) -> str:
    """Give the folder of a file, empty or ending in `/`."""
    return path[: path.rfind("/") + 1]


class Texts:
    """The unchanged YAML files of a tree, and its unchanged spin.tomls where they are asked for."""

    def __init__(self, tree: Tree, changed: frozenset[str]) -> None:
        """Read every unchanged YAML file once."""
        self._tree, self._changed = tree, changed
        paths = [path for path in tree.files if path.endswith(YAML_SUFFIXES) and path not in changed]
        found = {path: self._data(path) for path in paths}
        self.of: dict[str, bytes] = {path: data for path, data in found.items() if data is not None}
        #: Too large, or not to be read: to be looked at as documents.
        self.unread = frozenset(path for path, data in found.items() if data is None)
        self.documents = frozenset(path for path, data in self.of.items() if may_hold_documents(data))
        self.odd = frozenset(path for path, data in self.of.items() if _ODD.search(data))
        self._values: dict[str, frozenset[str]] = {}

    def know(self, variables: Iterable[Mapping[str, str]]) -> None:
        """Take in the variables of each cluster, before names are looked up that may be built with them."""
        values: dict[str, set[str]] = {}
        for each in variables:
            for name, value in each.items():
                values.setdefault(name, set()).add(value)
        self._values = {name: frozenset(each) for name, each in values.items()}

    def _data(self, path: str) -> bytes | None:
        try:
            return self._tree.read(path) if self._tree.files[path].size <= _MOST else None
        except InputError:
            return None

    @cached_property
    def _named(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path, data in self.of.items():
            for name in {name for item, name in _NAME.findall(data) if not item}:
                found.setdefault(name.decode("utf-8", "replace"), []).append(path)
        return found

    @cached_property
    def _manifests(self) -> Mapping[str, bytes]:
        paths = [path for path in self._tree.files if path.endswith(".toml") and path not in self._changed]
        return {path: self._data(path) or b"" for path in paths}

    @cached_property
    def _built(self) -> Mapping[tuple[str, str], list[str]]:
        """Names that are built with variables: what stands before the first of them and which it is, to the documents that have it."""
        found: dict[tuple[str, str], list[str]] = {}
        for path in self.documents:
            data = self.of[path]
            if b"${" in data:
                for each in _VARIABLE.finditer(data):
                    before = _LAST_WORD.search(data, max(0, each.start() - _LONGEST_WORD), each.start())
                    key = (before[0] if before else b"").decode("utf-8", "replace"), each[1].decode("utf-8", "replace")
                    if path not in (paths := found.setdefault(key, [])):
                        paths.append(path)
        return found

    @cached_property
    def _by_folder(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path in self.documents:
            found.setdefault(folder(path), []).append(path)
        return found

    @cached_property
    def _anywhere(self) -> list[str]:
        """The documents that may name files above their own folder."""
        return [
            *self.unread,
            *(path for path in self.documents if path in self.odd or b".." in self.of[path]),
        ]

    def near(self, path: str) -> Iterator[str]:
        """Give the files with documents that may name a file: those in the folders above it, and those that name what is above themselves."""
        yield from self._anywhere
        at = folder(path)
        while True:
            yield from self._by_folder.get(at, ())
            if not at:
                return
            at = folder(at[:-1])

    @property
    def names(self) -> Iterable[str]:
        """Every name that some unchanged YAML file gives to something."""
        return self._named.keys()

    def naming(self, name: str) -> list[str]:
        """Give the files that have a key `name` with this value."""
        return self._named.get(name, [])

    def mentioning(self, word: str) -> Iterator[str]:
        """Give the files with documents that may say a word, variables of clusters filled in."""
        yield from (path for path in self.documents if word.encode() in self.of[path])
        for (before, variable), paths in self._built.items():
            if word.startswith(before) and any(
                overlap(before + value, word) for value in self._values.get(variable, ())
            ):
                yield from paths

    def saying(self, text: str) -> Iterator[str]:
        """Give the files with documents that have a text as it is."""
        return (path for path in self.documents if text.encode() in self.of[path])

    def manifests_mentioning(self, word: str) -> Iterator[str]:
        """Give the spin.tomls that may say a word."""
        return (
            path
            for path, data in self._manifests.items()
            if not data or word.encode() in data or _ODD_TOML.search(data)
        )

    def has_namespace(self, path: str) -> bool:
        """Tell whether a file is one document, of an App that names its namespace for all clusters; not where that can't be told."""
        data = self.of[path]
        indent = _SPEC.search(data)
        if indent is None or len(_APP.findall(data)) != 1:
            return False
        return re.search(rb"^" + indent[1] + rb"namespace:[ \t]+[\w\"']", data, re.MULTILINE) is not None

    def building(self) -> Iterator[tuple[str, str, list[str]]]:
        """Give what stands before a variable, the variable, and the documents with it."""
        return ((before, variable, paths) for (before, variable), paths in self._built.items())

    def with_kind(self, *kinds: str) -> Iterator[str]:
        """Give the files that may hold an object or a document of one of some kinds."""
        pattern = re.compile(rb"kind[\"']?\s*:\s*[&!\"'\w]*\s*[\"']?(?:" + "|".join(kinds).encode() + rb")\b")
        return (path for path, data in self.of.items() if path in self.odd or pattern.search(data))


#: Larger files are always read as documents.
_MOST = 1024 * 1024


def overlap(one: str, other: str) -> bool:
    """Tell whether one text begins with the other."""
    return one.startswith(other) or other.startswith(one)
