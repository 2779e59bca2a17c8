"""Labels and annotations that every rendered object carries: each can be traced to the file that made it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.render.model import APP_ANNOTATION, SOURCE_ANNOTATION

MANAGED_BY = "spinfleet"
_LONGEST_VALUE = 63


def labels(name: str, version: str = "") -> dict[str, str]:
    """Give the recommended labels of Kubernetes for an object of an app."""
    found = {
        "app.kubernetes.io/name": name[:_LONGEST_VALUE],
        "app.kubernetes.io/instance": name[:_LONGEST_VALUE],
        "app.kubernetes.io/managed-by": MANAGED_BY,
    }
    if version:
        found["app.kubernetes.io/version"] = version
    return found


def traced(obj: Mapping[str, Any], *, owner: str, path: str) -> dict[str, Any]:
    """Give an object with the annotations that name its owner and the file it comes from: no line, which an edit elsewhere in the file would move."""
    metadata = dict(obj["metadata"])
    metadata["annotations"] = {
        **(metadata.get("annotations") or {}),
        APP_ANNOTATION: owner,
        SOURCE_ANNOTATION: path,
    }
    return {**obj, "metadata": metadata}


def version_label(text: str) -> str:
    """Give a version as a label value; empty where it can't be one."""
    kept = "".join(
        character if character.isascii() and (character.isalnum() or character in "-_.") else "-" for character in text
    )
    return kept[:_LONGEST_VALUE].strip("-_.")
