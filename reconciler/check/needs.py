"""What must be read beside a document for it to be understood as in the whole fleet."""

from __future__ import annotations

import re

from reconciler.check.selection import EverythingError, OfAll, Selection, files_beside, listed, overriding
from reconciler.errors import InputError
from reconciler.fleet.assign import DEFAULT_NAMESPACE
from reconciler.fleet.bundles import folder_of
from reconciler.fleet.cache import canonical
from reconciler.fleet.documents import Document
from reconciler.fleet.variables import filled
from reconciler.tree import Tree

_DEFINITION = "CustomResourceDefinition"
_WORD = re.compile(rb"[\w.-]+")
_BUILT = re.compile(r"[\w.-]*(?:\$\{cluster\.[^{}$]*\}[\w.-]*)+")


class Needs:
    """Keeps what kept documents need, until nothing is missing."""

    def __init__(self, selection: Selection, of_all: OfAll) -> None:
        self._selection, self._of_all = selection, of_all
        self._texts = selection.texts
        self._has_bundle = False
        self._known: dict[str, frozenset[str]] = {}

    def fill(self) -> None:
        """Keep what the documents kept so far need, and what that needs in turn. Raises EverythingError."""
        for each in self._selection.waiting():
            self.of(each)

    def of(self, document: Document) -> None:
        """Keep what one document needs. Raises EverythingError."""
        if document.kind not in {"App", "Bundle"}:
            return
        layers = [document.written, *overriding(document.spec)]
        if document.kind == "App":
            layers.append(self._of_all.defaults)
        for name in {name for each in layers for name in listed(each.get("dependsOn")) if isinstance(name, str)}:
            self._selection.keep(set(self._texts.naming(name)) & self._texts.documents)
        if document.kind == "Bundle":
            self._of_bundle(document)
        else:
            self._of_app(document)

    def _of_bundle(self, document: Document) -> None:
        where = folder_of(document)
        if where is None:
            return
        if where == "":
            raise EverythingError
        if where not in self._selection.folders:
            self._selection.folders.add(where)
            self._selection.keep(path for path in self._texts.documents if path.startswith(where))
        if not self._has_bundle:
            # Definitions of custom kinds bear on every bundle.
            self._has_bundle = True
            for path in set(self._texts.with_kind(_DEFINITION)):
                self._selection.keep(self._selection.bundles_of(path))

    def _of_app(self, document: Document) -> None:
        """Keep the apps that it may call, and the bundles that have an object it may name."""
        data = [canonical(document.written).encode(), self._of_all.text]
        for path in files_beside(document, self._of_all.defaults):
            self._selection.files.add(path)
            data += [_content(tree, path) for tree in self._selection.trees if path.endswith(".toml")]
        text = b"\n".join(data)
        words = {each.decode("utf-8", "replace") for each in _WORD.findall(text)}
        words |= {built for each in _BUILT.findall(text.decode("utf-8", "replace")) for built in self._built(each)}
        words |= {each.partition(".")[0] for each in words}
        calls = b"network" in text
        for word in words | {DEFAULT_NAMESPACE}:
            for path in self._texts.naming(word):
                if path not in self._texts.documents:
                    self._selection.keep(self._selection.bundles_of(path))
                elif calls or b"Bundle" in self._texts.of[path]:
                    self._selection.keep([path])

    def _built(self, text: str) -> frozenset[str]:
        if text not in self._known:
            self._known[text] = frozenset(filled(text, each) for each in self._of_all.variables)
        return self._known[text]


def _content(tree: Tree, path: str) -> bytes:
    try:
        return tree.read(path) if path in tree.files else b""
    except InputError:
        return b""
