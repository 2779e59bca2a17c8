"""Which members go, whether so many may (design: invariant 2 and "Prune guard"), and deleting them in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from reconciler.agent.backoff import Backoff
from reconciler.agent.desired import DesiredSet
from reconciler.agent.fleetsync import FleetSync
from reconciler.agent.installing import Installer
from reconciler.agent.members import Member
from reconciler.agent.records import RecordStore
from reconciler.agent.removing import Remover
from reconciler.agent.state import State
from reconciler.fleet.model import Assignment, Fleet
from reconciler.plan.guard import PROTECTED, held
from reconciler.plan.order import rank_of
from reconciler.render.model import SHARED

logger = logging.getLogger(__name__)

#: The name under which pruning stands in the work queue; no app can have it.
PRUNE = "_prune"


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


@dataclass(kw_only=True, slots=True)
class Pruner:
    """Deletes what the fleet no longer has. `mark` says that an app's report may be another."""

    sync: FleetSync
    installer: Installer
    remover: Remover
    records: RecordStore
    state: State
    mark: Callable[[Iterable[str]], None]
    _backoff: Backoff = field(default_factory=lambda: Backoff(first=1.0, longest=300.0))

    async def prune(self, assignment: Assignment) -> None:
        """Delete it, the other way round than applied; then record the smaller extent."""
        installer = self.installer
        await installer.watch_kinds()  # what a restart finds is known only once it has been seen
        members = going(installer.members, installer.desired, assignment)
        self.state.prune_held = guard(members, len(installer.members), assignment.fleet, self.sync)
        if self.state.prune_held:
            logger.warning("prune held: %s", self.state.prune_held)
            return
        self.state.protected = tuple(member.key for member in members if protected(member))
        members = [member for member in members if not protected(member)]
        waiting = False
        for wave in sorted({rank_of(member.key.group, member.key.kind) for member in members}, reverse=True):
            of_wave = [member for member in members if rank_of(member.key.group, member.key.kind) == wave]
            gone = await asyncio.gather(*(self.remover.remove(member) for member in of_wave))
            waiting = waiting or not all(gone)
        self.mark({member.owner for member in members})
        if waiting:
            installer.queue.add_later(PRUNE, self._backoff.next_delay(PRUNE))
            return
        self._backoff.forget(PRUNE)
        await installer.narrow()
        ended = self.records.apps() - assignment.units.keys() - installer.members.owners()
        await self.records.drop(ended)
