"""What an API server says of itself, made smaller so that it can be kept: its built-in kinds, and the definitions it serves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.openapi.compact import compact, served
from reconciler.openapi.definitions import CustomKind
from reconciler.openapi.kinds import Catalogue, own_groups
from reconciler.openapi.structural import structural


def smaller(version: str, documents: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Give a JSON document of a server's OpenAPI documents (one a group and version): version, built-in kinds, custom ones.

    `version` is that of Kubernetes, as in 1.34.
    """
    every = list(documents)
    groups = own_groups()
    built_in = compact(every, only=groups)
    kinds = {
        api_version: {kind: [[0, 0, part]] for kind, part in found.items()}
        for api_version, found in built_in["kinds"].items()
    }
    types = {name: [[0, 0, part]] for name, part in built_in["types"].items()}
    custom = [each for document in every for each in _custom(document, groups)]
    return {"versions": [version], "kinds": kinds, "types": types, "custom": custom}


def _custom(document: Mapping[str, Any], groups: frozenset[str]) -> Iterable[dict[str, Any]]:
    schemas = (document.get("components") or {}).get("schemas") or {}
    scopes = {key: scope for key, (scope, applied) in served(document).items() if applied and key[0] not in groups}
    for schema in schemas.values():
        for each in schema.get("x-kubernetes-group-version-kind") or ():
            key = (each["group"], each["version"], each["kind"])
            if key in scopes:
                yield {"group": key[0], "version": key[1], "kind": key[2], "scope": scopes[key], "schema": schema}


def catalogue_of(document: Mapping[str, Any]) -> Catalogue:
    """Give the built-in kinds of what `smaller` made."""
    return Catalogue(document["versions"][0], document)


def custom_kinds_of(document: Mapping[str, Any]) -> dict[tuple[str, str], CustomKind]:
    """Give the custom kinds of what `smaller` made, by group and kind."""
    found: dict[tuple[str, str], CustomKind] = {}
    for each in document["custom"]:
        key = (each["group"], each["kind"])
        versions = dict(found[key].versions) if key in found else {}
        versions[each["version"]] = structural(each["schema"], root=True)
        found[key] = CustomKind(*key, each["scope"] == "Namespaced", versions)
    return found
