"""Field sets as the API server writes them (metadata.managedFields, format fieldsV1): join them, walk them, find them in an object.

Keys are `f:name`, `k:{"key":"value"}`, `v:value`, `i:index`; `.` is the thing itself. A leaf is an empty mapping.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.plan.owned import ABSENT, fits, step

Path = tuple[str, ...]


def union(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Give the fields that are in either set."""
    joined = dict(first)
    for key, below in second.items():
        joined[key] = union(joined[key], below) if key in joined else below
    return joined


def leaves(fields: Mapping[str, Any], path: Path = ()) -> Iterator[Path]:
    """Give the path of every leaf."""
    below = {key: value for key, value in fields.items() if key != "."}
    if not below and path:
        yield path
    for key, value in below.items():
        yield from leaves(value, (*path, key))


def contains(fields: Mapping[str, Any], path: Sequence[str]) -> bool:
    """Tell whether a set has a path, or a leaf above it: what is below a leaf is set with it."""
    for key in path:
        if key not in fields:
            return False
        fields = fields[key]
        if not any(name != "." for name in fields):
            return True
    return True


def without(fields: Mapping[str, Any], path: Sequence[str]) -> dict[str, Any]:
    """Give a set without a path; what is left with nothing below it goes as well."""
    key, *rest = path
    if key not in fields:
        return dict(fields)
    kept = {name: value for name, value in fields.items() if name != key}
    if rest and (below := without(fields[key], rest)):
        kept[key] = below
    return kept


def at(path: Sequence[str], desired: Any) -> Any:
    """Follow a path into a desired object, whose list items may leave out keys that the server fills in; ABSENT where it leads nowhere."""
    for key in path:
        desired = _item(key, desired) if key.startswith("k:") else step(key, desired)
        if desired is ABSENT:
            return ABSENT
    return desired


def pointer(path: Sequence[str]) -> str:
    """Give a path as people read it: a JSON Pointer whose list items are named by what is first among their keys."""
    return "".join(f"/{_named(key).replace('~', '~0').replace('/', '~1')}" for key in path)


def _item(key: str, desired: Any) -> Any:
    keys = json.loads(key[2:])
    items = desired if isinstance(desired, list) else ()
    return next((item for item in items if isinstance(item, Mapping) and fits(item, keys)), ABSENT)


def _named(key: str) -> str:
    sort, _, text = key.partition(":")
    if sort != "k":
        return text
    keys = json.loads(text)
    return str(keys.get("name", next(iter(keys.values()), text)))
