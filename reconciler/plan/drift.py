"""What is done about drift of one object: put right, only reported, or left where it is in a field that may differ.

A field that may differ is ours until somebody else changes it: the API server then takes it out of our field set. From then on it is
theirs, and an apply that leaves it out changes nothing of it.
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.plan.fieldsets import contains, leaves, pointer
from reconciler.plan.model import ObjectKey
from reconciler.plan.owned import fits, owned_fields

#: On a live object or on one in Git: `Disabled` leaves the live object as it is.
RECONCILE_ANNOTATION = "spinfleet.dev/reconcile"
DISABLED = "Disabled"
#: On objects whose drift is only reported: a digest of what was last applied, so that a restart can tell drift from what is still to be applied.
APPLIED_ANNOTATION = "spinfleet.dev/applied"

_SERVERS_METADATA = frozenset(
    {"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink"}
)

#: The subresource through which autoscalers, and `kubectl scale`, set the number of a workload's pods.
SCALE = "scale"

#: A place in an object: names, and indexes of list items.
Place = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class DriftPolicy:
    """What is done about drift of one object. `pointers` (JSON Pointers) and `managers` say which fields may differ."""

    report: bool = False
    pointers: tuple[str, ...] = ()
    managers: frozenset[str] = frozenset()

    @property
    def yields(self) -> bool:
        """Whether some field may differ."""
        return bool(self.pointers or self.managers)


HEAL = DriftPolicy()


def drift_policy(spec: Mapping[str, Any], key: ObjectKey) -> DriftPolicy:
    """Give what the `drift` field of an App or Bundle says of one object: all rules whose kind and name fit count."""
    drift = spec.get("drift") or {}
    rules = [rule for rule in drift.get("ignore") or () if _fits(rule, key)]
    report = drift.get("mode") == "Report"
    if not rules and not report:
        return HEAL
    pointers = dict.fromkeys(each for rule in rules for each in rule.get("pointers") or ())
    managers = frozenset(name for rule in rules for name in rule.get("managers") or ())
    return DriftPolicy(report=report, pointers=tuple(pointers), managers=managers)


def _fits(rule: Mapping[str, Any], key: ObjectKey) -> bool:
    return rule.get("kind") in {None, key.kind} and rule.get("name") in {None, key.name}


def is_left_alone(obj: Mapping[str, Any]) -> bool:
    """Tell whether an object's annotation says that it is to be left as it is."""
    return (obj["metadata"].get("annotations") or {}).get(RECONCILE_ANNOTATION) == DISABLED


def marked(obj: Mapping[str, Any], policy: DriftPolicy) -> tuple[Mapping[str, Any], bytes, bytes]:
    """Give an object as it is to be applied, its JSON, and a digest of its content; where drift is only reported it carries that digest."""
    body = packed(obj)
    if not policy.report:
        return obj, body, hashlib.blake2b(body, digest_size=16).digest()
    digest = hashlib.blake2b(b"report" + body, digest_size=16).digest()
    annotations = {**(obj["metadata"].get("annotations") or {}), APPLIED_ANNOTATION: digest.hex()}
    sent = {**obj, "metadata": {**obj["metadata"], "annotations": annotations}}
    return sent, packed(sent), digest


def unmarked(obj: Mapping[str, Any], policy: DriftPolicy) -> dict[str, Any]:
    """Give an object that was marked, as it was before."""
    if not policy.report:
        return dict(obj)
    metadata = dict(obj["metadata"])
    annotations = {name: text for name, text in metadata.pop("annotations").items() if name != APPLIED_ANNOTATION}
    return {**obj, "metadata": {**metadata, "annotations": annotations} if annotations else metadata}


def packed(obj: Mapping[str, Any]) -> bytes:
    """Give an object's JSON, the same bytes for equal ones."""
    return json.dumps(obj, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def applied_digest(live: Mapping[str, Any]) -> bytes | None:
    """Give the digest of what was last applied of an object whose drift is only reported; None where it says none."""
    text = str((live["metadata"].get("annotations") or {}).get(APPLIED_ANNOTATION, ""))
    return bytes.fromhex(text) if re.fullmatch(r"[0-9a-f]{32}", text) else None


def own_part(obj: Mapping[str, Any]) -> dict[str, Any]:
    """Give a live object without what the server and controllers report in it: what people and appliers have set."""
    metadata = {key: value for key, value in obj["metadata"].items() if key not in _SERVERS_METADATA}
    return {**{key: value for key, value in obj.items() if key != "status"}, "metadata": metadata}


def own_digest(obj: Mapping[str, Any]) -> bytes:
    """Give a digest of an object's own part: a reported object is looked at again once this changes."""
    return hashlib.blake2b(packed(own_part(obj)), digest_size=16).digest()


def without_yielded(
    desired: Mapping[str, Any], live: Mapping[str, Any] | None, manager: str, policy: DriftPolicy
) -> Mapping[str, Any]:
    """Give a desired object without the fields that may differ and are somebody else's by now: what an apply sends, and what is compared."""
    if live is None or not policy.yields:
        return desired
    fields = owned_fields(live, manager) or {}
    places = {*_pointed(desired, live, policy.pointers), *_managed(desired, live, policy.managers)}
    yielded = [place for place in places if not _covers(fields, desired, place)]
    if not yielded:
        return desired
    kept: dict[str, Any] = copy.deepcopy(dict(desired))
    # Later items of a list first, so that the indexes of earlier ones hold.
    for place in sorted(yielded, key=lambda place: [(isinstance(part, str), part) for part in place], reverse=True):
        _remove(kept, place)
    return kept


def _pointed(desired: Mapping[str, Any], live: Mapping[str, Any], pointers: tuple[str, ...]) -> Iterator[Place]:
    """Give the places that pointers name, where the field can be had apart: not within a list that is owned as a whole."""
    sets = [entry.get("fieldsV1") or {} for entry in live["metadata"].get("managedFields") or ()]
    for text in pointers:
        place = _place(desired, text)
        if place is not None and not any(_is_below_leaf(fields, desired, place) for fields in sets):
            yield place


def _place(desired: Any, text: str) -> Place | None:
    """Follow a JSON Pointer; an item of a list is named by its index, or by its name as diffs show it."""
    place: list[str | int] = []
    for escaped in text.split("/")[1:]:
        part: str | int = escaped.replace("~1", "/").replace("~0", "~")
        if isinstance(desired, list):
            found = _index(desired, str(part))
            if found is None:
                return None
            part = found
        elif not isinstance(desired, Mapping) or part not in desired:
            return None
        desired = desired[part]
        place.append(part)
    return tuple(place) or None


def _index(items: list[Any], part: str) -> int | None:
    if part.isascii() and part.isdecimal() and int(part) < len(items):
        return int(part)
    named = (at for at, item in enumerate(items) if isinstance(item, Mapping) and item.get("name") == part)
    return next(named, None)


def _managed(desired: Mapping[str, Any], live: Mapping[str, Any], managers: frozenset[str]) -> Iterator[Place]:
    """Give the places that these managers have set."""
    for entry in live["metadata"].get("managedFields") or ():
        if entry.get("manager") in managers:
            for path in leaves(entry.get("fieldsV1") or {}):
                if (place := _of_path(path, desired)) is not None:
                    yield place


def _of_path(path: tuple[str, ...], desired: Any) -> Place | None:
    place: list[str | int] = []
    for key in path:
        part = _part(key, desired)
        if part is None:
            return None
        desired = desired[part]
        place.append(part)
    return tuple(place)


def _part(key: str, desired: Any) -> str | int | None:
    """Give where one element of a field path leads in a desired value."""
    sort, _, text = key.partition(":")
    if sort == "f":
        return text if isinstance(desired, Mapping) and text in desired else None
    if not isinstance(desired, list):
        return None
    if sort == "k":
        keys = json.loads(text)
        return next((at for at, item in enumerate(desired) if isinstance(item, Mapping) and fits(item, keys)), None)
    if sort == "v":
        value = json.loads(text)
        return desired.index(value) if value in desired else None
    return int(text) if int(text) < len(desired) else None


def _path_in(fields: Mapping[str, Any], desired: Any, place: Place) -> tuple[tuple[str, ...], bool]:
    """Follow a place as far as a field set goes; gives the path, and whether it goes to the end."""
    path: list[str] = []
    for part in place:
        key = next((key for key in fields if key != "." and _part(key, desired) == part), None)
        if key is None:
            return tuple(path), False
        path.append(key)
        fields, desired = fields[key], desired[part]
    return tuple(path), True


def _covers(fields: Mapping[str, Any], desired: Any, place: Place) -> bool:
    """Tell whether a field set has a place, or something above it as a whole."""
    _, whole = _path_in(fields, desired, place)
    return whole or _is_below_leaf(fields, desired, place)


def _is_below_leaf(fields: Mapping[str, Any], desired: Any, place: Place) -> bool:
    """Tell whether a field set owns something above a place as a whole (an atomic list or mapping)."""
    path, whole = _path_in(fields, desired, place)
    if whole or not path:
        return False
    for key in path:
        fields = fields[key]
    return not any(key != "." for key in fields)


def _remove(obj: Any, place: Place) -> None:
    """Take a field out, and what is empty without it."""
    *above, last = place
    holders = [obj]
    for part in above:
        holders.append(holders[-1][part])
    del holders[-1][last]
    for holder, part in zip(reversed(holders[:-1]), reversed(above), strict=True):
        if holder[part] not in ({}, []):
            break
        del holder[part]


def lost(live: Mapping[str, Any], manager: str, desired: Mapping[str, Any]) -> dict[tuple[str, str], tuple[str, ...]]:
    """Give, for each other manager and its operation, the desired fields that it has now and we have not: taken from us.

    The operation is Apply, Update, or SCALE for a number of pods that was set through the subresource. Fields are named by JSON Pointer,
    as in a diff.
    """
    fields = owned_fields(live, manager) or {}
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for entry in live["metadata"].get("managedFields") or ():
        name, operation = str(entry.get("manager")), str(entry.get("operation"))
        if (name == manager and operation == "Apply") or entry.get("subresource") == "status":
            continue
        operation = SCALE if entry.get("subresource") == SCALE else operation
        taken = [
            pointer(path)
            for path in leaves(entry.get("fieldsV1") or {})
            if not contains(fields, path) and _of_path(path, desired) is not None
        ]
        if taken:
            found[name, operation] = tuple(dict.fromkeys((*found.get((name, operation), ()), *taken)))
    return found
