"""Which apps a commit touches, so that the others cost nothing. The map of what depends on what:

| what changed                                                   | whose assignment may differ                        |
|----------------------------------------------------------------|----------------------------------------------------|
| an App or Bundle document, its spin.toml, a file of its folder | that app or bundle                                 |
| where it is placed                                             | those that name it in dependsOn as well            |
| Fleet.spec.defaults                                            | the apps that the changed default reaches          |
| Fleet.spec.artifacts                                           | every app: what may run is judged by it            |
| Fleet.spec.ignore, prune, health, minimumAgentVersion          | nothing by itself                                  |
| anything else of the Fleet                                     | everything                                         |
| a Rollout                                                      | the apps and bundles that name it                  |
| this cluster's Cluster document                                | everything                                         |
| another cluster's Cluster document                             | nothing                                            |
| a bundle with a SpinAppExecutor                                | every app, and that bundle                         |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.fleet.dependencies import dependencies
from reconciler.fleet.executors import brings_executor
from reconciler.fleet.model import AppDefinition, BundleDefinition, Fleet
from reconciler.fleet.placement import placement_of

#: Fields of the Fleet that bear on no assignment. `defaults` reach an app through its version, which has them in it.
_APART = frozenset({"defaults", "artifacts", "ignore", "prune", "health", "minimumAgentVersion"})


def affected(old: Fleet | None, new: Fleet, cluster: str) -> frozenset[str]:
    """Give the names of apps and bundles whose assignment on a cluster may differ between two commits, removed ones included.

    With one LoadCache for both loads this compares by identity, and costs well under a microsecond an app.
    """
    if old is None or _common(old, new, cluster):
        return frozenset(
            {*(old.apps if old is not None else ()), *(old.bundles if old is not None else ()), *new.apps, *new.bundles}
        )
    apps, bundles = _different(old.apps, new.apps), _different(old.bundles, new.bundles)
    if old.spec.get("artifacts") != new.spec.get("artifacts") or any(
        name in each.bundles and brings_executor(each.bundles[name]) for name in bundles for each in (old, new)
    ):
        apps |= {*old.apps, *new.apps}
    changed = apps | bundles
    moved = {name for name in changed if _placement(old, name) != _placement(new, name)}
    return frozenset(changed | _waiting_for(moved, new) | _released_by(_different(old.rollouts, new.rollouts), new))


def _placement(fleet: Fleet, name: str) -> Any:
    definition = fleet.apps.get(name) or fleet.bundles.get(name)
    return None if definition is None else (placement_of(fleet, definition),)


def _waiting_for(names: set[str], fleet: Fleet) -> set[str]:
    """Give those that depend on one of these: where that one runs bears on whether they ever start."""
    if not names:
        return set()
    return {each.name for each in _every(fleet) if any(other.name in names for other in dependencies(fleet, each))}


def _released_by(rollouts: set[str], fleet: Fleet) -> set[str]:
    """Give those that name one of these rollouts in their document, its overrides or the fleet's defaults."""
    if not rollouts:
        return set()
    default = (fleet.spec.get("defaults") or {}).get("rollout")
    return {each.name for each in _every(fleet) if not rollouts.isdisjoint(_rollouts(each, default))}


def _rollouts(definition: AppDefinition | BundleDefinition, default: Any) -> set[Any]:
    layers = [definition.spec, *(each.get("spec") or {} for each in definition.spec.get("overrides") or ())]
    named = {layer.get("rollout") for layer in layers}
    return named | {default} if isinstance(definition, AppDefinition) else named


def _every(fleet: Fleet) -> list[AppDefinition | BundleDefinition]:
    return [*fleet.apps.values(), *fleet.bundles.values()]


def _common(old: Fleet, new: Fleet, cluster: str) -> bool:
    return (
        old.path != new.path
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
