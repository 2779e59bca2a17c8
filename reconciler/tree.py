"""A tree of files as the pure rooms see it: a commit's, or a folder's on disk. git/ has both implementations."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from reconciler.errors import InputError
from reconciler.problems import Problem


@dataclass(frozen=True, slots=True)
class File:
    """A regular file: its path from the tree's root (`/` between segments), Git blob id (40 hex digits), size in bytes."""

    path: str
    blob: str
    size: int


def blob_id(data: bytes) -> str:
    """Give the id that Git gives to a blob of these bytes (40 hex digits)."""
    return hashlib.sha1(b"blob %d\0%s" % (len(data), data), usedforsecurity=False).hexdigest()


class Tree(Protocol):
    """Files by path. Reading costs I/O only for the blobs that are read."""

    @property
    def commit(self) -> str | None:
        """The commit's id in hex, or None for a folder on disk."""

    @property
    def files(self) -> Mapping[str, File]:
        """Every regular file, sorted by path. Links, submodules and odd names are in `problems` instead."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Entries that were refused and so are not in `files`."""

    def read(self, path: str) -> bytes:
        """Give a file's content. Raises InputError where the file is missing or over the size cap."""


@dataclass(frozen=True, slots=True)
class NoTree:
    """The tree of a commit that does not have the folder yet: no files."""

    commit: str | None
    files: Mapping[str, File] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def read(self, path: str) -> bytes:
        """Raise InputError: there is no file."""
        raise InputError(f"{path}: no such file")
