"""What running releases share, kept up app by app: the union that `_shared` is rendered from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.fleet.model import AppAssignment, BundleAssignment
from reconciler.plan.model import ObjectKey, key_of
from reconciler.render.shared import Need, brings, in_order, needs


@dataclass(slots=True)
class Sharing:
    """Needed objects by key and app, and what bundles bring. `changed` tells whether the union may be another than at the last look."""

    changed: bool = False
    _parts: dict[str, tuple[tuple[Need, ...], frozenset[ObjectKey]]] = field(default_factory=dict)
    _needed: dict[ObjectKey, dict[str, Need]] = field(default_factory=dict)
    _brought: dict[ObjectKey, set[str]] = field(default_factory=dict)

    def put(self, name: str, unit: AppAssignment | BundleAssignment | None) -> None:
        """Take what a release needs and brings in place of what was known of the app; None: it runs no release."""
        part = ((), frozenset()) if unit is None else (needs(unit), brings(unit))
        before = self._parts.get(name, ((), frozenset()))
        if part == before:
            return
        self.changed = True
        for need in before[0]:
            _leave(self._needed, key_of(need.object), name)
        for key in before[1]:
            _leave(self._brought, key, name)
        for need in part[0]:
            self._needed.setdefault(key_of(need.object), {})[name] = need
        for key in part[1]:
            self._brought.setdefault(key, set()).add(name)
        if unit is None:
            self._parts.pop(name, None)
        else:
            self._parts[name] = part

    def objects(self) -> tuple[Mapping[str, Any], ...]:
        """Give the shared objects in apply order. Of several apps that want one otherwise the first by name has it."""
        self.changed = False
        return in_order(wanted[min(wanted)] for key, wanted in self._needed.items() if not self._brought.get(key))


def _leave(index: dict[ObjectKey, Any], key: ObjectKey, name: str) -> None:
    """Take a name out of an index of dicts or sets."""
    names = index[key]
    if isinstance(names, dict):
        names.pop(name, None)
    else:
        names.discard(name)
    if not names:
        del index[key]
