"""Which fields of a live object are ours, and whether they are as we left them.

The API server keeps, for each field manager, the set of fields it last applied (metadata.managedFields, format fieldsV1: keys
`f:name`, `k:{"key":"value"}`, `v:value`, `i:index`, `.`). Hashing that set together with the live values at it tells drift:
a change by anybody else either alters a value or takes the field out of our set. Defaults and other managers' fields are not
in it, so they never count.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

#: What a path that leads nowhere gives.
ABSENT = object()
#: What every apply sets but no fieldsV1 entry lists.
_IDENTITY = frozenset({"apiVersion", "kind"})
_IDENTITY_METADATA = frozenset({"name", "namespace"})


def owned_fields(obj: Mapping[str, Any], manager: str) -> Mapping[str, Any] | None:
    """Give our Apply entry's fieldsV1, or None where none of the object's fields are ours.

    An entry for another apiVersion than the object's is none: its paths need not fit (facts of the API).
    """
    for entry in (obj.get("metadata") or {}).get("managedFields") or ():
        if entry.get("manager") == manager and entry.get("operation") == "Apply" and not entry.get("subresource"):
            fields = entry.get("fieldsV1")
            return fields if entry.get("apiVersion") == obj.get("apiVersion") and fields else None
    return None


def is_applied_by(obj: Mapping[str, Any], manager: str) -> bool:
    """Tell whether a manager has applied fields of an object, in whichever apiVersion."""
    entries = (obj.get("metadata") or {}).get("managedFields") or ()
    return any(
        entry.get("manager") == manager
        and entry.get("operation") == "Apply"
        and not entry.get("subresource")
        and entry.get("fieldsV1")
        for entry in entries
    )


def owned_hash(obj: Mapping[str, Any], manager: str) -> bytes | None:
    """Give a digest of our fields and the live values at them, or None where no field is ours."""
    fields = owned_fields(obj, manager)
    if fields is None:
        return None
    values = _values(fields, obj)
    text = json.dumps([fields, values], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def covers_exactly(obj: Mapping[str, Any], manager: str, desired: Mapping[str, Any]) -> bool:
    """Tell whether every desired value equals its live one and our entry has exactly the desired fields.

    Then the object is as an apply would leave it, without a request. A normalised value (a quantity written otherwise, say)
    makes this False and one apply decides.
    """
    fields = owned_fields(obj, manager)
    if fields is None:
        return False
    wanted = {key: value for key, value in desired.items() if key not in _IDENTITY}
    metadata = {key: value for key, value in (desired.get("metadata") or {}).items() if key not in _IDENTITY_METADATA}
    wanted["metadata"] = metadata
    if not metadata:
        wanted.pop("metadata")
    return _same(fields, wanted, obj)


def _values(fields: Mapping[str, Any], live: Any) -> Any:
    """Give the live values at a field set, in the set's own shape; a leaf gives its whole value.

    Every answer to an apply and every event comes through here, so what nearly all elements are, a name within a mapping, is not left to `step`.
    """
    if not fields:
        return None if live is ABSENT else live
    found: dict[str, Any] = {}
    named = isinstance(live, dict)
    for key, below in fields.items():
        if named and key.startswith("f:"):
            name = key[2:]
            if name not in live:
                found[key] = "absent"
            elif below:
                found[key] = _values(below, live[name])
            else:
                found[key] = live[name]
        elif key == ".":
            found[key] = live is not ABSENT
        else:
            value = step(key, live)
            found[key] = _values(below, value) if value is not ABSENT else "absent"
    return found


def step(key: str, live: Any) -> Any:
    """Follow one path element of fieldsV1 into a value; ABSENT where it leads nowhere."""
    sort, _, text = key.partition(":")
    if sort == "f":
        return live.get(text, ABSENT) if isinstance(live, Mapping) else ABSENT
    if not isinstance(live, list):
        return ABSENT
    if sort == "k":
        return _having(live, _key_values(text))
    if sort == "v":
        value = json.loads(text)
        return value if value in live else ABSENT
    index = int(text)
    return live[index] if index < len(live) else ABSENT


@lru_cache(maxsize=1024)
def _key_values(text: str) -> Mapping[str, Any]:
    """Give what a `k:` element asks for; not to be changed. The same few are met in object after object."""
    keys: dict[str, Any] = json.loads(text)
    return keys


def _having(items: list[Any], keys: Mapping[str, Any]) -> Any:
    """Give the item that has these key values; ABSENT where none has."""
    return next((item for item in items if isinstance(item, dict) and keys.items() <= item.items()), ABSENT)


def fits(item: Mapping[str, Any], keys: Mapping[str, Any]) -> bool:
    """Tell whether a desired list item is meant by these key values: those it names are equal, and it names one at least."""
    return any(name in item for name in keys) and all(item.get(name, value) == value for name, value in keys.items())


def _same(fields: Mapping[str, Any], wanted: Any, live: Any) -> bool:
    """Compare a desired value with a field set and the live value: equal values, and not a field more or less."""
    below = {key: value for key, value in fields.items() if key != "."}
    if not below:
        return bool(wanted == live)
    if isinstance(wanted, Mapping):
        return set(below) == {f"f:{name}" for name in wanted} and all(
            isinstance(live, Mapping) and name in live and _same(below[f"f:{name}"], value, live[name])
            for name, value in wanted.items()
        )
    if isinstance(wanted, list) and len(below) == len(wanted):
        return all(_same_item(key, value, wanted, live) for key, value in below.items())
    return False


def _same_item(key: str, fields: Mapping[str, Any], wanted: list[Any], live: Any) -> bool:
    """Compare one item of a list that is merged by key or by value."""
    theirs = step(key, live)
    if key.startswith("k:"):
        # A desired item may leave out a key that the server defaults (a port's protocol): what it does name must fit.
        keys = json.loads(key[2:])
        fitting = [item for item in wanted if isinstance(item, Mapping) and fits(item, keys)]
        mine = fitting[0] if len(fitting) == 1 else ABSENT
    else:
        mine = step(key, wanted)
    if mine is ABSENT or theirs is ABSENT:
        return False
    return _same(fields, mine, theirs)
