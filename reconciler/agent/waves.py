"""Deleting many members in order: wave by wave, each gone before the next goes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from reconciler.agent.members import Member
from reconciler.agent.removing import Removal, Remover
from reconciler.agent.unserved import unserved
from reconciler.plan.model import ObjectKey
from reconciler.plan.order import removal_rank_of


@dataclass(kw_only=True, slots=True)
class Waves:
    """Deletes members the other way round than they are applied.

    What a wave deletes must be gone before the next one, for at most `patience` seconds: an object that somebody's finalizer holds
    fast does not hold up the others for ever. What can't be deleted holds up nothing. `failed`: something could not, in the last round.
    """

    remover: Remover
    patience: float = 120.0
    failed: bool = False
    _begun: dict[ObjectKey, float] = field(default_factory=dict)
    _awaited: frozenset[ObjectKey] = frozenset()

    async def remove(self, members: Iterable[Member], halted: Callable[[], bool] = lambda: False) -> bool:
        """Go on with deleting these; tells whether all of them are gone. Where `halted` says so, no further wave is begun.

        Raises UnavailableError where it can't be told what is served.
        """
        waves: dict[int, list[Member]] = {}
        for member in members:
            waves.setdefault(removal_rank_of(member.key.group, member.key.kind), []).append(member)
        every = [member for wave in waves.values() for member in wave]
        kinds = await unserved(self.remover.workloads, ((member.key.group, member.key.kind) for member in every))
        self._begun = {member.key: since for member in every if (since := self._begun.get(member.key)) is not None}
        self._awaited, self.failed = frozenset(), False
        left = False
        for wave in sorted(waves, reverse=True):
            if halted():
                return False
            outcomes = await asyncio.gather(*(self.remover.remove(member, kinds) for member in waves[wave]))
            self.failed = self.failed or Removal.FAILED in outcomes
            left = left or any(outcome is not Removal.GONE for outcome in outcomes)
            if awaited := self._holding(
                member.key for member, outcome in zip(waves[wave], outcomes, strict=True) if outcome is Removal.BEGUN
            ):
                self._awaited = awaited
                return False
        return not left

    def over(self) -> bool:
        """Tell, once, that all that was waited for is gone: the next wave can go."""
        members = self.remover.members
        if not self._awaited or any(members.get(key) for key in self._awaited):
            return False
        self._awaited = frozenset()
        return True

    def _holding(self, keys: Iterable[ObjectKey]) -> frozenset[ObjectKey]:
        """Give those of the objects in deletion that are still to be waited for."""
        now = asyncio.get_running_loop().time()
        return frozenset(key for key in keys if now - self._begun.setdefault(key, now) < self.patience)
