"""The objects of a Bundle as one cluster gets them: its patches applied, in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from reconciler.fleet.merge_patch import merge_patch
from reconciler.fleet.model import BundleDefinition, Cluster, SourcedObject
from reconciler.fleet.placement import selects
from reconciler.fleet.variables import filled, variables_of


def patches_for(
    bundle: BundleDefinition, sourced: SourcedObject, cluster: Cluster
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Give the number and the patch of each that is meant for an object on a cluster, variables not filled in.

    What of an invalid bundle can't be read is left out: its own problems tell of it.
    """
    patches = bundle.spec.get("patches")
    for index, patch in enumerate(patches if isinstance(patches, list) else ()):
        try:
            meant = _meant(patch["target"], sourced.object) and selects(patch.get("clusters") or {}, cluster)
        except (AttributeError, KeyError, TypeError):
            continue
        if meant and isinstance(patch.get("patch"), Mapping):
            yield index, patch["patch"]


def _meant(target: Mapping[str, Any], obj: Mapping[str, Any]) -> bool:
    name = obj["metadata"]["name"]
    return bool(target["kind"] == obj["kind"] and target.get("name", name) == name)


def as_on(bundle: BundleDefinition, sourced: SourcedObject, cluster: Cluster) -> SourcedObject:
    """Give an object with its patches for a cluster. What may be wrong with them is told where the bundle is assigned."""
    obj, variables = sourced.object, variables_of(cluster)
    for _, patch in patches_for(bundle, sourced, cluster):
        obj = merge_patch(obj, filled(patch, variables))
    return sourced if obj is sourced.object else replace(sourced, object=obj)
