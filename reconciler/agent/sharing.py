"""What running releases share, kept up app by app: the union that `_shared` is rendered from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.fleet.model import AppAssignment, BundleAssignment, Cluster
from reconciler.plan.model import ObjectKey, key_of
from reconciler.plan.order import rank
from reconciler.render import render_shared
from reconciler.render.shared import brings

Runnable = AppAssignment | BundleAssignment


@dataclass(slots=True)
class Sharing:
    """The shared objects, and who needs or brings each. Only objects that an app's change may have changed are rendered anew.

    An object is a function of what each app alone would have it be, and of who is first by name: that is what is compared.
    """

    _units: dict[str, Runnable] = field(default_factory=dict)
    _parts: dict[str, dict[ObjectKey, str]] = field(default_factory=dict)
    _involved: dict[ObjectKey, dict[str, str]] = field(default_factory=dict)
    _changed: set[ObjectKey] = field(default_factory=set)
    _objects: dict[ObjectKey, Mapping[str, Any]] = field(default_factory=dict)

    def put(self, name: str, unit: Runnable | None, cluster: Cluster) -> None:
        """Take what a release needs and brings in place of what was known of the app; None: it runs no release."""
        part = _part(unit, cluster) if unit is not None else {}
        before = self._parts.pop(name, {})
        for key in before.keys() | part.keys():
            self._change(key, name, before.get(key), part.get(key))
        if unit is None:
            self._units.pop(name, None)
        else:
            self._units[name] = unit
        if part:
            self._parts[name] = part

    def _change(self, key: ObjectKey, name: str, old: str | None, new: str | None) -> None:
        involved = self._involved.setdefault(key, {})
        first = not involved or name <= min(involved)
        if new is None:
            involved.pop(name, None)
        else:
            involved[name] = new
        alike = (other for other, part in involved.items() if part == new and other != name)
        if old != new and (first or old is not None or next(alike, None) is None):
            self._changed.add(key)
        if not involved:
            del self._involved[key]

    @property
    def changed(self) -> bool:
        """Whether an object may be another than at the last look."""
        return bool(self._changed)

    def objects(self, cluster: Cluster) -> tuple[Mapping[str, Any], ...]:
        """Give the shared objects in apply order. Of several apps that want one otherwise the first by name has it."""
        if self._changed:
            names = {name for key in self._changed for name in self._involved.get(key, ())}
            made = _by_key(render_shared([self._units[name] for name in names], cluster).objects)
            for key in self._changed:
                self._objects.pop(key, None)
            self._objects |= {key: obj for key, obj in made.items() if key in self._changed}
            self._changed = set()
        return tuple(sorted((self._objects[key] for key in sorted(self._objects)), key=rank))


def _part(unit: Runnable, cluster: Cluster) -> dict[ObjectKey, str]:
    """Give what a unit alone makes of shared objects, as text by key; what it brings is empty."""
    made = _by_key(render_shared([unit], cluster).objects)
    return {key: json.dumps(obj, sort_keys=True) for key, obj in made.items()} | dict.fromkeys(brings(unit), "")


def _by_key(objects: Iterable[Mapping[str, Any]]) -> dict[ObjectKey, Mapping[str, Any]]:
    return {key_of(obj): obj for obj in objects}
