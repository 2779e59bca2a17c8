"""What becomes of objects, apps, bundles and clusters by a change: the parts of a ChangeReport."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from reconciler.plan.model import FieldChange, ObjectKey
from reconciler.problems import Problem, Severity


class Effect(StrEnum):
    """What becomes of an object. `moved`: it stays, and belongs to another app or bundle."""

    CREATED = "created"
    CONFIGURED = "configured"
    PRUNED = "pruned"
    MOVED = "moved"


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectChange:
    """What becomes of one object. `fields` are those of a configured or moved one: base's value and head's, secrets hidden.

    A configured object without fields is written for Spinfleet's own annotations alone. `was` is the owner that a moved one had.
    """

    effect: Effect
    key: ObjectKey
    fields: tuple[FieldChange, ...] = ()
    was: str = ""

    def to_json(self) -> dict[str, Any]:
        """Give the stable JSON form; `base` and `head` of a field are null where it is absent."""
        key = self.key
        return {
            "effect": str(self.effect),
            "object": {"group": key.group, "kind": key.kind, "namespace": key.namespace, "name": key.name},
            "was": self.was,
            "fields": [{"pointer": each.pointer, "base": each.live, "head": each.desired} for each in self.fields],
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class UnitChange:
    """What becomes of an app, a bundle or what is shared (`_shared`) on the clusters where that is the same.

    `note` says why nothing, or not everything, of it changes; empty where that needs no words. `rollout` names the Rollout that a
    new version goes through. `objects` are sorted by their keys.
    """

    name: str
    kind: str
    path: str = ""
    objects: tuple[ObjectChange, ...] = ()
    note: str = ""
    rollout: str = ""

    def count(self, effect: Effect) -> int:
        """How many objects have an effect."""
        return sum(1 for each in self.objects if each.effect is effect)

    def to_json(self) -> dict[str, Any]:
        """Give the stable JSON form."""
        return {
            "name": self.name,
            "kind": self.kind,
            "path": self.path,
            "note": self.note,
            "rollout": self.rollout,
            "objects": [each.to_json() for each in self.objects],
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Guard:
    """What the prune guard would say. `held` is why nothing is pruned, empty where it lets go; `protected` wait for an approval by name.

    `members` is None where it did not have to be counted.
    """

    going: int = 0
    members: int | None = None
    held: str = ""
    protected: tuple[ObjectKey, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Give the stable JSON form."""
        return {
            "going": self.going,
            "members": self.members,
            "held": self.held,
            "protected": [str(key) for key in self.protected],
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class ClusterChange:
    """What happens on clusters where the same happens. `note` says what is special about them: new, gone, suspended."""

    clusters: tuple[str, ...]
    units: tuple[UnitChange, ...]
    guard: Guard = Guard()
    note: str = ""

    def count(self, effect: Effect) -> int:
        """How many objects of each of the clusters have an effect."""
        return sum(each.count(effect) for each in self.units)

    def to_json(self) -> dict[str, Any]:
        """Give the stable JSON form."""
        return {
            "clusters": list(self.clusters),
            "note": self.note,
            "counts": {str(effect): self.count(effect) for effect in Effect},
            "guard": self.guard.to_json(),
            "units": [each.to_json() for each in self.units],
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """A stage of a rollout and the clusters of it that get a new version; none where it is passed over."""

    name: str
    clusters: tuple[str, ...]
    soak: str = ""
    approval: bool = False
    at_once: str = ""

    def to_json(self) -> dict[str, Any]:
        """Give the stable JSON form."""
        return {
            "name": self.name,
            "clusters": list(self.clusters),
            "soak": self.soak,
            "approval": self.approval,
            "maxConcurrency": self.at_once,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class StartedRollout:
    """A rollout that apps would start: its stages in order."""

    rollout: str
    apps: tuple[str, ...]
    stages: tuple[Stage, ...]

    def to_json(self) -> dict[str, Any]:
        """Give the stable JSON form."""
        return {
            "rollout": self.rollout,
            "apps": list(self.apps),
            "stages": [each.to_json() for each in self.stages],
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Problems:
    """Problems of head that base does not have, those of base that are gone, and those that both have (None: not looked for)."""

    new: tuple[Problem, ...] = ()
    fixed: tuple[Problem, ...] = ()
    existing: tuple[Problem, ...] | None = None

    @property
    def errors(self) -> int:
        """How many of the new ones refuse something."""
        return sum(1 for each in self.new if each.severity is Severity.ERROR)

    def to_json(self) -> dict[str, Any]:
        """Give the stable JSON form."""
        return {
            name: None if found is None else [each.to_json() for each in found]
            for name, found in (("new", self.new), ("fixed", self.fixed), ("existing", self.existing))
        }
