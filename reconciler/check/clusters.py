"""What happens on each cluster, and which clusters are alike: those with equal changes are told once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.check.change import ClusterChange, Effect, Guard, ObjectChange, Stage, StartedRollout, UnitChange
from reconciler.check.compare import compared
from reconciler.check.shared_objects import Parts, Runnable, SharedObjects, parts_of
from reconciler.check.sides import Made, Side
from reconciler.check.units import Evaluated, Units
from reconciler.fleet.cache import canonical
from reconciler.fleet.model import Cluster, Fleet, Withheld
from reconciler.fleet.placement import selects
from reconciler.plan.guard import PROTECTED, held
from reconciler.plan.model import ObjectKey
from reconciler.render.model import SHARED

#: Fewer do not trip a guard that is a fraction (plan.guard), so the members of a cluster need not be counted.
_FEW = 10


class PartialError(Exception):
    """What is asked needs every app of the fleet, and the sides have only some."""


@dataclass(frozen=True, slots=True)
class _Part:
    """An evaluated unit with what it makes of shared objects in base and head."""

    found: Evaluated
    number: int
    before: Parts
    after: Parts

    @property
    def touched(self) -> frozenset[ObjectKey]:
        return frozenset(
            key for key in {*self.before, *self.after} if self.before.get(key) != self.after.get(key)
        )  # fmt: skip


@dataclass(slots=True)
class _Numbers:
    """Equal changes get equal numbers: clusters are compared by these."""

    _known: dict[str, int] = field(default_factory=dict)
    values: list[UnitChange] = field(default_factory=list)

    def of(self, change: UnitChange) -> int:
        text = canonical(change.to_json())
        if text not in self._known:
            self._known[text] = len(self.values)
            self.values.append(change)
        return self._known[text]


class ClusterChanges:
    """Puts together what becomes of the apps and bundles that may differ, on every cluster."""

    def __init__(
        self, base: Side, head: Side, affected: Callable[[str], frozenset[str]], *, whole: bool = True,
        only: Collection[str] = (),
    ) -> None:  # fmt: skip
        """`affected` gives what may differ on a cluster. `whole`: the sides have every app of the fleet. `only`: see Units."""
        self._whole = whole
        self._base, self._head = base, head
        self._units = Units(base, head, only)
        self._affected = {name: affected(name) for name in self._units.names}
        self._numbers = _Numbers()
        self._on: dict[str, list[_Part]] = {name: [] for name in self._units.names}
        self._members: dict[tuple[str, Any], int] = {}
        self._alike: dict[str, Mapping[str, Any]] = {}

    def look(self, go_on: Callable[[], bool]) -> tuple[str, ...]:
        """Compare everything that may differ; `go_on` is asked before each. Gives the names that were not looked at."""
        names = sorted(set[str]().union(*self._affected.values()))
        for at, name in enumerate(names):
            if not go_on():
                return tuple(names[at:])
            for found in self._units.evaluate(name, [each for each in self._on if name in self._affected[each]]):
                first = found.clusters[0]
                # What an app shares may differ although none of its own objects does.
                before = parts_of(found.base, self._base, first)
                after = before if found.head.keeps else parts_of(found.head, self._head, first)
                part = _Part(found, -1 if found.empty else self._numbers.of(found.change), before, after)
                if part.number >= 0 or part.touched:
                    for cluster in found.clusters:
                        self._on[cluster].append(part)
        return ()

    def groups(self) -> tuple[ClusterChange, ...]:
        """Give the clusters that change, equal ones together."""
        shared = SharedObjects(self._base, self._head, set[str]().union(*self._affected.values()))
        found: dict[Any, list[str]] = {}
        made: dict[Any, tuple[tuple[UnitChange, ...], Guard, str]] = {}
        for cluster in self._units.names:
            units, note = self._changes(cluster, shared), _note(self._base, self._head, cluster)
            if not self._head.follows(cluster):
                units = ()
            if not units and not note:
                continue
            guard = self._guard(cluster, units)
            key = (tuple(self._numbers.of(each) for each in units), canonical(guard.to_json()), note)
            found.setdefault(key, []).append(cluster)
            made[key] = (units, guard, note)
        return tuple(
            ClusterChange(clusters=tuple(clusters), units=made[key][0], guard=made[key][1], note=made[key][2])
            for key, clusters in found.items()
        )

    def evaluated(self) -> Iterator[Evaluated]:
        """Give every app and bundle that changes on clusters that follow head, with those where that is the same."""
        seen: set[int] = set()
        for parts in self._on.values():
            for part in parts:
                if id(part) not in seen:
                    seen.add(id(part))
                    here = tuple(name for name in part.found.clusters if self._head.follows(name))
                    if here:
                        yield replace(part.found, clusters=here)

    def written(self, text: str) -> str:
        """Write variables of clusters in the place of what stood for them."""
        return self._units.text(text)

    def _changes(self, cluster: str, shared: SharedObjects) -> tuple[UnitChange, ...]:
        parts = sorted(self._on[cluster], key=lambda part: part.found.change.name)
        changes = [part.found.change for part in parts if part.number >= 0]
        if any(each.effect is Effect.PRUNED for change in changes for each in change.objects):
            changes = [self._units.written(each) for each in _moved(changes, parts)]
        touched = frozenset(key for part in parts for key in part.touched)
        if touched:
            before = _running(parts, lambda part: part.found.base)
            after = _running(parts, lambda part: part.found.base if part.found.head.keeps else part.found.head)
            objects = tuple(shared.changes(cluster, before, after, touched))
            if objects:
                changes.append(UnitChange(name=SHARED, kind="Shared", objects=objects))
                changes = [self._units.written(each) for each in _moved(changes, parts)]
        return tuple(each for each in changes if each.objects or each.note)

    def _guard(self, cluster: str, units: Sequence[UnitChange]) -> Guard:
        going = [each.key for unit in units for each in unit.objects if each.effect is Effect.PRUNED]
        if not going:
            return Guard()
        protected = tuple(sorted(key for key in going if (key.group, key.kind) in PROTECTED))
        rules = self._head.fleet.spec.get("prune") or {}
        most, fraction = rules.get("maxObjects"), rules.get("maxFraction")
        members = None
        why = held(len(going), 0, max_objects=most, max_fraction=None)
        if not why and fraction is not None and len(going) >= _FEW:
            members = self._count(cluster)
            why = held(len(going), members, max_objects=None, max_fraction=fraction)
        return Guard(going=len(going), members=members, held=why, protected=protected)

    def _count(self, cluster: str) -> int:
        """Give how many objects of its own the apps and bundles of base have on a cluster."""
        if not self._whole:
            raise PartialError
        fleet, total = self._base.fleet, 0
        for name in (*fleet.apps, *fleet.bundles):
            if name not in self._alike:
                self._alike[name] = self._base.alike(name)
            if (alike := self._alike[name].get(cluster)) is None:
                continue
            if (name, alike) not in self._members:
                self._members[name, alike] = len(self._base.made(name, cluster).objects)
            total += self._members[name, alike]
        return total


def _running(parts: Iterable[_Part], side: Callable[[_Part], Made]) -> dict[str, Runnable]:
    found = {}
    for part in parts:
        made = side(part)
        if made.unit is not None and not isinstance(made.unit, Withheld) and not made.refused:
            found[part.found.change.name] = made.unit
    return found


def _moved(changes: list[UnitChange], parts: Sequence[_Part]) -> list[UnitChange]:
    """Say of an object that one owner loses and another gains that it moves."""
    gone = {each.key: unit.name for unit in changes for each in unit.objects if each.effect is Effect.PRUNED}
    new = {each.key: unit.name for unit in changes for each in unit.objects if each.effect is Effect.CREATED}
    moving = gone.keys() & new.keys()
    if not moving:
        return changes
    base = {key: obj for part in parts for key, obj in part.found.base.objects.items() if key in moving}
    head = {key: obj for part in parts for key, obj in part.found.head.objects.items() if key in moving}

    def told(each: ObjectChange) -> ObjectChange:
        if each.key not in moving or each.effect is not Effect.CREATED:
            return each
        fields = compared(base[each.key], head[each.key]) if each.key in base and each.key in head else ()
        return ObjectChange(effect=Effect.MOVED, key=each.key, was=gone[each.key], fields=fields)

    return [
        replace(
            unit,
            objects=tuple(
                told(each) for each in unit.objects if each.effect is not Effect.PRUNED or each.key not in moving
            ),
        )
        for unit in changes
    ]  # fmt: skip


def _note(base: Side, head: Side, cluster: str) -> str:
    if cluster not in head.fleet.clusters:
        return "its Cluster document is gone: its agent stays at the last commit that has it, and prunes nothing"
    if not head.follows(cluster):
        return "its Cluster document is not valid: its agent stays at the last commit where it is"
    if cluster not in base.fleet.clusters:
        return "new: what is told is what its agent will create"
    if not base.follows(cluster):
        return "its Cluster document was not valid in base, so what runs is older than base"
    before, after = (each.fleet.clusters[cluster].spec.get("suspend") for each in (base, head))
    if after and not before:
        return "suspended from now on: nothing of this happens before it is resumed"
    if after:
        return "suspended: nothing of this happens before it is resumed"
    return "resumed" if before else ""


def started_rollouts(fleet: Fleet, groups: Iterable[ClusterChange]) -> tuple[StartedRollout, ...]:
    """Give the rollouts that start, and the clusters of each stage that get a new version."""
    clusters: dict[tuple[str, str], set[str]] = {}
    for group in groups:
        for unit in group.units:
            if unit.rollout:
                clusters.setdefault((unit.rollout, unit.name), set()).update(group.clusters)
    together: dict[tuple[str, frozenset[str]], list[str]] = {}
    for (rollout, name), those in sorted(clusters.items()):
        together.setdefault((rollout, frozenset(those)), []).append(name)
    found = []
    for (rollout, reached), apps in together.items():
        definition = fleet.rollouts.get(rollout)
        if definition is not None:
            here = [fleet.clusters[name] for name in sorted(reached) if name in fleet.clusters]
            stages = tuple(_stage(each, here) for each in definition.spec.get("stages") or ())
            found.append(StartedRollout(rollout=rollout, apps=tuple(apps), stages=stages))
    return tuple(found)


def _stage(stage: Mapping[str, Any], clusters: Iterable[Cluster]) -> Stage:
    return Stage(
        name=str(stage["name"]),
        clusters=tuple(each.name for each in clusters if selects(stage["clusters"], each)),
        soak=str(stage.get("soak") or ""),
        approval=stage.get("approval") is True,
        at_once=str(stage.get("maxConcurrency") or ""),
    )
