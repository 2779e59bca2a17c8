"""What would be done: desired and live objects compared, one step each, in the order in which they would be taken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.plan.adoption import NEVER, Terms, is_ours, refusal, writers
from reconciler.plan.diff import diff
from reconciler.plan.drift import (
    HEAL,
    RECONCILE_ANNOTATION,
    DriftPolicy,
    applied_digest,
    is_left_alone,
    marked,
    without_yielded,
)
from reconciler.plan.guard import PROTECTED
from reconciler.plan.membership import is_controlled, keeps_itself, set_of
from reconciler.plan.model import Action, ObjectKey, Step, key_of
from reconciler.plan.order import rank, removal_rank_of
from reconciler.plan.owned import is_applied_by

_APP = "spinfleet.dev/app"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What Git says of one object besides what it is to be: of taking it over (plan.adoption), and of its drift."""

    adoption: str = ""
    drift: DriftPolicy = HEAL


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
    wishes: Mapping[ObjectKey, Wish] | None = None,
    adoption: str = NEVER,
) -> Plan:
    """Compare prepared objects with the live ones (members, and whatever else stands under a desired identity).

    `withheld` are the owners whose members stay whatever the commit says. With `manager`, our field manager, fields that we own and
    do not desire any more count as changes, and an object none of whose fields we own is not pruned. `adoption` is the FleetSync's policy.
    """
    wanted = {key_of(obj): obj for obj in desired}
    applies = sorted(wanted.items(), key=lambda item: (rank(item[1]), item[0]))
    ours = _Ours(applyset=applyset, manager=manager, adoption=adoption)
    said = wishes or {}
    steps = [_apply_step(key, obj, live.get(key), ours, said.get(key, Wish())) for key, obj in applies]
    gone = [(key, obj) for key, obj in live.items() if key not in wanted and set_of(obj) == applyset]
    gone.sort(key=lambda item: (-removal_rank_of(item[0].group, item[0].kind), item[0]))
    steps += [_prune_step(key, obj, withheld, manager) for key, obj in gone]
    return Plan(steps=tuple(steps))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Ours:
    """Whose plan it is: its ApplySet, its field manager, and its policy of adoption."""

    applyset: str
    manager: str
    adoption: str


def _apply_step(
    key: ObjectKey, wanted: Mapping[str, Any], live: Mapping[str, Any] | None, ours: _Ours, wish: Wish
) -> Step:
    owner = _annotations(wanted).get(_APP, "")
    if is_left_alone(wanted) or (live is not None and is_left_alone(live)):
        reason = f"left alone: annotated {RECONCILE_ANNOTATION}: Disabled"
        return Step(action=Action.UNCHANGED, key=key, owner=owner, reason=reason)
    obj, _, digest = marked(wanted, wish.drift)
    obj = without_yielded(obj, live, ours.manager, wish.drift)
    changes = diff(live, obj, ours.manager)
    if live is None:
        return Step(action=Action.CREATE, key=key, owner=owner, reason="absent", object=obj, diff=changes)
    reason = "1 field differs" if len(changes) == 1 else f"{len(changes)} fields differ"
    if set_of(live) != ours.applyset and not is_ours(live, ours.manager, ours.applyset):
        terms = Terms(policy=ours.adoption, git=wish.adoption)
        if why := refusal(live, terms, manager=ours.manager, applyset=ours.applyset):
            return Step(action=Action.BLOCKED, key=key, owner=owner, reason=why, diff=changes)
        reason = f"exists already and would be taken over from {writers(live)}"
        return Step(action=Action.CONFIGURE, key=key, owner=owner, reason=reason, object=obj, diff=changes)
    if not changes:
        return Step(action=Action.UNCHANGED, key=key, owner=owner, reason="as desired", object=obj)
    if wish.drift.report and applied_digest(live) == digest:
        reason = f"{reason}, and drift is only reported (drift.mode: Report)"
        return Step(action=Action.BLOCKED, key=key, owner=owner, reason=reason, diff=changes)
    return Step(action=Action.CONFIGURE, key=key, owner=owner, reason=reason, object=obj, diff=changes)


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
