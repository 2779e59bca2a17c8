"""Which workloads have an autoscaler of the fleet, whoever brings it: another Bundle than the workload's own counts as much."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from reconciler.agent.members import Members
from reconciler.plan.model import ObjectKey


@dataclass(kw_only=True, slots=True)
class Scaling:
    """The workloads whose number of pods an autoscaler sets, kept up owner by owner.

    Wanted autoscalers count, and live ones of ours: a restart learns what is wanted of one owner after another, and an autoscaler that is
    wanted no more goes on scaling until it is pruned, which may be held.
    """

    members: Members
    _by_owner: dict[str, frozenset[ObjectKey]] = field(default_factory=dict)
    _times: Counter[ObjectKey] = field(default_factory=Counter)

    def __contains__(self, workload: object) -> bool:
        return workload in self._times or (isinstance(workload, ObjectKey) and self.members.has_scaler(workload))

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
        return before ^ targets
