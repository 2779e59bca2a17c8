"""The values of planning: which object, what is wanted, what is there, what is to be done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple


class ObjectKey(NamedTuple):
    """Identity of an object across versions. `group` is empty for the core group, `namespace` for cluster scope."""

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        kind = f"{self.kind}.{self.group}" if self.group else self.kind
        return f"{kind} {self.namespace}/{self.name}" if self.namespace else f"{kind} {self.name}"


def key_of(obj: Mapping[str, Any]) -> ObjectKey:
    """Give the identity of a Kubernetes object with apiVersion, kind and metadata.name."""
    group, _, _ = obj["apiVersion"].rpartition("/")
    metadata = obj["metadata"]
    return ObjectKey(group, obj["kind"], metadata.get("namespace") or "", metadata["name"])


class Action(StrEnum):
    """What one step of a plan does."""

    CREATE = "create"
    CONFIGURE = "configure"
    UNCHANGED = "unchanged"
    PRUNE = "prune"
    BLOCKED = "blocked"
    #: What would be done could not be found out.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that differs: JSON Pointer, live value, wanted value (None: absent). Secret values are masked.

    `set_by` are the field managers other than ours that have it in the live object, where that was looked at.
    """

    pointer: str
    live: Any
    desired: Any
    set_by: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Foreseen:
    """What an API server says that an apply would do: the fields it would change, or that it would not take it, or why that is not known.

    `note` says what else is to be known of it.
    """

    changes: tuple[FieldChange, ...] = ()
    refused: str = ""
    unknown: str = ""
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One object's step. `reason` says why; `object` is what would be applied, None for a prune or a block."""

    action: Action
    key: ObjectKey
    owner: str
    reason: str
    object: Mapping[str, Any] | None = None
    diff: tuple[FieldChange, ...] = ()


class Health(StrEnum):
    """Health in kstatus' terms."""

    CURRENT = "current"
    PROGRESSING = "progressing"
    FAILED = "failed"
    TERMINATING = "terminating"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class HealthResult:
    """The health of an object or app and, where it is not current, why."""

    health: Health
    message: str = ""
