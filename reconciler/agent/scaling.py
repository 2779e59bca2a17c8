"""Which workloads have an autoscaler, whoever brings it: another Bundle than the workload's own counts as much."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from reconciler.agent.members import Members
from reconciler.plan.model import ObjectKey


@dataclass(kw_only=True, slots=True)
class Scaling:
    """The workloads whose number of pods an autoscaler sets, kept up owner by owner.

    Wanted autoscalers count, and live ones of an owner that `keeps` all it has since what it wants is not known (yet): a restart
    learns of one owner after another.
    """

    members: Members
    keeps: Callable[[str], bool]
    _by_owner: dict[str, frozenset[ObjectKey]] = field(default_factory=dict)
    _times: Counter[ObjectKey] = field(default_factory=Counter)

    def __contains__(self, workload: object) -> bool:
        if workload in self._times:
            return True
        live = self.members.scalers_of(workload) if isinstance(workload, ObjectKey) else ()
        return any(self.keeps(member.owner) for member in live)

    def put(self, owner: str, targets: frozenset[ObjectKey]) -> frozenset[ObjectKey]:
        """Take the workloads that an owner's wanted autoscalers target. Gives those that may have one now and had none, or the other way round."""
        before = self._by_owner.pop(owner, frozenset())
        if targets:
            self._by_owner[owner] = targets
        for workload in targets - before:
            self._times[workload] += 1
        for workload in before - targets:
            self._times[workload] -= 1
            if not self._times[workload]:
                del self._times[workload]
        # An owner's live autoscalers count no more once its wishes are known, and again when they are not.
        live = {member.scales for member in self.members.of(owner) if member.scales is not None}
        return (before ^ targets) | live
