"""Which desired fields differ from the live ones. Values of Secrets are masked; other managers' fields are not compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.plan.model import FieldChange

_SECRET_PARTS = frozenset({"data", "stringData"})
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
#: Lists that the API merges by key (facts of the API: x-kubernetes-list-map-keys of the built-in kinds).
_KEYS = ("name", "containerPort", "port", "mountPath", "devicePath", "topologyKey", "ip")


def diff(live: Mapping[str, Any] | None, desired: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    """Give the desired fields whose live value differs, by JSON Pointer, in order."""
    secret = desired.get("kind") == "Secret"
    changes = _changes(live if live is not None else {}, desired, "")
    return tuple(_masked(change) if secret and _sensitive(change.pointer) else change for change in changes)


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


def _sensitive(pointer: str) -> bool:
    return pointer.split("/")[1:2] != [] and pointer.split("/")[1] in _SECRET_PARTS


def _masked(change: FieldChange) -> FieldChange:
    return FieldChange(change.pointer, _mask(change.live), _mask(change.desired))


def _mask(value: Any) -> Any:
    return None if value is None else "<hidden>"
