"""Objects with encrypted values: marked as such, with the blob that they come from, and nothing of what is in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.fleet.model import AppAssignment, BundleAssignment
from reconciler.manifest.report import mapping
from reconciler.plan.model import ObjectKey, key_of
from reconciler.plan.sensitive import ENCRYPTED_ANNOTATION
from reconciler.render.values_secret import sealed_values
from reconciler.sops.sealed import Sealed, is_mark

_VALUES = ("data", "stringData")


def encrypted_by(obj: Mapping[str, Any], blob: str) -> dict[str, Any]:
    """Give an object with the annotation that names the blob its encrypted values were read from.

    A change of the file is then a change of the object, and what is live can be compared with what is in Git without a key.
    """
    metadata = dict(obj["metadata"])
    metadata["annotations"] = {**(metadata.get("annotations") or {}), ENCRYPTED_ANNOTATION: blob}
    return {**obj, "metadata": metadata}


def holds_plain_values(secret: Mapping[str, Any]) -> bool:
    """Tell whether a Secret has values that are not encrypted. An empty one gives nothing away."""
    return any(value and not is_mark(value) for part in _VALUES for value in mapping(secret.get(part)).values())


def sealed_of(
    unit: AppAssignment | BundleAssignment, objects: Iterable[Mapping[str, Any]]
) -> Mapping[ObjectKey, Sealed]:
    """Give where the encrypted values of a unit's objects come from. A Bundle's objects are in the order of its files."""
    if isinstance(unit, AppAssignment):
        return sealed_values(unit)
    pairs = zip(unit.objects, objects, strict=True)
    return {key_of(obj): sourced.sealed for sourced, obj in pairs if sourced.sealed is not None}
