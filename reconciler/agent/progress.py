"""How each app fares: its health is its objects', a release that takes too long has failed, a dependency is ready or says why not."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from reconciler.agent.desired import DesiredSet
from reconciler.agent.fleetsync import duration_seconds
from reconciler.agent.members import Members
from reconciler.agent.releases import Releases
from reconciler.agent.status import ObjectFailure
from reconciler.plan.health import worst
from reconciler.plan.model import Health, HealthResult, ObjectKey
from reconciler.rollout import Newest, Released

#: How long a release may take to become current where the app does not say (Kubernetes' own for a Deployment).
DEFAULT_DEADLINE = "10m"
_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(kw_only=True, slots=True)
class Progress:
    """Health by app. `late` is called, with an app's name, once a release that is not current yet has passed its deadline."""

    desired: DesiredSet
    members: Members
    releases: Releases
    failures: Callable[[], Mapping[ObjectKey, ObjectFailure]]
    late: Callable[[str, float], None]
    finished: set[str] = field(default_factory=set)
    _began: dict[str, float] = field(default_factory=dict)
    _announced: set[str] = field(default_factory=set)

    def start(self, name: str, release: Released, *, again: bool) -> None:
        """Begin to count for a release. `again`: it was released before this process began, at the time its record says."""
        self.forget(name)
        if not release.current:
            self._began[name] = time.monotonic() - (_age(release.at) if again else 0.0)

    def forget(self, name: str) -> None:
        """Stop counting for an app."""
        self._began.pop(name, None)
        self._announced.discard(name)
        self.finished.discard(name)

    def of(self, name: str) -> HealthResult:
        """Give an app's health."""
        health = self._of_objects(name)
        if name not in self._began:
            return health
        if health.health is Health.CURRENT and self._written(name):
            self.forget(name)
            self.finished.add(name)
        if health.health is not Health.PROGRESSING:
            return health
        allowed = self._deadline(name)
        left = self._began[name] + duration_seconds(allowed) - time.monotonic()
        if left <= 0:
            return HealthResult(
                Health.FAILED, f"not current within its progressDeadline of {allowed}: {health.message}"
            )
        if name not in self._announced:
            self._announced.add(name)
            self.late(name, left)
        return health

    def not_ready(self, name: str) -> str:
        """Say why a dependency is not ready; empty where it runs the newest version that it may and all its objects are current."""
        if name in self.releases.undecided or name in self.releases.unsettled:
            return "not decided yet"
        held = self.releases.held.get(name)
        if held is not None and name not in self.releases.released and held.state is not Newest.SUSPENDED:
            return f"held back: {held.state}"
        if held is not None and held.state not in {Newest.SUSPENDED, Newest.INCOMPLETE}:
            return f"its newest version is held back: {held.state}"
        health = self.of(name)
        if health.health is not Health.CURRENT:
            return f"{health.health}: {health.message}".rstrip(": ")
        return "" if self._written(name) else "progressing: not written yet"

    def _of_objects(self, name: str) -> HealthResult:
        if not self.desired.knows(name):
            known = self.members.of(name)
            if known:
                return worst({str(each.key): each.health for each in known})
            decided = name in self.releases.held
            return HealthResult(Health.UNKNOWN, "not released yet") if decided else _UNDECIDED
        wanted = [item for item in self.desired.of(name) if not item.left_alone]
        health = worst({str(item.key): self._of(item.key) for item in wanted})
        if health.health is Health.CURRENT and not self.failures().keys().isdisjoint(item.key for item in wanted):
            return HealthResult(Health.PROGRESSING, "some of its objects could not be written")
        return health

    def _of(self, key: ObjectKey) -> HealthResult:
        member = self.members.get(key)
        if member is None or member.gone:
            return HealthResult(Health.PROGRESSING, "not there yet")
        return member.health

    def _written(self, name: str) -> bool:
        """Tell whether every object is as the release wants it: health alone may still be that of the version before."""
        found = ((item, self.members.get(item.key)) for item in self.desired.of(name) if not item.left_alone)
        return all(member is not None and member.content == item.content for item, member in found)

    def _deadline(self, name: str) -> str:
        release = self.releases.released.get(name)
        return str((release.unit.spec.get("progressDeadline") if release is not None else None) or DEFAULT_DEADLINE)


_UNDECIDED = HealthResult(Health.PROGRESSING, "not decided yet")


def _age(at: str) -> float:
    """Give the seconds since a record's time; 0 where it lies ahead or says nothing."""
    try:
        since = dt.datetime.strptime(at, _TIME).replace(tzinfo=dt.UTC)
    except ValueError:
        return 0.0
    return max(0.0, (dt.datetime.now(dt.UTC) - since).total_seconds())
