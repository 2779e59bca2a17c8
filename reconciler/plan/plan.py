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
from reconciler.plan.model import Action, Foreseen, ObjectKey, Step, key_of
from reconciler.plan.order import rank, removal_rank_of
from reconciler.plan.owned import is_applied_by

_APP = "spinfleet.dev/app"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What Git says of one object besides what it is to be: of taking it over (plan.adoption), and of its drift.

    What is `shared` serves as it is where somebody else keeps it.
    """

    adoption: str = ""
    drift: DriftPolicy = HEAL
    shared: bool = False


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
    foreseen: Mapping[ObjectKey, Foreseen] | None = None,
    adoption: str = NEVER,
    prunes: bool = True,
) -> Plan:
    """Compare prepared objects with the live ones (members, and whatever else stands under a desired identity).

    `withheld` are the owners whose members stay whatever the commit says. With `manager`, our field manager, fields that we own and
    do not desire any more count as changes, and an object none of whose fields we own is not pruned. `adoption` and `prunes` are the
    FleetSync's policy. What an API server was asked about is in `foreseen` and goes by its word; the rest is compared here.
    """
    wanted = {key_of(obj): obj for obj in desired}
    applies = sorted(wanted.items(), key=lambda item: (rank(item[1]), item[0]))
    ours = _Ours(applyset=applyset, manager=manager, adoption=adoption)
    said, asked = wishes or {}, foreseen or {}
    steps = [_apply_step(key, obj, live.get(key), ours, said.get(key, Wish()), asked.get(key)) for key, obj in applies]
    gone = [(key, obj) for key, obj in live.items() if key not in wanted and set_of(obj) == applyset]
    gone.sort(key=lambda item: (-removal_rank_of(item[0].group, item[0].kind), item[0]))
    steps += [_prune_step(key, obj, withheld, manager, prunes=prunes) for key, obj in gone]
    return Plan(steps=tuple(steps))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Ours:
    """Whose plan it is: its ApplySet, its field manager, and its policy of adoption."""

    applyset: str
    manager: str
    adoption: str


def _apply_step(
    key: ObjectKey,
    wanted: Mapping[str, Any],
    live: Mapping[str, Any] | None,
    ours: _Ours,
    wish: Wish,
    answer: Foreseen | None,
) -> Step:
    owner = _annotations(wanted).get(_APP, "")
    if is_left_alone(wanted) or (live is not None and is_left_alone(live)):
        reason = f"left alone: annotated {RECONCILE_ANNOTATION}: Disabled"
        return Step(action=Action.UNCHANGED, key=key, owner=owner, reason=reason)
    obj, _, digest = marked(wanted, wish.drift)
    obj = without_yielded(obj, live, ours.manager, wish.drift)
    found = answer if answer is not None else Foreseen(changes=diff(live, obj, ours.manager))
    action, reason = _judged(live, ours, wish, found, digest)
    note = f"; {found.note}" if found.note and action in {Action.CREATE, Action.CONFIGURE} else ""
    sent = None if action in {Action.BLOCKED, Action.UNKNOWN} else obj
    changes = () if action is Action.UNCHANGED else found.changes
    return Step(action=action, key=key, owner=owner, reason=reason + note, object=sent, diff=changes)


def _judged(
    live: Mapping[str, Any] | None, ours: _Ours, wish: Wish, found: Foreseen, digest: bytes
) -> tuple[Action, str]:
    """Give what is to be done about a wanted object, and why: the first that applies."""
    foreign = live is not None and set_of(live) != ours.applyset and not is_ours(live, ours.manager, ours.applyset)
    if live is not None and foreign:
        terms = Terms(policy=ours.adoption, git=wish.adoption)
        if why := refusal(live, terms, manager=ours.manager, applyset=ours.applyset):
            if wish.shared:
                return Action.UNCHANGED, "somebody else keeps it, and it is used as it is"
            return Action.BLOCKED, why
    if found.unknown:
        return Action.UNKNOWN, found.unknown
    if found.refused:
        return Action.BLOCKED, found.refused
    if live is None:
        return Action.CREATE, "absent"
    if foreign:
        return Action.CONFIGURE, f"exists already and would be taken over from {writers(live)}"
    if not found.changes:
        return Action.UNCHANGED, "as desired"
    reason = "1 field differs" if len(found.changes) == 1 else f"{len(found.changes)} fields differ"
    if wish.drift.report and applied_digest(live) == digest:
        return Action.BLOCKED, f"{reason}, and drift is only reported (drift.mode: Report)"
    return Action.CONFIGURE, reason


def _prune_step(
    key: ObjectKey, obj: Mapping[str, Any], withheld: frozenset[str], manager: str, *, prunes: bool
) -> Step:
    owner = _annotations(obj).get(_APP, "")
    if owner in withheld:
        return Step(action=Action.UNCHANGED, key=key, owner=owner, reason=f"{owner} is withheld and keeps what it has")
    if is_controlled(obj):
        return Step(action=Action.UNCHANGED, key=key, owner=owner, reason="controlled by another object")
    if manager and not is_applied_by(obj, manager):
        return Step(action=Action.UNCHANGED, key=key, owner=owner, reason="none of its fields are ours")
    if keeps_itself(obj):
        return Step(action=Action.UNCHANGED, key=key, owner=owner, reason="its annotation spinfleet.dev/prune keeps it")
    if not prunes:
        reason = "not in the fleet any more, and the FleetSync does not prune (spec.prune: false)"
        return Step(action=Action.UNCHANGED, key=key, owner=owner, reason=reason)
    waits = ", and goes only by an approval" if (key.group, key.kind) in PROTECTED else ""
    return Step(action=Action.PRUNE, key=key, owner=owner, reason=f"not in the fleet any more{waits}")


def _annotations(obj: Mapping[str, Any]) -> Mapping[str, str]:
    return obj["metadata"].get("annotations") or {}
