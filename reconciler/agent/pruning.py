"""Which members go, whether so many may (design: invariant 2 and "Prune guard"), and deleting them in order."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from reconciler.agent.backoff import Backoff
from reconciler.agent.desired import DesiredSet
from reconciler.agent.fleetsync import FleetSync
from reconciler.agent.installing import Installer
from reconciler.agent.members import Member
from reconciler.agent.news import News, Newsroom
from reconciler.agent.prune_report import approve_command
from reconciler.agent.records import RecordStore
from reconciler.agent.state import State
from reconciler.agent.waves import Waves
from reconciler.fleet.model import Assignment, Fleet
from reconciler.plan.guard import APPROVAL_ANNOTATION, PROTECTED, Waiting, approved, held, waiting, with_used
from reconciler.plan.model import Health, ObjectKey
from reconciler.render.model import SHARED

logger = logging.getLogger(__name__)

#: The name under which pruning stands in the work queue; no app can have it.
PRUNE = "_prune"
#: Why an object waits that is neither one of too many nor to be deleted by a commit alone.
PROTECTED_REASON = "what it holds would go with it, so it goes only by an approval that names it"


def surplus(members: Iterable[Member], desired: DesiredSet, assignment: Assignment) -> list[Member]:
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


def guard(going_members: Collection[Member], total: int, fleet: Fleet, sync: FleetSync) -> str:
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


def waits(fresh: Collection[Member], total: int, fleet: Fleet, sync: FleetSync) -> tuple[Waiting, ...]:
    """Give what of the members that are to go needs an approval first: all that can go, where it is too much; and what is protected."""
    free = [member.key for member in fresh if not protected(member)]
    found = []
    if reason := guard([member for member in fresh if not protected(member)], total, fleet, sync):
        found.append(waiting(free, reason, guarded=True))
    if kept := [member.key for member in fresh if protected(member)]:
        found.append(waiting(kept, PROTECTED_REASON, guarded=False))
    return tuple(found)


@dataclass(kw_only=True, slots=True)
class Pruner:
    """Deletes what the fleet no longer has. `mark` says that an app's report may be another.

    What was let go once stays so until it is gone or wanted again: neither the guard nor an approval is asked twice for it.
    """

    sync: FleetSync
    installer: Installer
    waves: Waves
    records: RecordStore
    state: State
    mark: Callable[[Iterable[str]], None]
    newsroom: Newsroom = field(default_factory=Newsroom)
    _backoff: Backoff = field(default_factory=lambda: Backoff(first=1.0, longest=300.0))
    _let_go: set[tuple[ObjectKey, str]] = field(default_factory=set)

    async def prune(self, assignment: Assignment) -> None:
        """Delete it, the other way round than applied; then record the smaller extent.

        Nothing is decided while a release is being made wanted: what it wants is not known in full, and this is asked for again
        once it is.
        """
        installer = self.installer
        if self.waves.failed:
            await installer.look_again()
        await installer.watch_kinds()  # what a restart finds is known only once it has been seen
        if self.state.releasing:
            return
        members = await self._allowed(assignment)
        self._forget_failures()
        done = await self.waves.remove(members, halted=lambda: self.state.releasing)
        self.noticed()
        # The numbers of pods that deleted autoscalers have set are Git's again.
        installer.queue.add(*installer.rescale())
        self.mark({member.owner for member in members})
        if not done:
            installer.queue.add_later(PRUNE, self._backoff.next_delay(PRUNE))
            return
        if await installer.narrow():
            self._backoff.forget(PRUNE)
        else:  # a kind that can't be seen now may be seen, or be gone, later
            installer.queue.add_later(PRUNE, self._backoff.next_delay(PRUNE))
        ended = self.records.apps() - assignment.units.keys() - installer.members.owners()
        await self.records.drop(ended)

    def noticed(self) -> None:
        """Take word that something changed: once all that was waited for is gone, the next wave can go."""
        if self.waves.over():
            self.installer.queue.add(PRUNE)

    async def _allowed(self, assignment: Assignment) -> list[Member]:
        """Give the members that may be deleted now, and say which wait for an approval."""
        members, state = self.installer.members, self.state
        unwanted = self.installer.desired.unwanted(members)
        for member in unwanted:
            if member.gone:  # it went by other hands while it was still wanted
                members.drop(member.key)
        found = surplus(unwanted, self.installer.desired, assignment)
        state.kept = tuple(member.key for member in found if member.kept)
        found = [member for member in found if not member.kept]
        self._let_go &= {(member.key, member.uid) for member in found}
        # What somebody else has deleted already is nobody's decision any more.
        self._let_go |= {(member.key, member.uid) for member in found if member.health.health is Health.TERMINATING}
        fresh = [member for member in found if (member.key, member.uid) not in self._let_go]
        lists = waits(fresh, len(members), assignment.fleet, self.sync)
        if state.annotations.get(APPROVAL_ANNOTATION):
            keys = await self._approved(lists)
            self._let_go |= {(member.key, member.uid) for member in fresh if member.key in keys}
            fresh = [member for member in fresh if member.key not in keys]
            lists = waits(fresh, len(members), assignment.fleet, self.sync)
        held_back = {key for each in lists for key in each.keys}
        self._let_go |= {(member.key, member.uid) for member in fresh if member.key not in held_back}
        for each in lists:
            if each.guarded and each.digest not in {known.digest for known in state.waiting}:
                logger.warning("prune held: %s", each.reason)
                note = f"{each.reason}: {approve_command(each.digest, self.sync.namespace, self.sync.name)}"
                self.newsroom.add(News(sort="Warning", reason="PruneHeld", note=note, action="Prune"))
        state.waiting = lists
        return [member for member in found if member.key not in held_back]

    async def _approved(self, lists: tuple[Waiting, ...]) -> frozenset[ObjectKey]:
        """Give what is approved, once the approvals are taken off the FleetSync: each counts once, whatever happens afterwards."""
        given = self.state.annotations
        text = given[APPROVAL_ANNOTATION]
        keys = approved(lists, given)
        if not await self.installer.parent.use_approvals(text):
            return frozenset()
        changed = {**given, **with_used(given)}
        self.state.annotations = {name: value for name, value in changed.items() if value is not None}
        self.state.unused_approval = "" if keys else text
        if keys:
            note = f"the deletion of {len(keys)} objects is approved"
            self.newsroom.add(News(sort="Normal", reason="PruneApproved", note=note, action="Prune"))
        return keys

    def _forget_failures(self) -> None:
        """Let go of failures about objects that are gone by other hands: nobody tries again to delete them."""
        failures, installer = self.waves.remover.attempts.failures, self.installer
        for key in tuple(failures):
            if key not in installer.desired and installer.members.get(key) is None:
                del failures[key]
