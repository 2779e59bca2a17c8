"""A cluster's assignment from commit to commit: only what a commit touches is placed, merged and held against the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from reconciler.fleet import affected
from reconciler.fleet.assign import Here, assign_here, here
from reconciler.fleet.brought import Bearing
from reconciler.fleet.model import AppAssignment, Assignment, BundleAssignment, Fleet, Unit, Withheld
from reconciler.fleet.reads import collectors_of
from reconciler.problems import has_errors
from reconciler.render.sharing import Claim, claims_of, clashes


@dataclass(slots=True)
class Assigning:
    """The assignment of the newest accepted commit, and the index that tells whose routes and accounts clash."""

    cluster: str
    assignment: Assignment | None = None
    place: Here | None = None
    _bearing: Bearing | None = None
    _placed: dict[str, Unit] = field(default_factory=dict)
    _claims: dict[str, Mapping[Claim, str]] = field(default_factory=dict)
    _claimants: dict[Claim, dict[str, str]] = field(default_factory=dict)

    def take(self, fleet: Fleet) -> frozenset[str]:
        """Take a commit's fleet. Gives the apps and bundles whose unit is another now, those that are not here any more included.

        Raises InputError where the fleet has no such cluster; the assignment is then the one before.
        """
        self._bearing = Bearing(fleet, self._bearing)
        place = here(fleet, self.cluster, self._bearing)
        before = self.assignment
        collectors = collectors_of(place.brought)
        touched = affected(before.fleet if before is not None else None, fleet, self.cluster, collectors)
        judged = set(touched)
        for name in touched:
            unit = assign_here(fleet, place, name)
            if unit is None:
                self._placed.pop(name, None)
            else:
                self._placed[name] = unit
            judged |= self._claim(name, unit)
        units = dict(before.units) if before is not None else {}
        for name in judged:
            if name in self._placed:
                units[name] = self._judged(name)
            else:
                units.pop(name, None)
        old = before.units if before is not None else {}
        if units.keys() != old.keys():
            units = dict(sorted(units.items()))
        self.place = place
        self.assignment = Assignment(cluster=place.cluster, commit=fleet.commit, fleet=fleet, units=units)
        # What is judged by the Fleet or the Cluster is judged anew even where the unit itself is the same.
        return frozenset(touched | {name for name in judged if old.get(name) != units.get(name)})

    def _claim(self, name: str, unit: Unit | None) -> set[str]:
        """Note what an app wants that only one can have; gives the others that may clash, or may have clashed, with it."""
        claims = claims_of(unit) if isinstance(unit, AppAssignment) else {}
        before = self._claims.pop(name, {})
        others: set[str] = set()
        for claim in before.keys() | claims.keys():
            wishes = self._claimants.setdefault(claim, {})
            clashing = len(set(wishes.values())) > 1
            wishes.pop(name, None)
            if claim in claims:
                wishes[name] = claims[claim]
            if clashing or len(set(wishes.values())) > 1:
                others |= wishes.keys()
            if not wishes:
                del self._claimants[claim]
        if claims:
            self._claims[name] = claims
        return others - {name}

    def _judged(self, name: str) -> Unit:
        """Give the unit, withheld where an app before it by name has what it wants."""
        unit = self._placed[name]
        wanted = [self._claimants[claim] for claim in self._claims.get(name, ())]
        firsts = {min(wishes) for wishes in wanted if len(set(wishes.values())) > 1} - {name}
        if not firsts or isinstance(unit, Withheld):
            return unit
        found = clashes(_units(self._placed, {*firsts, name})).get(name, ())
        if not has_errors(found):
            return unit
        return Withheld(name=name, path=unit.path, line=unit.line, problems=found)


def _units(placed: Mapping[str, Unit], names: Iterable[str]) -> list[AppAssignment | BundleAssignment]:
    return [unit for unit in (placed[name] for name in names) if not isinstance(unit, Withheld)]


def suspended_in_git(unit: Unit, fleet: Fleet) -> bool:
    """Tell whether Git suspends an app or bundle: an invalid document's own word counts too, since suspending is the careful choice."""
    if not isinstance(unit, Withheld):
        return unit.spec.get("suspend") is True
    definition = fleet.apps.get(unit.name) or fleet.bundles.get(unit.name)
    return definition is not None and definition.spec.get("suspend") is True
