"""Whether the files that manifests name are there (`--files`): Wasm, assets, local dependencies.

They are built, so a fleet repository need not have them; where they are, they can be checked before anything is pushed.
Source of the rules: spinframework/spin, crates/loader/src/local.rs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from reconciler.fleet.model import Fleet
from reconciler.fleet.paths import beside
from reconciler.git.snapshot import LFS, Snapshot
from reconciler.manifest.globs import is_pattern
from reconciler.manifest.model import Application, Component
from reconciler.manifest.toml_text import read
from reconciler.problems import Problem
from reconciler.tree import Tree

_WASM = b"\0asm"
_HEAD = 64


class Files(Protocol):
    """Files as the build leaves them: those of a folder, ignored by Git or not, or those of a commit."""

    def exists(self, path: str) -> bool:
        """Tell whether there is a file or folder. `path` is relative to the fleet's root."""

    def head(self, path: str) -> bytes | None:
        """Give a file's first bytes; None where there is no such file."""


class FolderFiles:
    """The files below a folder. Nothing outside of it is looked at, whichever way a link points."""

    def __init__(self, root: Path) -> None:
        """Look below a folder."""
        self._root = root.resolve()

    def _inside(self, path: str) -> Path | None:
        found = (self._root / path).resolve()
        return found if found.is_relative_to(self._root) else None

    def exists(self, path: str) -> bool:
        """Tell whether there is a file or folder."""
        found = self._inside(path)
        return found is not None and found.exists()

    def head(self, path: str) -> bytes | None:
        """Give a file's first bytes."""
        found = self._inside(path)
        if found is None or not found.is_file():
            return None
        with found.open("rb") as handle:
            return handle.read(_HEAD)


class CommitFiles:
    """The files of a commit."""

    def __init__(self, tree: Snapshot) -> None:
        """Look into a commit's tree."""
        self._tree = tree
        self._folders = {str(parent) for path in tree.files for parent in PurePosixPath(path).parents}

    def exists(self, path: str) -> bool:
        """Tell whether there is a file or folder."""
        return path in self._tree.files or path in self._folders

    def head(self, path: str) -> bytes | None:
        """Give a file's first bytes."""
        return self._tree.head(path, _HEAD) if path in self._tree.files else None


def missing_files(fleet: Fleet, tree: Tree, files: Files) -> Iterator[Problem]:
    """Give what the manifests of a fleet's apps name and is not there; each manifest once."""
    manifests = {app.manifest_path: app.application for app in fleet.apps.values() if app.application is not None}
    for path, application in sorted(manifests.items()):
        yield from missing_of(application, path, tree.read(path), files)


def missing_of(application: Application, path: str, data: bytes, files: Files) -> Iterator[Problem]:
    """Give what one manifest names and is not there, each at its line."""
    text = read(data, path)
    for number, component in enumerate(application.components.values()):
        # Version 1 lists its components; inline ones of version 2 stand in their triggers, and get the line of those.
        place = f"/component/{number if application.manifest_version == 1 else component.id}"
        for pointer, code, message, hint in _missing(component, path, files):
            line, column = text.place(f"{place}{pointer}")
            yield Problem(
                path=path, line=line, column=column, pointer=f"{place}{pointer}", code=code, message=message, hint=hint
            )


def _missing(component: Component, path: str, files: Files) -> Iterator[tuple[str, str, str, str]]:
    if isinstance(component.source, str):
        yield from _wasm(component, path, files)
    for index, entry in enumerate(component.files):
        named = entry if isinstance(entry, str) else str(entry.get("source", ""))
        where = beside(path, named)
        if where is None:
            yield f"/files/{index}", "files.outside", f"{named!r} leads out of the fleet's folder", "move it inside"
        elif not files.exists(where) and not (isinstance(entry, str) and is_pattern(entry)):
            message = f"component {component.id!r}: {named!r} does not exist"
            yield f"/files/{index}", "files.missing", message, "add it, or build the app first"
    for name, dependency in component.dependencies.items():
        named = _path_of(dependency)
        where = beside(path, named) if named else None
        if named and (where is None or not files.exists(where)):
            message = f"component {component.id!r}: {named!r} of dependency {name!r} does not exist"
            yield f"/dependencies/{name}", "files.missing", message, "add it, or build it first"


def _wasm(component: Component, path: str, files: Files) -> Iterator[tuple[str, str, str, str]]:
    where = beside(path, str(component.source))
    head = files.head(where) if where is not None else None
    if head is None:
        message = f"component {component.id!r}: {component.source!r} does not exist"
        yield "/source", "files.missing", message, "build the app first (spin build)"
    elif head.startswith(LFS):
        message = f"component {component.id!r}: {component.source!r} is a Git LFS pointer, not Wasm"
        yield "/source", "files.lfs", message, "fetch it with `git lfs pull`"
    elif not head.startswith(_WASM):
        message = f"component {component.id!r}: {component.source!r} is not Wasm: it does not begin with \\0asm"
        yield "/source", "files.not-wasm", message, "name the file that the build makes"


def _path_of(dependency: Any) -> str:
    return str(dependency.get("path", "")) if isinstance(dependency, Mapping) else ""
