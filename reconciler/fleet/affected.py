"""Which apps a commit touches, so that the others cost nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.fleet.brought import bears_on_apps, inputs_in
from reconciler.fleet.dependencies import dependencies
from reconciler.fleet.model import AppDefinition, BundleDefinition, Fleet
from reconciler.fleet.placement import placement_of
from reconciler.fleet.reads import may_read, reached_apps


def affected(old: Fleet | None, new: Fleet, cluster: str) -> frozenset[str]:
    """Give the names of apps and bundles whose assignment on a cluster may differ between two commits, removed ones included.

    With one LoadCache for both loads this compares by identity, and costs well under a microsecond an app. What bears on
    every app (the Fleet document, this cluster's own, an executor or Service that a bundle brings) makes every name affected.
    """
    if old is None or _common(old, new, cluster):
        return frozenset(
            {*(old.apps if old is not None else ()), *(old.bundles if old is not None else ()), *new.apps, *new.bundles}
        )
    apps, bundles = _different(old.apps, new.apps), _different(old.bundles, new.bundles)
    if any(_bearing(old, name) != _bearing(new, name) for name in bundles):
        return frozenset({*old.apps, *new.apps, *bundles})
    changed = apps | bundles
    moved = {name for name in changed if _placement(old, name) != _placement(new, name)}
    return frozenset(changed | _waiting_for(moved, new) | _reading(bundles, new) | _calling(apps, new))


def _bearing(fleet: Fleet, name: str) -> Any:
    bundle = fleet.bundles.get(name)
    return None if bundle is None else bears_on_apps(bundle)


def _reading(bundles: set[str], fleet: Fleet) -> set[str]:
    """Give the apps that read a Secret or ConfigMap of one of these bundles: their pods are rolled."""
    inputs = {each for name in bundles if name in fleet.bundles for each in inputs_in(fleet.bundles[name])}
    if not inputs:
        return set()
    return {app.name for app in fleet.apps.values() if not inputs.isdisjoint(may_read(fleet, app))}


def _calling(apps: set[str], fleet: Fleet) -> set[str]:
    """Give the apps that may call one of these: where it runs bears on their NetworkPolicy."""
    if not apps:
        return set()
    return {app.name for app in fleet.apps.values() if any(each.name in apps for each in reached_apps(fleet, app))}


def _placement(fleet: Fleet, name: str) -> Any:
    definition = fleet.apps.get(name) or fleet.bundles.get(name)
    return None if definition is None else (placement_of(fleet, definition),)


def _waiting_for(names: set[str], fleet: Fleet) -> set[str]:
    """Give those that depend on one of these: where that one runs bears on whether they ever start."""
    if not names:
        return set()
    every: list[AppDefinition | BundleDefinition] = [*fleet.apps.values(), *fleet.bundles.values()]
    return {each.name for each in every if any(other.name in names for other in dependencies(fleet, each))}


def _common(old: Fleet, new: Fleet, cluster: str) -> bool:
    return (
        (old.path, old.spec) != (new.path, new.spec)
        or cluster not in old.clusters
        or cluster not in new.clusters
        or old.clusters[cluster] != new.clusters[cluster]
    )


def _different(old: Mapping[str, Any], new: Mapping[str, Any]) -> set[str]:
    found = {name for name, each in new.items() if old.get(name) is not each and old.get(name) != each}
    return found | (old.keys() - new.keys())
