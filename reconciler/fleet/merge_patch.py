"""JSON merge patches (RFC 7396): how overrides and patches change a document."""

from __future__ import annotations

from typing import Any


def merge_patch(target: Any, patch: Any) -> Any:
    """Apply a JSON merge patch (RFC 7396) and give the result; nothing is changed in place."""
    if not isinstance(patch, dict):
        return patch
    if not target or not isinstance(target, dict):
        return without_nulls(patch)
    result = dict(target)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value) if isinstance(value, dict) else value
    return result


def without_nulls(value: Any) -> Any:
    """Give a value without the fields that are null: what applying it as a merge patch to nothing leaves of it. One without any is given as it is."""
    if not isinstance(value, dict):
        return value
    changed: dict[str, Any] | None = None
    for key, below in value.items():
        if below is None:
            changed = dict(value) if changed is None else changed
            del changed[key]
        elif isinstance(below, dict):
            kept = without_nulls(below)
            if kept is not below:
                changed = dict(value) if changed is None else changed
                changed[key] = kept
    return value if changed is None else changed
