"""What becomes of one app or bundle on every cluster, rendered once for clusters that are alike.

Clusters whose variables differ are alike as well: what their variables bring into a change is shown as it is written,
`${cluster.NAME}`. For that the app is rendered with a stand-in for each variable; where putting a cluster's values in the stand-ins'
place does not give what that cluster really renders (a name made of a hash, say), each cluster is rendered by itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from reconciler.check.change import Effect, ObjectChange, UnitChange
from reconciler.check.compare import compared
from reconciler.check.sides import Definition, Made, Side, uses_variables
from reconciler.fleet.model import AppDefinition, BundleAssignment, Withheld
from reconciler.fleet.variables import variables_of
from reconciler.plan.model import FieldChange, ObjectKey


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluated:
    """A change on the clusters where it is the same, and what it was found from."""

    clusters: tuple[str, ...]
    change: UnitChange
    base: Made
    head: Made

    @property
    def empty(self) -> bool:
        """True where nothing is to be told."""
        return not self.change.objects and not self.change.note


class Units:
    """Compares what two sides make of apps and bundles."""

    def __init__(self, base: Side, head: Side, only: Collection[str] = ()) -> None:
        """Compare these, on `only` some clusters where any are named; stand-ins are made from both commits, so that no text of either can hold one."""
        self._base, self._head = base, head
        every = sorted({*base.fleet.clusters, *head.fleet.clusters})
        self.names = tuple(each for each in every if not only or each in only)
        self._mark = hashlib.sha256(f"{base.fleet.commit} {head.fleet.commit}".encode()).hexdigest()[:12]
        names = {each for side in (base, head) for one in side.fleet.clusters.values() for each in variables_of(one)}
        self._stand_ins = {each: f"{self._mark}{number:04x}" for number, each in enumerate(sorted(names))}
        self._names = {mark: f"${{cluster.{each}}}" for each, mark in self._stand_ins.items()}

    def evaluate(self, name: str, clusters: Iterable[str]) -> Iterator[Evaluated]:
        """Give what becomes of an app or bundle on some clusters, as far as it is placed there in base or head."""
        base, head = self._base.alike(name), self._head.alike(name)
        groups: dict[Any, list[str]] = {}
        for cluster in clusters:
            if cluster in base or cluster in head:
                groups.setdefault((base.get(cluster), head.get(cluster)), []).append(cluster)
        for alike in groups.values():
            yield from self._group(name, alike)

    def _group(self, name: str, clusters: list[str]) -> Iterator[Evaluated]:
        first = self._real(name, clusters[0])
        if len(clusters) == 1 or not self._varies(name):
            yield replace(first, clusters=tuple(clusters))
            return
        steady = [each for each in clusters if self._same_variables(each)]
        alike = self._stood_in(name, steady, first) if clusters[0] in steady else None
        if alike is None:
            yield from (first if each == clusters[0] else self._real(name, each) for each in clusters)
            return
        yield from alike
        yield from (self._real(name, each) for each in clusters if each not in steady)

    def _varies(self, name: str) -> bool:
        sides = ((side.fleet, side.definition(name)) for side in (self._base, self._head))
        return any(definition is not None and uses_variables(fleet, definition) for fleet, definition in sides)

    def _same_variables(self, cluster: str) -> bool:
        """Tell whether a stand-in can be the same value in base and head."""
        found = [side.fleet.clusters.get(cluster) for side in (self._base, self._head)]
        base, head = found
        return base is None or head is None or variables_of(base) == variables_of(head)

    def _variables(self, cluster: str) -> Mapping[str, str]:
        here = self._head.fleet.clusters.get(cluster) or self._base.fleet.clusters[cluster]
        return variables_of(here)

    def _real(self, name: str, cluster: str) -> Evaluated:
        base, head = self._base.made(name, cluster), self._head.made(name, cluster)
        return Evaluated(clusters=(cluster,), change=self._change(name, base, head), base=base, head=head)

    def _stood_in(self, name: str, clusters: list[str], first: Evaluated) -> list[Evaluated] | None:
        """Compare with stand-ins; None where that is not what clusters really render."""
        variables = self._variables(clusters[0])
        stand_ins = {each: self._stand_ins[each] for each in variables}
        base = self._base.made(name, clusters[0], stand_ins)
        head = self._head.made(name, clusters[0], stand_ins)
        keys = {*base.objects, *head.objects}
        if any(self._mark in str(key) for key in keys) or any(self._mark in _namespace(made) for made in (base, head)):
            return None
        change = self._change(name, base, head)
        back = {mark: variables[each] for each, mark in stand_ins.items()}
        if _filled(change, back) != first.change:
            return None
        kinds: dict[tuple[tuple[int, int], ...], list[str]] = {}
        for cluster in clusters:
            values = {mark: self._variables(cluster).get(each, "") for each, mark in stand_ins.items()}
            kinds.setdefault(tuple(_equal_there(change, values, self._mark)), []).append(cluster)
        return [
            Evaluated(clusters=tuple(those), change=self.written(_without(change, gone)), base=base, head=head)
            for gone, those in kinds.items()
        ]

    def written(self, change: UnitChange) -> UnitChange:
        """Write variables in the place of stand-ins."""
        return _filled(change, self._names)

    def text(self, text: str) -> str:
        """Give a text with variables in the place of stand-ins."""
        return _text(text, self._names)

    def _change(self, name: str, base: Made, head: Made) -> UnitChange:
        definition = self._head.definition(name) or self._base.definition(name)
        assert definition is not None  # noqa: S101 - it is placed on one of the sides
        note = _note(base, head)
        objects: tuple[ObjectChange, ...] = ()
        if not head.keeps:
            objects = tuple(_objects(base.objects, head.objects))
        return UnitChange(
            name=name,
            kind=_kind(definition),
            path=definition.path,
            objects=objects,
            note=note,
            rollout=_rollout(base, head),
        )


def _kind(definition: Definition) -> str:
    return "App" if isinstance(definition, AppDefinition) else "Bundle"


def _note(base: Made, head: Made) -> str:
    if head.unit is not None and head.suspended:
        return "" if base.suspended else "suspended in Git: it is neither changed nor healed"
    if head.refused:
        return "" if head.refused == base.refused else f"not valid here: it keeps what it has ({head.refused})"
    if base.refused and head.unit is None:
        return "what it has is pruned; base is not valid here, so what that is can't be told"
    if base.refused:
        return "base is not valid here, so what runs is an older release: compared with nothing"
    if base.suspended:
        return "was suspended in base, so what runs may be older than base"
    return ""


def _rollout(base: Made, head: Made) -> str:
    unit = head.unit
    if unit is None or isinstance(unit, Withheld) or head.refused or head.suspended:
        return ""
    before = base.unit
    if before is not None and not isinstance(before, Withheld) and before.version == unit.version:
        return ""
    return str(unit.spec.get("rollout") or "")


def _namespace(made: Made) -> str:
    if made.unit is None or isinstance(made.unit, Withheld):
        return ""
    if isinstance(made.unit, BundleAssignment):
        return made.unit.namespace or ""
    return f"{made.unit.namespace} {made.unit.spec.get('serviceAccountName', '')}"


def _objects(
    base: Mapping[ObjectKey, Mapping[str, Any]], head: Mapping[ObjectKey, Mapping[str, Any]]
) -> Iterable[ObjectChange]:
    for key in sorted({*base, *head}):
        before, after = base.get(key), head.get(key)
        if before is None:
            yield ObjectChange(effect=Effect.CREATED, key=key)
        elif after is None:
            yield ObjectChange(effect=Effect.PRUNED, key=key)
        elif before != after:
            yield ObjectChange(effect=Effect.CONFIGURED, key=key, fields=compared(before, after))


def _filled(change: UnitChange, values: Mapping[str, str]) -> UnitChange:
    """Put values in the place of stand-ins."""
    return replace(
        change,
        note=_text(change.note, values),
        objects=tuple(
            each
            if not each.fields
            else replace(
                each,
                fields=tuple(
                    FieldChange(
                        _text(one.pointer, values), _value(one.live, values), _value(one.desired, values)
                    )
                    for one in each.fields
                ),
            )
            for each in change.objects
        ),
    )  # fmt: skip


def _text(text: str, values: Mapping[str, str]) -> str:
    for mark, value in values.items():
        text = text.replace(mark, value)
    return text


def _value(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _text(value, values)
    if isinstance(value, dict):
        return {_text(key, values): _value(below, values) for key, below in value.items()}
    if isinstance(value, list):
        return [_value(below, values) for below in value]
    return value


def _equal_there(change: UnitChange, values: Mapping[str, str], mark: str) -> Iterator[tuple[int, int]]:
    """Give the fields, by object and number, whose values a cluster's variables make the same."""
    for at, each in enumerate(change.objects):
        for number, one in enumerate(each.fields):
            if mark in f"{one.live}{one.desired}" and _value(one.live, values) == _value(one.desired, values):
                yield at, number


def _without(change: UnitChange, gone: tuple[tuple[int, int], ...]) -> UnitChange:
    if not gone:
        return change
    left = set(gone)
    kept = []
    for at, each in enumerate(change.objects):
        fields = tuple(one for number, one in enumerate(each.fields) if (at, number) not in left)
        # An object that only these fields changed is as it was; one that is written for our annotations stays.
        if fields or not each.fields:
            kept.append(replace(each, fields=fields))
    return replace(change, objects=tuple(kept))
