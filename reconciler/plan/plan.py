"""What would be done: desired and live objects compared, one step each, in the order in which they would be taken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.plan.diff import diff
from reconciler.plan.guard import PROTECTED
from reconciler.plan.membership import is_controlled, keeps_itself, set_of
from reconciler.plan.model import Action, ObjectKey, Step, key_of
from reconciler.plan.order import rank, removal_rank_of
from reconciler.plan.owned import is_applied_by

_APP = "spinfleet.dev/app"


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """Steps in order: applies by wave, then prunes the other way round."""

    steps: tuple[Step, ...]

    @property
    def changes(self) -> tuple[Step, ...]:
        """The steps that are not `unchanged`."""
        return tuple(step for step in self.steps if step.action is not Action.UNCHANGED)


def plan(
    desired: Iterable[Mapping[str, Any]],
    live: Mapping[ObjectKey, Mapping[str, Any]],
    *,
    applyset: str,
    withheld: frozenset[str] = frozenset(),
    manager: str = "",
) -> Plan:
    """Compare prepared objects with the live ones (members, and whatever else stands under a desired identity).

    `withheld` are the owners whose members stay whatever the commit says. With `manager`, our field manager, fields that we own and
    do not desire any more count as changes, and an object none of whose fields we own is not pruned.
    """
    wanted = {key_of(obj): obj for obj in desired}
    applies = sorted(wanted.items(), key=lambda item: (rank(item[1]), item[0]))
    steps = [_apply_step(key, obj, live.get(key), applyset, manager) for key, obj in applies]
    gone = [(key, obj) for key, obj in live.items() if key not in wanted and set_of(obj) == applyset]
    gone.sort(key=lambda item: (-removal_rank_of(item[0].group, item[0].kind), item[0]))
    steps += [_prune_step(key, obj, withheld, manager) for key, obj in gone]
    return Plan(steps=tuple(steps))


def _apply_step(
    key: ObjectKey, obj: Mapping[str, Any], live: Mapping[str, Any] | None, applyset: str, manager: str
) -> Step:
    owner = _annotations(obj).get(_APP, "")
    changes = diff(live, obj, manager)
    if live is None:
        return Step(action=Action.CREATE, key=key, owner=owner, reason="absent", object=obj, diff=changes)
    if set_of(live) != applyset:
        reason = "exists and does not belong to this FleetSync"
        return Step(action=Action.BLOCKED, key=key, owner=owner, reason=reason, diff=changes)
    if changes:
        return Step(
            action=Action.CONFIGURE,
            key=key,
            owner=owner,
            reason="1 field differs" if len(changes) == 1 else f"{len(changes)} fields differ",
            object=obj,
            diff=changes,
        )
    return Step(action=Action.UNCHANGED, key=key, owner=owner, reason="as desired", object=obj)


def _prune_step(key: ObjectKey, obj: Mapping[str, Any], withheld: frozenset[str], manager: str) -> Step:
    owner = _annotations(obj).get(_APP, "")
    if owner in withheld:
        return Step(action=Action.UNCHANGED, key=key, owner=owner, reason=f"{owner} is withheld and keeps what it has")
    if is_controlled(obj):
        return Step(action=Action.UNCHANGED, key=key, owner=owner, reason="controlled by another object")
    if manager and not is_applied_by(obj, manager):
        return Step(action=Action.UNCHANGED, key=key, owner=owner, reason="none of its fields are ours")
    if keeps_itself(obj):
        return Step(action=Action.UNCHANGED, key=key, owner=owner, reason="its annotation spinfleet.dev/prune keeps it")
    waits = ", and goes only by an approval" if (key.group, key.kind) in PROTECTED else ""
    return Step(action=Action.PRUNE, key=key, owner=owner, reason=f"not in the fleet any more{waits}")


def _annotations(obj: Mapping[str, Any]) -> Mapping[str, str]:
    return obj["metadata"].get("annotations") or {}
