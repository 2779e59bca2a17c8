"""One commit's fleet as the pull-request check looks at it: which clusters are alike for an app, and what it renders there."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from reconciler.fleet import Cases
from reconciler.fleet.assign import Here, assign_here
from reconciler.fleet.dependencies import dependencies
from reconciler.fleet.model import AppDefinition, BundleDefinition, Cluster, Fleet, Unit, Withheld
from reconciler.fleet.overrides import every_layer
from reconciler.fleet.placement import placement_of, selects
from reconciler.fleet.reads import may_read, reached_apps
from reconciler.fleet.variables import variables_of
from reconciler.plan.model import ObjectKey, key_of
from reconciler.problems import Problem, Severity, has_errors
from reconciler.render import render_unit

Definition = AppDefinition | BundleDefinition


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """An app or bundle on a cluster: its unit (None: not placed there) and its objects by key.

    `refused` is why nothing new of it gets there; empty where something does, or where it is not placed.
    """

    unit: Unit | None
    objects: Mapping[ObjectKey, Mapping[str, Any]]
    refused: str = ""
    suspended: bool = False

    @property
    def keeps(self) -> bool:
        """True where it is placed here and nothing new of it comes: what it has stays."""
        return self.unit is not None and (bool(self.refused) or self.suspended)


NOTHING = Made(unit=None, objects={})


class Side:
    """The fleet of base or of head."""

    def __init__(self, fleet: Fleet, broken: Collection[str] = ()) -> None:
        """Look at its clusters once. `broken` are those whose documents have errors."""
        self.fleet = fleet
        self._broken = frozenset(broken)
        self.cases = Cases(fleet)

    @cached_property
    def _marks(self) -> dict[str, int]:
        """Equal numbers where bundles bring the same Secrets and ConfigMaps."""
        return _numbered({name: sorted(self.cases.here(name).brought.inputs.items()) for name in self.cases.names})

    def follows(self, cluster: str) -> bool:
        """Tell whether the agent of a cluster takes this commit: its Cluster document is there and valid."""
        return cluster in self.fleet.clusters and cluster not in self._broken

    def definition(self, name: str) -> Definition | None:
        """Give the document of an app or bundle."""
        return self.fleet.apps.get(name) or self.fleet.bundles.get(name)

    def alike(self, name: str) -> dict[str, Any]:
        """Give, for each cluster that an app or bundle is placed on, a value that is equal where it renders the same but for variables."""
        definition = self.definition(name)
        if definition is None:
            return {}
        found: dict[str, Any] = {}
        needs = [placement_of(self.fleet, each) for each in dependencies(self.fleet, definition)]
        called = (
            [*reached_apps(self.fleet, definition, self.cases.collectors)]
            if isinstance(definition, AppDefinition)
            else []
        )
        needs += [placement_of(self.fleet, each) for each in called]
        reads = isinstance(definition, AppDefinition) and bool(may_read(self.fleet, definition))
        for case in self.cases.of(definition, needs):
            for cluster in self._names(case.clusters):
                more = (self._marks[cluster] if reads else 0, *self._called(called, cluster))
                found[cluster] = (case.cluster, more)
        return found

    def _names(self, mask: int) -> Iterator[str]:
        names = self.cases.names
        while mask:
            lowest = mask & -mask
            yield names[lowest.bit_length() - 1]
            mask ^= lowest

    def _called(self, called: list[AppDefinition], cluster: str) -> Iterator[Any]:
        """Give what tells on two clusters whether apps that are called are the same there: their own overrides, and variables if they use them."""
        here = self.fleet.clusters[cluster]
        for each in called:
            yield tuple(selects(rule.get("clusters") or {}, here) for rule in each.spec.get("overrides") or ())
            if uses_variables(self.fleet, each):
                yield tuple(sorted(variables_of(here).items()))

    def made(self, name: str, cluster: str, variables: Mapping[str, str] | None = None) -> Made:
        """Render an app or bundle on a cluster; with `variables`, as if the cluster had these values in place of its own."""
        if cluster not in self.fleet.clusters or self.definition(name) is None:
            return NOTHING
        here = self.cases.here(cluster)
        if variables is not None:
            here = Here(_with(here.cluster, variables), here.brought)
        unit = assign_here(self.fleet, here, name)
        if unit is None:
            return NOTHING
        definition = self.definition(name)
        suspended = (definition is not None and definition.spec.get("suspend") is True) or (
            not isinstance(unit, Withheld) and unit.spec.get("suspend") is True
        )
        if isinstance(unit, Withheld):
            return Made(unit=unit, objects={}, refused=_first(unit.problems), suspended=suspended)
        rendered = render_unit(unit, here.cluster)
        if has_errors(rendered.problems):
            return Made(unit=unit, objects={}, refused=_first(rendered.problems), suspended=suspended)
        return Made(unit=unit, objects={key_of(obj): obj for obj in rendered.objects}, suspended=suspended)


def uses_variables(fleet: Fleet, definition: Definition) -> bool:
    """Tell whether variables of clusters have a part in what is rendered of a document."""
    layers: Any = every_layer(definition, fleet if isinstance(definition, AppDefinition) else None)
    return "${" in str(layers)


def _with(cluster: Cluster, variables: Mapping[str, str]) -> Cluster:
    return replace(cluster, spec={**cluster.spec, "variables": variables})


def _first(problems: tuple[Problem, ...]) -> str:
    return next((each.message for each in problems if each.severity is Severity.ERROR), "not valid")


def _numbered(values: Mapping[str, Any]) -> dict[str, int]:
    """Give equal numbers to equal values."""
    known: dict[str, int] = {}
    return {name: known.setdefault(repr(value), len(known)) for name, value in values.items()}
