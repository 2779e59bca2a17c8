"""A tree with some files changed: what a fleet would be, before anything is written."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.problems import Problem
from reconciler.tree import File, Tree


@dataclass(frozen=True, slots=True)
class Overlay:
    """A tree whose files at some paths are replaced; implements reconciler.tree.Tree."""

    below: Tree
    changed: Mapping[str, bytes]

    @property
    def commit(self) -> str | None:
        """None: nothing is committed."""
        return None

    @property
    def files(self) -> Mapping[str, File]:
        """Every regular file by path, sorted."""
        changed = {path: File(path, _blob(data), len(data)) for path, data in self.changed.items()}
        return dict(sorted({**self.below.files, **changed}.items()))

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Entries that were refused below."""
        return self.below.problems

    def read(self, path: str) -> bytes:
        """Give a file's content. Raises InputError where it is missing or too large."""
        return self.changed[path] if path in self.changed else self.below.read(path)


def _blob(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0%s" % (len(data), data), usedforsecurity=False).hexdigest()
