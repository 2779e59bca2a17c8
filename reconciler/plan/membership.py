"""Which objects belong to a FleetSync: an ApplySet (KEP-3659), with the FleetSync as its parent.

Source: the label and annotation reference of kubernetes.io and kubectl's apply package.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.errors import InputError
from reconciler.plan.drift import is_left_alone
from reconciler.plan.model import ObjectKey

ID_LABEL = "applyset.kubernetes.io/id"
PART_OF_LABEL = "applyset.kubernetes.io/part-of"
TOOLING_ANNOTATION = "applyset.kubernetes.io/tooling"
GROUP_KINDS_ANNOTATION = "applyset.kubernetes.io/contains-group-kinds"
NAMESPACES_ANNOTATION = "applyset.kubernetes.io/additional-namespaces"
#: On an object: `Disabled` has it kept whatever the fleet says, until the annotation is taken away.
PRUNE_ANNOTATION = "spinfleet.dev/prune"
_TOOL = "spinfleet"


def applyset_id(name: str, namespace: str, kind: str, group: str) -> str:
    """Give the ApplySet id of a parent: `applyset-<base64url of sha256, unpadded>-v1`."""
    digest = hashlib.sha256(f"{name}.{namespace}.{kind}.{group}".encode()).digest()
    return f"applyset-{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}-v1"


def field_manager(name: str, namespace: str, kind: str, group: str) -> str:
    """Give the field manager of a parent's agent: one of its own, so that two FleetSyncs conflict visibly."""
    digest = hashlib.sha256(f"{name}.{namespace}.{kind}.{group}".encode()).hexdigest()
    return f"spinfleet-{digest[:16]}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Extent:
    """Where members may be: `Kind.group` names (core kinds have no group) and namespaces other than the parent's own."""

    group_kinds: frozenset[str] = frozenset()
    namespaces: frozenset[str] = frozenset()

    def __or__(self, other: Extent) -> Extent:
        return Extent(group_kinds=self.group_kinds | other.group_kinds, namespaces=self.namespaces | other.namespaces)

    def covers(self, other: Extent) -> bool:
        """Tell whether every place of the other is in this one."""
        return self.group_kinds >= other.group_kinds and self.namespaces >= other.namespaces


def extent_of(keys: Iterable[ObjectKey], parent_namespace: str) -> Extent:
    """Give the smallest extent that has all these objects."""
    kinds: set[str] = set()
    namespaces: set[str] = set()
    for key in keys:
        kinds.add(f"{key.kind}.{key.group}" if key.group else key.kind)
        if key.namespace and key.namespace != parent_namespace:
            namespaces.add(key.namespace)
    return Extent(group_kinds=frozenset(kinds), namespaces=frozenset(namespaces))


@dataclass(slots=True)
class Places:
    """Counts objects by kind and namespace as they come and go, so that their extent is known without looking at each."""

    _kinds: Counter[tuple[str, str]] = field(default_factory=Counter)
    _namespaces: Counter[str] = field(default_factory=Counter)

    def add(self, key: ObjectKey) -> None:
        """Count an object."""
        self._kinds[key.group, key.kind] += 1
        self._namespaces[key.namespace] += 1

    def remove(self, key: ObjectKey) -> None:
        """Count one less."""
        for counter, name in ((self._kinds, (key.group, key.kind)), (self._namespaces, key.namespace)):
            counter[name] -= 1  # type: ignore[index] # each name goes with its counter
            if not counter[name]:  # type: ignore[index]
                del counter[name]

    def extent(self, parent_namespace: str) -> Extent:
        """Give the smallest extent that has all objects counted."""
        one_of_each = (ObjectKey(group, kind, "", "") for group, kind in self._kinds)
        namespaces = frozenset(name for name in self._namespaces if name and name != parent_namespace)
        return Extent(group_kinds=extent_of(one_of_each, parent_namespace).group_kinds, namespaces=namespaces)


def recorded_extent(annotations: Mapping[str, str]) -> Extent:
    """Read the extent from a parent's annotations.

    Raises InputError where another tool's set stands there: it must not be changed.
    """
    tooling = annotations.get(TOOLING_ANNOTATION, "")
    if tooling and tooling.partition("/")[0] != _TOOL:
        raise InputError(
            f"the FleetSync carries an ApplySet of {tooling}",
            hint=f"remove the annotation {TOOLING_ANNOTATION} if nothing else uses it",
        )
    return Extent(
        group_kinds=_set(annotations.get(GROUP_KINDS_ANNOTATION, "")),
        namespaces=_set(annotations.get(NAMESPACES_ANNOTATION, "")),
    )


def annotations_of(extent: Extent, version: str) -> dict[str, str]:
    """Give the annotations that record an extent on the parent."""
    return {
        TOOLING_ANNOTATION: f"{_TOOL}/v{version}",
        GROUP_KINDS_ANNOTATION: ",".join(sorted(extent.group_kinds)),
        NAMESPACES_ANNOTATION: ",".join(sorted(extent.namespaces)),
    }


def group_kind(text: str) -> tuple[str, str]:
    """Split `Kind.group` into (group, kind)."""
    kind, _, group = text.partition(".")
    return group, kind


def set_of(obj: Mapping[str, Any]) -> str:
    """Give the id of the ApplySet that a live object is in; empty where it is in none."""
    return str((obj["metadata"].get("labels") or {}).get(PART_OF_LABEL, ""))


def is_controlled(obj: Mapping[str, Any]) -> bool:
    """Tell whether a live object belongs to another one, which made it and with which it goes."""
    return any(reference.get("controller") for reference in obj["metadata"].get("ownerReferences") or ())


def keeps_itself(obj: Mapping[str, Any]) -> bool:
    """Tell whether a live object's own annotation says that it is not to be pruned, or not to be touched at all."""
    return (obj["metadata"].get("annotations") or {}).get(PRUNE_ANNOTATION) == "Disabled" or is_left_alone(obj)


def _set(text: str) -> frozenset[str]:
    return frozenset(part for part in text.split(",") if part)
