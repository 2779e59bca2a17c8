"""Which desired fields differ from the live ones. Secret values are masked (plan.sensitive); other managers' fields are not compared."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from reconciler.plan.model import FieldChange
from reconciler.plan.owned import ABSENT, fits, owned_fields, step
from reconciler.plan.sensitive import HIDDEN, encrypted_blob, is_hidden, is_sensitive
from reconciler.sops.sealed import is_mark

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
#: How many differences a sentence names, and how much of each value.
_TOLD, _LONGEST = 5, 80
#: Lists that the API merges by key (facts of the API: x-kubernetes-list-map-keys of the built-in kinds).
_KEYS = ("name", "containerPort", "port", "mountPath", "devicePath", "topologyKey", "ip")


def diff(live: Mapping[str, Any] | None, desired: Mapping[str, Any], manager: str = "") -> tuple[FieldChange, ...]:
    """Give the desired fields whose live value differs, by JSON Pointer, in order.

    With `manager`, our field manager, the fields that an apply would remove follow: ours by the last apply and not desired any more.
    """
    changes = [*_changes(live if live is not None else {}, desired, "")]
    if live is not None and (fields := owned_fields(live, manager)) is not None:
        changes += _dropped(fields, live, desired, "")
    if live is not None and encrypted_blob(live) == encrypted_blob(desired):
        # Written from the very file that Git has: no key is needed to tell.
        changes = [change for change in changes if not is_mark(change.desired)]
    hidden = [each for each in (live, desired) if is_sensitive(each)]
    return tuple(
        _masked(change) if any(each and is_hidden(each, change.pointer) for each in hidden) else change
        for change in changes
    )


def changed(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    """Give how a whole object becomes another: what differs, comes and goes, field by field, by JSON Pointer."""
    hidden = [each for each in (before, after) if is_sensitive(each)]
    return tuple(
        _masked(change) if any(each and is_hidden(each, change.pointer) for each in hidden) else change
        for change in _between(before or {}, after, "")
    )


def _between(before: Any, after: Any, pointer: str) -> Iterator[FieldChange]:
    """Go down as far as parts can be told apart; None stands for what is absent."""
    if before == after:
        return
    sides = [side for side in (before, after) if side is not None]
    if all(isinstance(side, Mapping) for side in sides) and any(sides):
        parts: list[Mapping[str, Any]] = [before or {}, after or {}]
    elif any(sides) and (name := item_key(sides)):
        parts = [{str(item[name]): item for item in side or ()} for side in (before, after)]
        if parts[0] == parts[1]:  # the same items in another order
            yield FieldChange(pointer, [*parts[0]], [*parts[1]])
    else:
        yield FieldChange(pointer, before, after)
        return
    for part in dict.fromkeys((*parts[1], *parts[0])):
        if part != _LAST_APPLIED:
            yield from _between(parts[0].get(part), parts[1].get(part), f"{pointer}/{_escaped(part)}")


def item_key(lists: Iterable[Any]) -> str:
    """Give the key by which the items of these lists are told apart; empty where there is none, or two of one list have the same."""

    def fits_all(name: str) -> bool:
        for each in lists:
            if not isinstance(each, list) or not all(isinstance(item, Mapping) and name in item for item in each):
                return False
            if len({str(item[name]) for item in each}) < len(each):
                return False
        return True

    return next(filter(fits_all, _KEYS), "")


def told(changes: Sequence[FieldChange]) -> str:
    """Give differences as one sentence: each field, its live value and the wanted one; the first few."""
    parts = [f"{change.pointer} is {_text(change.live)}, wanted {_text(change.desired)}" for change in changes[:_TOLD]]
    more = f"; and {len(changes) - _TOLD} more" if len(changes) > _TOLD else ""
    return "; ".join(parts) + more


def _text(value: Any) -> str:
    text = "absent" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _dropped(fields: Mapping[str, Any], live: Any, desired: Any, pointer: str) -> Iterator[FieldChange]:
    """Give what the field set has and desired has not: an apply removes it."""
    for path, below in fields.items():
        if path == ".":
            continue
        theirs, mine = step(path, live), step(path, desired)
        if theirs is ABSENT:
            continue
        at = f"{pointer}/{_escaped(_named(path))}"
        if mine is ABSENT:
            # A key that the server defaulted makes the item's path differ from what is written.
            if not path.startswith("k:") or not _is_meant(path, desired):
                yield FieldChange(at, theirs, None)
        elif below:
            yield from _dropped(below, theirs, mine, at)


def _is_meant(path: str, desired: Any) -> bool:
    """Tell whether a desired list has an item that these keys fit."""
    keys = json.loads(path[2:])
    return isinstance(desired, list) and any(isinstance(item, Mapping) and fits(item, keys) for item in desired)


def _named(path: str) -> str:
    """Give a path element of fieldsV1 as a diff names it: the field, or what is first among an item's keys."""
    sort, _, text = path.partition(":")
    if sort != "k":
        return text
    keys = json.loads(text)
    return str(next((keys[name] for name in _KEYS if name in keys), text))


def _changes(live: Any, desired: Any, pointer: str) -> Iterator[FieldChange]:
    if isinstance(desired, Mapping):
        present = live if isinstance(live, Mapping) else {}
        if not desired and live is None:
            yield FieldChange(pointer, live, desired)
        for key in desired:
            if key != _LAST_APPLIED:
                yield from _changes(present.get(key), desired[key], f"{pointer}/{_escaped(key)}")
    elif isinstance(desired, list):
        yield from _list_changes(live, desired, pointer)
    elif live != desired:
        yield FieldChange(pointer, live, desired)


def _list_changes(live: Any, desired: list[Any], pointer: str) -> Iterator[FieldChange]:
    key = next(
        (name for name in _KEYS if desired and all(isinstance(item, Mapping) and name in item for item in desired)),
        None,
    )
    if key is None:
        if live != desired:
            yield FieldChange(pointer, live, desired)
        return
    present = {item.get(key): item for item in live if isinstance(item, Mapping)} if isinstance(live, list) else {}
    for item in desired:
        yield from _changes(present.get(item[key]), item, f"{pointer}/{_escaped(str(item[key]))}")


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _masked(change: FieldChange) -> FieldChange:
    return FieldChange(change.pointer, _mask(change.live), _mask(change.desired))


def _mask(value: Any) -> Any:
    """Give what is shown of a value. A mark is shown as it is: it says no more than Git does."""
    return value if value is None or is_mark(value) else HIDDEN
