"""Every problem of a fleet on every cluster, without looking at each app on each cluster.

What can be wrong with an app depends on which overrides match, on what the cluster has, and on which variables it sets:
clusters that are equal in these are one case. Fleets have hundreds of clusters and a handful of cases.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.fleet.assign import Here, assign_here, here
from reconciler.fleet.cache import canonical
from reconciler.fleet.executors import brings_executor
from reconciler.fleet.model import AppDefinition, BundleDefinition, Fleet, Loaded
from reconciler.fleet.placement import placed, selects
from reconciler.problems import Problem

#: Values of variables that fit wherever a variable is written: they are all one case.
_PLAIN = re.compile(r"[a-z0-9]([-a-z0-9.]{0,40}[a-z0-9])?")
#: What a Cluster document says that has no bearing on whether an app is right.
_NO_BEARING = frozenset({"variables", "statusKey", "suspend"})


@dataclass(frozen=True, slots=True)
class Validated:
    """All problems of a fleet. `by_name` are those that show on clusters, by app or bundle; it makes the next look short."""

    fleet: Fleet | None
    problems: tuple[Problem, ...]
    by_name: Mapping[str, tuple[Problem, ...]]


def validate(loaded: Loaded, *, previous: Validated | None = None) -> Validated:
    """Give every problem of a loaded fleet: its own, and those of each app on the clusters it is placed on.

    With the result for an earlier load through the same LoadCache, only what changed since is looked at.
    """
    fleet = loaded.fleet
    if fleet is None:
        return Validated(None, loaded.problems, {})
    kept = _kept(previous, fleet)
    by_name = dict(kept)
    cases = _Cases(fleet)
    definitions: dict[str, AppDefinition | BundleDefinition] = {**fleet.apps, **fleet.bundles}
    for name, definition in definitions.items():
        if name not in kept:
            by_name[name] = cases.problems(definition)
    told = {problem for each in by_name.values() for problem in each}
    problems = tuple(sorted({*loaded.problems, *told}, key=Problem.sort_key))
    return Validated(fleet, problems, by_name)


def _kept(previous: Validated | None, fleet: Fleet) -> dict[str, tuple[Problem, ...]]:
    """Give the earlier findings that still hold: nothing that bears on all apps changed, and not the app itself."""
    if previous is None or previous.fleet is None:
        return {}
    old = previous.fleet
    if (
        old.spec != fleet.spec
        or old.path != fleet.path
        or old.clusters != fleet.clusters
        or _executors(old) != _executors(fleet)
    ):
        return {}
    earlier, now = {**old.apps, **old.bundles}, {**fleet.apps, **fleet.bundles}
    return {name: found for name, found in previous.by_name.items() if name in now and earlier.get(name) is now[name]}


def _executors(fleet: Fleet) -> list[BundleDefinition]:
    return [bundle for bundle in fleet.bundles.values() if brings_executor(bundle)]


class _Cases:
    """Picks, for an app, one cluster of each case."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._here: dict[str, Here] = {name: here(fleet, name) for name in fleet.clusters}
        self._kinds = {name: self._kind(name) for name in fleet.clusters}
        self._chosen: dict[str, tuple[str, ...]] = {}

    def problems(self, definition: AppDefinition | BundleDefinition) -> tuple[Problem, ...]:
        """Give what is wrong with an app or bundle on any cluster."""
        found: set[Problem] = set()
        for cluster in self._representatives(definition):
            unit = assign_here(self._fleet, self._here[cluster], definition.name)
            if unit is not None:
                found.update(unit.problems)
        return tuple(sorted(found, key=Problem.sort_key))

    def _kind(self, name: str) -> str:
        spec = self._fleet.clusters[name].spec
        values = {key: "" if _PLAIN.fullmatch(value) else value for key, value in (spec.get("variables") or {}).items()}
        known = sorted((*key, creates) for key, creates in self._here[name].executors.items())
        return canonical([{key: each for key, each in spec.items() if key not in _NO_BEARING}, values, known])

    def _representatives(self, definition: AppDefinition | BundleDefinition) -> tuple[str, ...]:
        placement = definition.spec.get("placement")
        if isinstance(definition, AppDefinition) and placement is None:
            placement = (self._fleet.spec.get("defaults") or {}).get("placement")
        rules = definition.spec.get("overrides") or definition.spec.get("patches") or ()
        try:
            selectors = [rule.get("clusters") or {} for rule in rules]
            key = canonical([placement, selectors])
            if key not in self._chosen:
                self._chosen[key] = tuple(self._choose(placement, selectors))
        except (AttributeError, KeyError, TypeError):
            # Placement or selectors can't be read: the document's own problems say so.
            return tuple(self._here)[:1]
        return self._chosen[key]

    def _choose(self, placement: Any, selectors: Iterable[Mapping[str, Any]]) -> Iterable[str]:
        first: dict[tuple[Any, ...], str] = {}
        every = list(selectors)
        for name, cluster in sorted(self._fleet.clusters.items()):
            if placed(placement, cluster):
                matches = tuple(selects(selector, cluster) for selector in every)
                first.setdefault((self._kinds[name], matches), name)
        return first.values()
