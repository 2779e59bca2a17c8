"""Who else has set the fields that would change, as people ask first when a live object is not what Git says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from reconciler.plan.diff import item_key
from reconciler.plan.fieldsets import Path, leaves
from reconciler.plan.model import FieldChange
from reconciler.plan.owned import step


def with_holders(changes: Iterable[FieldChange], live: Mapping[str, Any], manager: str) -> tuple[FieldChange, ...]:
    """Give changes of a live object with the field managers other than `manager` that have each field, or a part of it, or what it is in."""
    entries = live["metadata"].get("managedFields") or ()
    others = [entry for entry in entries if entry.get("manager") != manager and entry.get("subresource") != "status"]
    held: dict[str, dict[str, None]] = {}
    for entry in others:
        for path in leaves(entry.get("fieldsV1") or {}):
            held.setdefault(_pointer(path, live), {})[str(entry.get("manager"))] = None
    return tuple(replace(change, set_by=_of(change.pointer, held)) for change in changes)


def _of(pointer: str, held: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    found = (names for at, names in held.items() if _within(at, pointer) or _within(pointer, at))
    return tuple(dict.fromkeys(name for names in found for name in names))


def _within(pointer: str, place: str) -> bool:
    return pointer == place or pointer.startswith(f"{place}/")


def _pointer(path: Path, live: Any) -> str:
    """Give a field path as a diff of the live object names it."""
    pointer = ""
    for key in path:
        name = item_key([live]) if key.startswith("k:") and isinstance(live, list) else ""
        live = step(key, live)
        text = str(live[name]) if name and isinstance(live, Mapping) else key.partition(":")[2]
        pointer += "/" + text.replace("~", "~0").replace("/", "~1")
    return pointer
