"""Apps that change in the same way, told once: a new default touches thousands."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.check.change import ClusterChange, UnitChange
from reconciler.fleet.cache import canonical


@dataclass(frozen=True, slots=True)
class Folded:
    """Apps or bundles whose changes are equal but for their names; `first` stands for all."""

    names: tuple[str, ...]
    first: UnitChange


def folded(group: ClusterChange) -> tuple[Folded, ...]:
    """Give the changes of a group of clusters, those that are alike together, in the order of their first names."""
    together: dict[str, list[UnitChange]] = {}
    for unit in group.units:
        together.setdefault(_shape(unit), []).append(unit)
    return tuple(Folded(tuple(each.name for each in alike), alike[0]) for alike in together.values())


def _shape(unit: UnitChange) -> str:
    """Give a text that is equal for units that change alike: kinds and fields, and names of objects as far as they are not the unit's own."""
    objects = [
        [
            each.effect,
            each.key.group,
            each.key.kind,
            each.key.name.replace(unit.name, "\0"),
            each.was,
            each.to_json()["fields"],
        ]
        for each in unit.objects
    ]
    return canonical([unit.kind, unit.note, unit.rollout, objects])
