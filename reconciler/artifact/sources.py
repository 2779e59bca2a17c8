"""The files of a commit that an artifact was made of, as far as they lie in Git: by digest, found as Spin's loader finds them.

Source: spinframework/spin, crates/loader/src/local.rs (copying of files) and crates/oci/src/client.rs (what becomes of them).
"""

from __future__ import annotations

import hashlib
import secrets
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.artifact.patterns import matches_path, matching
from reconciler.errors import InputError
from reconciler.manifest.globs import is_pattern
from reconciler.manifest.model import Component
from reconciler.tree import Tree

_COMPONENT = b"\0asm\x0d\0\x01\0"
_MOST_REMEMBERED = 50_000


@dataclass(slots=True)
class CommitFiles:
    """The files of one commit, in order, and the digests of those that were read: by blob, so that a next commit reads only what is new."""

    tree: Tree
    digests: dict[str, str] = field(default_factory=dict)
    paths: Sequence[str] = ()
    #: Names a tree that is no commit: what is found of a working folder holds for this process alone.
    _token: str = field(default_factory=lambda: secrets.token_hex(8))

    def __post_init__(self) -> None:
        self.paths = sorted(self.tree.files)
        if len(self.digests) > _MOST_REMEMBERED:
            self.digests.clear()

    @property
    def name(self) -> str:
        """The commit; another name of its own where the files are those of a folder."""
        return self.tree.commit or self._token

    def below(self, folder: str) -> list[str]:
        """Give the files in a folder and those below it, as paths relative to it; "" is the root."""
        prefix = f"{folder}/" if folder else ""
        start = bisect_left(self.paths, prefix)
        end = bisect_left(self.paths, f"{folder}0") if folder else len(self.paths)
        return [path[len(prefix) :] for path in self.paths[start:end]]

    def digest(self, path: str) -> str:
        """Give a file's digest; "" where its content is not to be had (too large, or kept outside Git)."""
        blob = self.tree.files[path].blob
        if blob not in self.digests:
            try:
                self.digests[blob] = f"sha256:{hashlib.sha256(self.tree.read(path)).hexdigest()}"
            except InputError:
                self.digests[blob] = ""
        return self.digests[blob]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sources:
    """What lies beside one spin.toml: `manifest` is its path in the commit."""

    commit: CommitFiles
    manifest: str

    def files(self, component: Component) -> dict[str, str] | str:
        """Give a component's files, path as it sees them to digest ("" where not to be had); else why Git can't tell."""
        if any(problem.path.startswith(self._at("")) for problem in self.commit.tree.problems):
            return "links, submodules or odd names lie beside its spin.toml"
        found: dict[str, str] = {}
        for entry in component.files:
            placed = self._pattern(entry, component) if isinstance(entry, str) else self._placement(entry, component)
            if isinstance(placed, str):
                return placed
            for path, source in placed.items():
                digest = self.commit.digest(self._at(source))
                # Of two files for one path Spin copies whichever comes last, and they are copied at once.
                found[path] = digest if found.get(path, digest) == digest else ""
        return found

    def wasm(self, component: Component) -> str:
        """Give the digest of a component's Wasm file; else why Git can't tell it."""
        if not isinstance(component.source, str):
            return "its source is not a file in Git"
        path = _plain(component.source)
        if path is None or self._at(path) not in self.commit.tree.files:
            return "its source is not in Git"
        try:
            head = self.commit.tree.read(self._at(path))[:8]
        except InputError:
            return "its source is too large to be read from Git, or kept outside of it (LFS)"
        if head != _COMPONENT:
            return "its source is not a component, and one is made of it when it is pushed"
        return self.commit.digest(self._at(path))

    @property
    def key(self) -> str:
        """Name these sources: the same name, the same files."""
        return f"{self.commit.name}:{self.manifest}"

    def _at(self, path: str) -> str:
        folder = self.manifest.rpartition("/")[0]
        return f"{folder}/{path}" if folder else path

    def _pattern(self, text: str, component: Component) -> Mapping[str, str] | str:
        """Give what an entry of `files` that is a path or a pattern copies: destination to source."""
        path = _plain(text)
        if path is None:
            return f"{text!r} leaves the folder of its spin.toml"
        if self._at(path) in self.commit.tree.files:
            return {path: path}
        inside = self._folder(path)
        if inside:
            # Spin keeps the folder's name twice here (source: copy_glob_or_path, "single/dir").
            return {f"{path}/{each}": each for each in inside if not _excluded(each, component)}
        if not is_pattern(text):
            return f"{text!r} is not in Git"
        found = matching(path, self.commit.below(self.manifest.rpartition("/")[0]))
        if not found:
            return f"{text!r} finds nothing in Git"
        return {each: each for each in found if not _excluded(each, component)}

    def _placement(self, entry: Mapping[str, str], component: Component) -> Mapping[str, str] | str:
        """Give what an entry with source and destination copies."""
        source, destination = _plain(entry["source"]), _plain(entry["destination"].lstrip("/"))
        if source is None or destination is None:
            return f"{entry['source']!r} leaves the folder of its spin.toml"
        if self._at(source) in self.commit.tree.files:
            return {destination: source}
        inside = self._folder(source)
        if not inside:
            return f"{entry['source']!r} is not in Git"
        prefix, cut = f"{destination}/" if destination else "", len(source) + 1 if source else 0
        return {f"{prefix}{each[cut:]}": each for each in inside if not _excluded(each, component)}

    def _folder(self, path: str) -> list[str]:
        """Give the files below a folder, as paths from the spin.toml's folder."""
        prefix = f"{path}/" if path else ""
        return [f"{prefix}{each}" for each in self.commit.below(self._at(path).rstrip("/"))]


def _plain(path: str) -> str | None:
    """Give a relative path without empty and `.` segments, or None where it is absolute or goes up."""
    parts = [part for part in path.split("/") if part not in {"", "."}]
    return None if path.startswith("/") or ".." in parts else "/".join(parts)


def _excluded(path: str, component: Component) -> bool:
    return any(matches_path(pattern, path) for pattern in component.exclude_files)
