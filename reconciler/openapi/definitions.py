"""CustomResourceDefinitions as kinds that objects are held against."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.openapi.structural import structural
from reconciler.openapi.types import Check


@dataclass(frozen=True, slots=True)
class CustomKind:
    """A custom kind: its scope, and the check of each version that is served, by version. None where it has no schema."""

    group: str
    name: str
    namespaced: bool
    versions: Mapping[str, Check | None]


def custom_kinds(definitions: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], CustomKind]:
    """Give the kinds that definitions bring, by group and kind. What can't be read of a definition is left out: its own check tells."""
    found: dict[tuple[str, str], CustomKind] = {}
    for definition in definitions:
        kind = _custom_kind(definition)
        if kind is not None:
            found[kind.group, kind.name] = kind
    return found


def _custom_kind(definition: Mapping[str, Any]) -> CustomKind | None:
    spec = _mapping(definition.get("spec"))
    group, name = spec.get("group"), _mapping(spec.get("names")).get("kind")
    if not isinstance(group, str) or not isinstance(name, str):
        return None
    written = spec.get("versions")
    versions: dict[str, Check | None] = {}
    for version in written if isinstance(written, list) else ():
        if isinstance(version, dict) and isinstance(version.get("name"), str) and version.get("served") is True:
            schema = _mapping(version.get("schema")).get("openAPIV3Schema")
            versions[version["name"]] = structural(schema, root=True) if isinstance(schema, dict) else None
    return CustomKind(group, name, spec.get("scope") != "Cluster", versions)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
