"""Which members go, and whether so many may (design: invariant 2 and "Prune guard"). Pure."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.agent.desired import DesiredSet
from reconciler.agent.fleetsync import FleetSync
from reconciler.agent.members import Member
from reconciler.fleet.model import Assignment, Fleet
from reconciler.plan.guard import PROTECTED, held
from reconciler.render.model import SHARED


def going(members: Iterable[Member], desired: DesiredSet, assignment: Assignment) -> list[Member]:
    """Give the members that the fleet no longer has.

    Its app is absent from the commit or not placed here; or was rendered, newest or last release, without it. An app of which
    neither is known keeps all it has, and so does what is shared while any such app is there.
    """
    unknown = {name for name in assignment.units if not desired.knows(name)}
    found = []
    for member in desired.unwanted(members):
        if not member.prunable or member.gone:
            continue
        if member.owner == SHARED:
            if not unknown and desired.knows(SHARED):
                found.append(member)
        elif member.owner not in assignment.units or desired.knows(member.owner):
            found.append(member)
    return found


def protected(member: Member) -> bool:
    """Tell whether a member is of a kind that is never pruned by itself: what it holds would go with it."""
    return (member.key.group, member.key.kind) in PROTECTED


def guard(going_members: list[Member], total: int, fleet: Fleet, sync: FleetSync) -> str:
    """Say why a prune is held, by the stricter of the Fleet's and the FleetSync's numbers; empty where it may go on."""
    rules = fleet.spec.get("prune") or {}
    return held(
        len(going_members),
        total,
        max_objects=_lower(rules.get("maxObjects"), sync.policy.prune_max_objects),
        max_fraction=_lower(rules.get("maxFraction"), sync.policy.prune_max_fraction),
    )


def _lower(first: float | None, second: float | None) -> float | None:
    return min((value for value in (first, second) if value is not None), default=None)
