"""Two writers of one field: after a few rounds we stop, say who the other is, and try again only now and then.

An applier that takes a field from us means to have it: twice in ten minutes is a fight (design: "Field manager"). So does an autoscaler,
which comes back every few seconds and has pods started and stopped each time. Any other writer that undoes what we heal, a controller
say, is given more rounds: it may be one change made in steps.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from reconciler.agent.news import News, Newsroom
from reconciler.plan.drift import SCALE
from reconciler.plan.model import ObjectKey

_APPLY = "Apply"
#: `kubectl scale` comes under this name: a person's change, which is put back as any other.
_KUBECTL = "kubectl"
#: How often a field is lost until it is a fight, and within how many seconds: to one that means to have it, and to any other.
_ROUNDS_OF_OWNERS, _ROUNDS = 2, 10
_WITHIN = 600.0
_FIRST_PAUSE, _LONGEST_PAUSE = 600.0, 3600.0
_TOLD_FIELDS = 3
#: From so many contests on those long past are forgotten.
_MOST_REMEMBERED = 256


@dataclass(kw_only=True, slots=True)
class _Contest:
    """One object's: when fields were lost, by whom last, and until when nothing is written. `pause` is the next one's length."""

    times: list[float] = field(default_factory=list)
    manager: str = ""
    autoscaler: bool = False
    fields: tuple[str, ...] = ()
    content: bytes | None = None
    until: float = 0.0
    pause: float = _FIRST_PAUSE


@dataclass(kw_only=True, slots=True)
class Contests:
    """Which objects are fought over. Forgotten by a restart: a fight that goes on is seen again."""

    newsroom: Newsroom = field(default_factory=Newsroom)
    clock: Callable[[], float] = time.monotonic
    _contests: dict[ObjectKey, _Contest] = field(default_factory=dict)

    def lost(self, key: ObjectKey, taken: Mapping[tuple[str, str], tuple[str, ...]], content: bytes | None) -> None:
        """Take word of fields that others have taken, by manager and operation (plan.drift.lost); none ends the contest.

        `content` is the digest of what we want of the object.
        """
        if not taken:
            self._contests.pop(key, None)
            return
        (manager, operation), fields = min(taken.items(), key=lambda item: (item[0][1] != _APPLY, item[0]))
        now = self.clock()
        if key not in self._contests and len(self._contests) >= _MOST_REMEMBERED:
            self._forget_past(now)
        contest = self._contests.setdefault(key, _Contest())
        if now < contest.until:
            return
        contest.times = [*(at for at in contest.times if now - at < _WITHIN), now]
        contest.manager, contest.fields, contest.content = manager, fields, content
        contest.autoscaler = operation == SCALE and not manager.startswith(_KUBECTL)
        if len(contest.times) >= (_ROUNDS_OF_OWNERS if operation == _APPLY or contest.autoscaler else _ROUNDS):
            self._stop(key, contest, now)

    def _forget_past(self, now: float) -> None:
        past = [key for key, each in self._contests.items() if max(each.until, each.times[-1]) + _LONGEST_PAUSE < now]
        for key in past:
            del self._contests[key]

    def on(self, key: ObjectKey) -> bool:
        """Tell whether an object is fought over now: then every event of it is looked at, to see when the other lets go."""
        contest = self._contests.get(key)
        return contest is not None and self.clock() < contest.until

    def _stop(self, key: ObjectKey, contest: _Contest, now: float) -> None:
        contest.until, contest.pause = now + contest.pause, min(contest.pause * 2, _LONGEST_PAUSE)
        note = f"{key}: {_reason(contest, key)}"
        self.newsroom.add(News(sort="Warning", reason="Contested", note=note, action="Apply"))

    def stopped(self, key: ObjectKey, content: bytes) -> str:
        """Say why an object is not written now; empty where it may be. Another content than the one fought over is written."""
        contest = self._contests.get(key)
        if contest is None or self.clock() >= contest.until or contest.content != content:
            return ""
        return _reason(contest, key)


def _reason(contest: _Contest, key: ObjectKey) -> str:
    fields = ", ".join(contest.fields[:_TOLD_FIELDS])
    more = f" and {len(contest.fields) - _TOLD_FIELDS} more" if len(contest.fields) > _TOLD_FIELDS else ""
    if contest.autoscaler:
        return (
            f"an autoscaler that is not in Git sets {fields} again and again (field manager {contest.manager}), so it is left to that for now;"
            f" leave the field out of Git, or delete the autoscaler: kubectl get hpa -n {key.namespace}"
        )
    return (
        f"{contest.manager} takes {fields}{more} again and again, so it is left to {contest.manager} for now; have one of the two"
        " let go: take the field out of Git, name it in drift.ignore, or stop the other"
    )
