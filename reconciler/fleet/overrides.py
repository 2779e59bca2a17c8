"""Merging: defaults, document, overrides; and where each value came from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def merge_patch(target: Any, patch: Any) -> Any:
    """Apply a JSON merge patch (RFC 7396) and give the result; nothing is changed in place."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result


def substitute(value: Any, variables: Mapping[str, str], missing: set[str]) -> Any:
    """Replace `${cluster.NAME}` in every text of a value; `$${` stands for `${`. Unknown names go into `missing`."""
    if isinstance(value, str):
        return _text(value, variables, missing) if "${" in value else value
    if isinstance(value, Mapping):
        return {key: substitute(below, variables, missing) for key, below in value.items()}
    if isinstance(value, list):
        return [substitute(below, variables, missing) for below in value]
    return value


def _text(text: str, variables: Mapping[str, str], missing: set[str]) -> str:
    parts: list[str] = []
    position = 0
    while (start := text.find("${", position)) >= 0:
        if start > 0 and text[start - 1] == "$" and start - 1 >= position:
            parts.append(text[position : start - 1] + "${")
            position = start + 2
            continue
        end = text.find("}", start)
        name = text[start + 2 : end] if end >= 0 else ""
        if not name.startswith("cluster."):
            parts.append(text[position : start + 2])
            position = start + 2
            continue
        key = name.removeprefix("cluster.")
        if key not in variables:
            missing.add(key)
        parts.append(text[position:start] + variables.get(key, ""))
        position = end + 1
    return "".join([*parts, text[position:]])
