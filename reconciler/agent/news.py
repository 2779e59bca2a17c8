"""News of an agent that waits to be told as Events: the same of many objects is one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

#: Events of one round and reason that name a single object; what goes beyond is told as a number.
_MOST_SINGLE = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class News:
    """One Event to be: `sort` as Kubernetes has it, `reason` and `action` CamelCase words, `note` a sentence."""

    sort: Literal["Normal", "Warning"]
    reason: str
    note: str
    action: str = "Verify"


@dataclass(slots=True)
class Newsroom:
    """Collects news between two reports, so that whoever writes an object need not wait for an Event of it."""

    _waiting: list[News] = field(default_factory=list)

    def add(self, news: News) -> None:
        """Take news, to be told with the next report."""
        self._waiting.append(news)

    def take(self) -> Iterator[News]:
        """Give what waits, once: of each reason so many single ones, and how many more there are."""
        waiting, self._waiting = self._waiting, []
        told: dict[str, list[News]] = {}
        for news in waiting:
            told.setdefault(news.reason, []).append(news)
        for same in told.values():
            yield from same[:_MOST_SINGLE]
            if more := same[_MOST_SINGLE:]:
                note = f"and {len(more)} more, the last: {more[-1].note}"
                yield News(sort=more[-1].sort, reason=more[-1].reason, note=note, action=more[-1].action)
