"""A tree with some files changed: what a fleet would be, before anything is written."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.problems import Problem
from reconciler.tree import File, Tree, blob_id


class Overlay:
    """A tree whose files at some paths are replaced; implements reconciler.tree.Tree."""

    def __init__(self, below: Tree, changed: Mapping[str, bytes]) -> None:
        """Lay files over a tree. Those that are not changed are the very same values: a load looks at no more than the others."""
        self._below, self._changed = below, changed
        files = {path: File(path, blob_id(data), len(data)) for path, data in changed.items()}
        self._files = dict(sorted({**below.files, **files}.items()))

    @property
    def commit(self) -> str | None:
        """None: nothing is committed."""
        return None

    @property
    def files(self) -> Mapping[str, File]:
        """Every regular file by path, sorted."""
        return self._files

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Entries that were refused below."""
        return self._below.problems

    def read(self, path: str) -> bytes:
        """Give a file's content. Raises InputError where it is missing or too large."""
        return self._changed[path] if path in self._changed else self._below.read(path)
