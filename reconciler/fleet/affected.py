"""Which apps a commit touches, so that the others cost nothing. The map of what depends on what:

| what changed                                                   | whose assignment may differ                        |
|----------------------------------------------------------------|----------------------------------------------------|
| an App or Bundle document, its spin.toml, a file it reads      | that app or bundle                                 |
| where it is placed                                             | those that name it in dependsOn as well            |
| an app that others call                                        | those that may call it: their NetworkPolicy        |
| an app that an executor sends telemetry to                     | every app with `network`: their NetworkPolicy      |
| a bundle's Secret or ConfigMap                                 | that bundle, and the apps that read it             |
| a bundle's SpinAppExecutor, RuntimeClass, Shim or Service      | that bundle, and every app                         |
| a bundle's definition of a kind without a namespace            | every bundle                                       |
| Fleet.spec.defaults                                            | the apps that the changed default reaches          |
| Fleet.spec.artifacts, the keys and roots it names              | every app: what may run is judged by it            |
| Fleet.spec.ignore, prune, health, minimumAgentVersion, review  | nothing by itself                                  |
| anything else of the Fleet                                     | everything                                         |
| a Rollout                                                      | the apps and bundles that name it                  |
| this cluster's Cluster document                                | everything                                         |
| another cluster's Cluster document                             | nothing                                            |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.fleet.brought import Bearing, bears_on_apps, brought, inputs_in
from reconciler.fleet.definitions import cluster_scoped_in
from reconciler.fleet.model import AppDefinition, BundleDefinition, Fleet
from reconciler.fleet.overrides import every_layer
from reconciler.fleet.placement import placement_of
from reconciler.fleet.reads import collectors_of, has_network, may_read

#: Fields of the Fleet that bear on no assignment. `defaults` reach an app through its version, which has them in it.
_APART = frozenset({"defaults", "artifacts", "ignore", "prune", "health", "minimumAgentVersion", "review"})


def affected(old: Fleet | None, new: Fleet, cluster: str, collectors: frozenset[str] | None = None) -> frozenset[str]:
    """Give the names of apps and bundles whose assignment on a cluster may differ between two commits, removed ones included.

    `collectors` are what `reads.collectors_of` gives for the cluster as `new` has it, where that is at hand. With one LoadCache for both loads this compares by identity, and costs well under a microsecond an app.
    """
    if old is None or _common(old, new, cluster):
        return frozenset(
            {*(old.apps if old is not None else ()), *(old.bundles if old is not None else ()), *new.apps, *new.bundles}
        )
    apps, bundles = _different(old.apps, new.apps), _different(old.bundles, new.bundles)
    changed = apps | bundles
    judged_by = [(fleet.spec.get("artifacts"), fleet.signatures) for fleet in (old, new)]
    if judged_by[0] != judged_by[1] or any(_bearing(old, name) != _bearing(new, name) for name in bundles):
        changed |= {*old.apps, *new.apps}
    if any(_scoped(old, name) != _scoped(new, name) for name in bundles):
        changed |= {*old.bundles, *new.bundles}
    moved = {name for name in changed if _placement(old, name) != _placement(new, name)}
    changed |= _waiting_for(moved, new) | _reading(bundles, new) | _calling(apps, new)
    if apps:
        changed |= _reporting(apps, new, _collectors(new, cluster) if collectors is None else collectors)
    return frozenset(changed | _released_by(_different(old.rollouts, new.rollouts), new))


def _bearing(fleet: Fleet, name: str) -> Any:
    bundle = fleet.bundles.get(name)
    return None if bundle is None else bears_on_apps(bundle)


def _scoped(fleet: Fleet, name: str) -> Any:
    bundle = fleet.bundles.get(name)
    scoped = frozenset() if bundle is None else cluster_scoped_in(bundle)
    return (scoped, _placement(fleet, name)) if scoped else None


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
    return {name for name, each in fleet.apps.items() if each.calls and not apps.isdisjoint(each.calls)}


def _reporting(apps: set[str], fleet: Fleet, collectors: frozenset[str]) -> set[str]:
    """Give the apps whose executor may send telemetry to one of these: as `_calling` does."""
    if apps.isdisjoint(collectors):
        return set()
    return {name for name, each in fleet.apps.items() if has_network(fleet, each)}


def _collectors(fleet: Fleet, cluster: str) -> frozenset[str]:
    return collectors_of(brought(fleet, fleet.clusters[cluster], Bearing(fleet)))


def _placement(fleet: Fleet, name: str) -> Any:
    definition = fleet.apps.get(name) or fleet.bundles.get(name)
    return None if definition is None else (placement_of(fleet, definition),)


def _waiting_for(names: set[str], fleet: Fleet) -> set[str]:
    """Give those that depend on one of these: where that one runs bears on whether they ever start."""
    if not names:
        return set()
    return {each.name for each in _every(fleet) if each.waits_for and not names.isdisjoint(each.waits_for)}


def _released_by(rollouts: set[str], fleet: Fleet) -> set[str]:
    """Give those that name one of these rollouts in their document, its overrides or the fleet's defaults."""
    if not rollouts:
        return set()
    default = (fleet.spec.get("defaults") or {}).get("rollout")
    return {each.name for each in _every(fleet) if not rollouts.isdisjoint(_rollouts(each, default))}


def _rollouts(definition: AppDefinition | BundleDefinition, default: Any) -> set[Any]:
    named = {name for layer in every_layer(definition) if isinstance(name := layer.get("rollout"), str)}
    return named | {default} if isinstance(definition, AppDefinition) else named


def _every(fleet: Fleet) -> list[AppDefinition | BundleDefinition]:
    return [*fleet.apps.values(), *fleet.bundles.values()]


def _common(old: Fleet, new: Fleet, cluster: str) -> bool:
    return (
        (old.path, old.name) != (new.path, new.name)
        or _rest(old) != _rest(new)
        or cluster not in old.clusters
        or cluster not in new.clusters
        or old.clusters[cluster] != new.clusters[cluster]
    )


def _rest(fleet: Fleet) -> dict[str, Any]:
    return {name: value for name, value in fleet.spec.items() if name not in _APART}


def _different(old: Mapping[str, Any], new: Mapping[str, Any]) -> set[str]:
    found = {name for name, each in new.items() if old.get(name) is not each and old.get(name) != each}
    return found | (old.keys() - new.keys())
