"""What becomes of objects that several apps need (`_shared`), without looking at every app of a cluster.

An app that did not change needs the same in base and head. So of those only what decides whether an object was there anyway is looked
for: the first app by name that needs it, all of them where labels of a namespace are at stake, and every bundle that brings it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reconciler.check.change import Effect, ObjectChange
from reconciler.check.compare import compared
from reconciler.check.sides import Made, Side
from reconciler.fleet.assign import DEFAULT_NAMESPACE
from reconciler.fleet.cache import canonical
from reconciler.fleet.model import AppAssignment, AppDefinition, BundleAssignment, Fleet, Withheld
from reconciler.fleet.overrides import every_layer
from reconciler.fleet.placement import may_be_placed, placement_of
from reconciler.plan.model import ObjectKey, key_of
from reconciler.render import render_shared
from reconciler.render.shared import brings

Runnable = AppAssignment | BundleAssignment
Parts = Mapping[ObjectKey, str]


def parts_of(made: Made, side: Side, cluster: str) -> Parts:
    """Give what a unit alone makes of shared objects, as text by key; what it brings is empty text."""
    unit = made.unit
    if unit is None or isinstance(unit, Withheld) or made.refused:
        return {}
    shared = render_shared([unit], side.fleet.clusters[cluster]).objects
    return {key_of(obj): canonical(obj) for obj in shared} | dict.fromkeys(brings(unit), "")


class SharedObjects:
    """Compares the shared objects of two sides. What was found of unchanged apps is kept for the next cluster."""

    def __init__(self, base: Side, head: Side, affected: Iterable[str]) -> None:
        """`affected` are the apps and bundles that may differ between the sides."""
        self._base, self._head = base, head
        fleet = head.fleet
        self._others = [name for name in sorted({*fleet.apps, *fleet.bundles}) if name not in set(affected)]
        self._namespaces: dict[str, frozenset[str] | None] = {}
        self._kept: dict[tuple[str, Any], Runnable | None] = {}
        self._alike: dict[str, dict[str, Any]] = {}

    def changes(
        self, cluster: str, before: Mapping[str, Runnable], after: Mapping[str, Runnable], touched: frozenset[ObjectKey]
    ) -> Iterator[ObjectChange]:
        """Give what becomes of the touched objects. `before` and `after` are the affected units that run in base and in head."""
        # Labels are a union over all apps of a namespace; nothing else is.
        labelled = any(
            isinstance(unit, AppAssignment) and unit.spec.get("namespaceLabels")
            for unit in (*before.values(), *after.values())
        )
        others = self._witnesses(cluster, touched, every=labelled)
        base = self._rendered(self._base, cluster, [*before.values(), *others], touched)
        head = self._rendered(self._head, cluster, [*after.values(), *others], touched)
        for key in sorted({*base, *head}):
            if key not in base:
                yield ObjectChange(effect=Effect.CREATED, key=key)
            elif key not in head:
                yield ObjectChange(effect=Effect.PRUNED, key=key)
            elif fields := compared(base[key], head[key]):
                yield ObjectChange(effect=Effect.CONFIGURED, key=key, fields=fields)

    def _rendered(
        self, side: Side, cluster: str, units: list[Runnable], touched: frozenset[ObjectKey]
    ) -> dict[ObjectKey, Mapping[str, Any]]:
        here = side.fleet.clusters.get(cluster)
        if here is None:
            return {}
        return {key: obj for obj in render_shared(units, here).objects if (key := key_of(obj)) in touched}

    def _witnesses(self, cluster: str, touched: frozenset[ObjectKey], *, every: bool) -> list[Runnable]:
        """Give units that did not change and need or bring touched objects: enough of them to tell which objects are there."""
        here = self._head.fleet.clusters.get(cluster)
        if here is None:
            return []
        found: list[Runnable] = []
        missing = set(touched)
        for name in self._others:
            definition = self._head.definition(name)
            is_app = isinstance(definition, AppDefinition)
            if definition is None or (is_app and not missing and not every):
                continue
            if not self._may_need(name, touched if every else missing or touched):
                continue
            if not may_be_placed(placement_of(self._head.fleet, definition), here):
                continue
            unit = self._unit(name, cluster)
            if unit is None:
                continue
            keys = set(brings(unit)) | {key_of(obj) for obj in render_shared([unit], here).objects}
            if keys & touched:
                found.append(unit)
                missing -= keys
        return found

    def _may_need(self, name: str, keys: Iterable[ObjectKey]) -> bool:
        namespaces = self._of(name)
        return namespaces is None or any(
            (key.namespace or (key.name if key.kind == "Namespace" else "")) in namespaces or key.kind == "RuntimeClass"
            for key in keys
        )

    def _of(self, name: str) -> frozenset[str] | None:
        """Give the namespaces that an app or bundle may have something in; None where only rendering tells."""
        if name not in self._namespaces:
            self._namespaces[name] = _namespaces(self._head.fleet, name)
        return self._namespaces[name]

    def _unit(self, name: str, cluster: str) -> Runnable | None:
        if name not in self._alike:
            self._alike[name] = self._head.alike(name)
        namespaces = self._of(name)
        key = self._alike[name].get(cluster) if namespaces is not None else cluster
        if (name, key) not in self._kept:
            made = self._head.made(name, cluster)
            unit = made.unit
            self._kept[name, key] = None if unit is None or isinstance(unit, Withheld) or made.refused else unit
        return self._kept[name, key]


def _namespaces(fleet: Fleet, name: str) -> frozenset[str] | None:
    app = fleet.apps.get(name)
    if app is None:
        bundle = fleet.bundles[name]
        names = {
            str(each.object["metadata"].get("namespace") or bundle.spec.get("namespace") or "")
            for each in bundle.objects
        }
        return frozenset(names | {each.object["metadata"]["name"] for each in bundle.objects})
    found = {str(namespace) for layer in every_layer(app, fleet) if (namespace := layer.get("namespace")) is not None}
    return None if any("${" in each for each in found) else frozenset(found | {DEFAULT_NAMESPACE})
