"""Which objects hold what must not be shown, and what is shown in its place: the one place that decides it.

Secrets always do. So do objects with values that were encrypted in Git, of whatever kind: an annotation says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: On an object with encrypted values: the Git blob id of the file that they were read from.
ENCRYPTED_ANNOTATION = "spinfleet.dev/encrypted"
HIDDEN = "<hidden>"
_SECRET_PARTS = frozenset({"data", "stringData"})
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def encrypted_blob(obj: Mapping[str, Any] | None) -> str:
    """Give the blob that an object's encrypted values come from; empty where it has none."""
    annotations = ((obj or {}).get("metadata") or {}).get("annotations") or {}
    return str(annotations.get(ENCRYPTED_ANNOTATION, ""))


def is_sensitive(obj: Mapping[str, Any] | None) -> bool:
    """Tell whether an object holds values that must not be shown."""
    return obj is not None and (obj.get("kind") == "Secret" or bool(encrypted_blob(obj)))


def is_hidden(obj: Mapping[str, Any], pointer: str) -> bool:
    """Tell whether the value at a JSON Pointer of an object must not be shown.

    Of a Secret that is its data; of another object with encrypted values everything but its metadata.
    """
    parts = pointer.split("/")[1:]
    if not parts or _LAST_APPLIED.replace("/", "~1") in parts:
        return True
    if obj.get("kind") == "Secret":
        return parts[0] in _SECRET_PARTS
    return bool(encrypted_blob(obj)) and parts[0] != "metadata"
