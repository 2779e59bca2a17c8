"""One cluster of each case: every problem of an app, without looking at it on each cluster.

What can be wrong with an app depends on which overrides match, on what the cluster has, and on which variables it sets:
clusters that are equal in these are one case. Fleets have hundreds of clusters and a handful of cases.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from reconciler.fleet.assign import Here, here
from reconciler.fleet.brought import Bearing
from reconciler.fleet.cache import canonical
from reconciler.fleet.checks import NEED_SPIN
from reconciler.fleet.clusters import spin_version
from reconciler.fleet.definitions import bringing, custom_kinds
from reconciler.fleet.model import AppDefinition, BundleDefinition, Cluster, Fleet
from reconciler.fleet.overrides import every_layer
from reconciler.fleet.placement import placed, placement_of, selects
from reconciler.fleet.reads import collectors_of
from reconciler.fleet.variables import mentions
from reconciler.manifest.target import depends_on_spin

#: Values of variables that fit wherever a variable is written: they are all one case.
_PLAIN = re.compile(r"[a-z0-9]([-a-z0-9.]{0,40}[a-z0-9])?")
#: Fields of an App whose objects a cluster must know.
_NEED_CAPABILITIES = ("autoscaling", "monitoring", "routes")


@dataclass(frozen=True, slots=True)
class Case:
    """A cluster that stands for others: `clusters` has bit n set where the n-th cluster of `Cases.names` is one of them."""

    cluster: str
    clusters: int


@dataclass(frozen=True, slots=True)
class _Selectors:
    """What decides where a document is placed and which of its rules match there; `needs` are the placements it waits for."""

    placement: Any
    rules: list[Mapping[str, Any]]
    needs: Sequence[Any]


class Cases:
    """Picks, for an app or bundle, one cluster of each case among some clusters of a fleet."""

    def __init__(self, fleet: Fleet, clusters: Collection[str] | None = None) -> None:
        """Look at the clusters once. `clusters` are those that count, None for every one."""
        self._fleet = fleet
        self.names = tuple(sorted(name for name in fleet.clusters if clusters is None or name in clusters))
        bearing = Bearing(fleet)
        self._here: dict[str, Here] = {name: here(fleet, name, bearing) for name in self.names}
        self._kinds: dict[tuple[str, tuple[str, ...]], str] = {}
        definitions = bringing(fleet)
        self._definitions = {name: custom_kinds(definitions, fleet.clusters[name]) for name in self.names}
        self._chosen: dict[str, tuple[Case, ...]] = {}

    def here(self, cluster: str) -> Here:
        """Give a cluster as `assign_here` takes it."""
        return self._here[cluster]

    @cached_property
    def collectors(self) -> frozenset[str]:
        """The names of apps that executors may send telemetry to on one of the clusters (reads.collectors_of)."""
        return frozenset[str]().union(*(collectors_of(each.brought) for each in self._here.values()))

    def cluster(self, index: int) -> Cluster:
        """Give the cluster of a bit."""
        return self._fleet.clusters[self.names[index]]

    def of(self, definition: AppDefinition | BundleDefinition, needs: Sequence[Any] = ()) -> tuple[Case, ...]:
        """Give the cases of an app or bundle: none where it is placed nowhere. `needs` are the placements of what it waits for."""
        placement = placement_of(self._fleet, definition)
        rules = definition.spec.get("overrides") or definition.spec.get("patches") or ()
        try:
            selectors = _Selectors(placement, [rule.get("clusters") or {} for rule in rules], needs)
            bearing = self._bearing(definition)
            key = canonical([placement, selectors.rules, needs, bearing])
            if key not in self._chosen:
                self._chosen[key] = tuple(self._choose(selectors, bearing))
        except (AttributeError, KeyError, TypeError):
            # Placement or selectors can't be read: the document's own problems say so.
            return tuple(Case(name, 1 << index) for index, name in enumerate(self.names[:1]))
        return self._chosen[key]

    def _bearing(self, definition: AppDefinition | BundleDefinition) -> tuple[str, ...]:
        """Tell what of a cluster has a bearing on whether a document is right there."""
        if isinstance(definition, BundleDefinition):
            return (
                "kubernetes",
                "definitions",
                "capabilities",
                *(("variables",) if definition.spec.get("patches") else ()),
            )
        layers = every_layer(definition, self._fleet)
        found = ["brought"]
        if any(mentions(layer) for layer in layers):
            found.append("variables")
        if any(name in layer for layer in layers for name in _NEED_CAPABILITIES):
            found.append("capabilities")
        application = definition.application
        if any(name in layer for layer in layers for name in NEED_SPIN) or (
            application is not None and depends_on_spin(application)
        ):
            found.append("spin")
        return tuple(found)

    def _kind(self, name: str, bearing: tuple[str, ...]) -> str:
        """Give what makes a cluster another case than the next."""
        if (name, bearing) not in self._kinds:
            spec, values = self._fleet.clusters[name].spec, self._fleet.clusters[name].spec.get("variables") or {}
            every: dict[str, Any] = {
                "spin": spin_version(spec),
                "capabilities": sorted(spec.get("capabilities") or ()),
                "kubernetes": spec.get("kubernetes"),
                "variables": {key: "" if _PLAIN.fullmatch(value) else value for key, value in values.items()},
                "brought": self._here[name].brought.bearing,
                "definitions": self._definitions[name],
            }
            self._kinds[name, bearing] = canonical([every[part] for part in bearing])
        return self._kinds[name, bearing]

    def _choose(self, selectors: _Selectors, bearing: tuple[str, ...]) -> Iterable[Case]:
        first: dict[tuple[Any, ...], tuple[str, int]] = {}
        for index, name in enumerate(self.names):
            cluster = self._fleet.clusters[name]
            if placed(selectors.placement, cluster):
                matches = [selects(each, cluster) for each in selectors.rules]
                matches += [placed(each, cluster) for each in selectors.needs]
                key = (self._kind(name, bearing), *matches)
                chosen, among = first.get(key, (name, 0))
                first[key] = (chosen, among | 1 << index)
        return (Case(name, among) for name, among in first.values())
