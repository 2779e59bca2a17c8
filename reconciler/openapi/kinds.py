"""What the API of a cluster serves: find a kind, or learn why it is not there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from reconciler import data
from reconciler.openapi.removed import GROUPS, REMOVED
from reconciler.openapi.types import Check, Types
from reconciler.schema_check import closest


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind that is served. `applied` is false for those that can be created and never applied; `check` looks at a whole object."""

    name: str
    namespaced: bool
    applied: bool
    check: Check


@dataclass(frozen=True, slots=True)
class Absent:
    """Why a built-in kind is not there. `code` is `unknown-kind` or `removed-kind`."""

    code: str
    message: str
    hint: str


class Catalogue:
    """The built-in kinds of one Kubernetes version (`1.34`)."""

    def __init__(self, version: str, document: Mapping[str, Any]) -> None:
        """Take the shipped document (see maintain/kubernetes_schemas.py) as it is for a version."""
        self.version = version
        self._document = document
        self._index: int = document["versions"].index(version)
        runs = document["types"].items()
        here = {name: type_ for name, each in runs if (type_ := _at(each, self._index)) is not None}
        self._types = Types(here, {name: each[-1][2] for name, each in runs})
        self._kinds: dict[tuple[str, str], Kind | Absent] = {}
        self._metadata: Check | None = None

    def find(self, api_version: str, kind: str) -> Kind | Absent | None:
        """Give a kind, or why it is not there; None where its API group is none of Kubernetes' own."""
        if api_version.rpartition("/")[0] not in own_groups():
            return None
        key = (api_version, kind)
        if key not in self._kinds:
            self._kinds[key] = self._found(api_version, kind)
        return self._kinds[key]

    @property
    def metadata(self) -> Check:
        """Give the check of an object's metadata."""
        if self._metadata is None:
            self._metadata = self._types.check("#io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta")
        return self._metadata

    def _found(self, api_version: str, kind: str) -> Kind | Absent:
        entry = _at(self._document["kinds"].get(api_version, {}).get(kind) or (), self._index)
        if entry is None:
            return self._absent(api_version, kind)
        form, scope, applied = entry
        return Kind(kind, scope == "Namespaced", applied, self._types.check(form))

    def _absent(self, api_version: str, kind: str) -> Absent:
        group, kinds = api_version.rpartition("/")[0], self._document["kinds"]
        removal, runs = REMOVED.get((api_version, kind)), kinds.get(api_version, {}).get(kind)
        others = [each for each in self._serving(kind) if each != api_version]
        use = next((each for each in others if each.rpartition("/")[0] == group), "")
        what, write = f"{kind} of {api_version}", f"write apiVersion: {use}" if use else ""
        if removal is not None:
            write = f"write apiVersion: {removal.use}" if removal.use else "nothing takes its place"
            return Absent("removed-kind", f"{what} went with Kubernetes {removal.version}", write)
        if runs is not None:
            versions = self._document["versions"]
            went = [versions[last + 1] for _, last, _ in runs if last < self._index]
            if went:
                return Absent("removed-kind", f"{what} went with Kubernetes {went[-1]}", write)
            message = f"{what} comes with Kubernetes {versions[runs[0][0]]}, and this is for {self.version}"
            return Absent("removed-kind", message, write)
        if others:
            return Absent("unknown-kind", f"there is no {what}", f"write apiVersion: {use or min(others, key=len)}")
        known = sorted({name for served in kinds.values() for name in served})
        near = closest(kind, [name for name in known if name[:1] == kind[:1].upper()] or known)
        return Absent("unknown-kind", f"there is no {what} in Kubernetes", near or "check apiVersion and kind")

    def _serving(self, kind: str) -> list[str]:
        """Give the versions of the API that serve a kind, settled ones first."""
        served = self._document["kinds"].items()
        found = [version for version, kinds in served if _at(kinds.get(kind) or (), self._index) is not None]
        return sorted(found, key=lambda each: ("alpha" in each, "beta" in each, each))


def versions() -> tuple[str, ...]:
    """Give the Kubernetes versions whose schemas ship, oldest first."""
    return tuple(data.kubernetes_schemas()["versions"])


@cache
def catalogue(version: str) -> Catalogue:
    """Give the catalogue of one of `versions()`."""
    return Catalogue(version, data.kubernetes_schemas())


@cache
def own_groups() -> frozenset[str]:
    """Give the API groups that are Kubernetes' own, in whatever version."""
    return GROUPS | {version.rpartition("/")[0] for version in data.kubernetes_schemas()["kinds"]}


def _at(runs: Any, index: int) -> Any:
    """Give what holds for a version among [first, last, part]."""
    return next((part for first, last, part in runs if first <= index <= last), None)
