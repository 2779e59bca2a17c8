"""How much is asked of an API server at once: whom it tells that it is busy waits, and the number in flight follows what it bears.

Both go by who asks: the server's own fair queueing (API priority and fairness) tells flows apart by user, and so do we.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from reconciler.errors import UnavailableError

#: No server makes us wait longer than this, whatever its Retry-After says.
LONGEST_HOLD = 60.0
_SPREAD = 0.25


@dataclass(slots=True)
class Hold:
    """A pause for every request of one user to one server."""

    _until: float = 0.0
    _length: float = 0.0

    def for_seconds(self, seconds: float) -> None:
        """Hold requests back for so long, at most LONGEST_HOLD. A shorter hold never cuts a longer one."""
        length = min(max(seconds, 0.0), LONGEST_HOLD)
        until = asyncio.get_running_loop().time() + length
        if until > self._until:
            self._until, self._length = until, length

    async def passed(self) -> None:
        """Return when there is no hold (any more); those who waited come back spread over a quarter of its length."""
        loop = asyncio.get_running_loop()
        if self._until <= loop.time():
            return
        while (left := self._until - loop.time()) > 0:  # noqa: ASYNC110 - an event would have to be timed as well
            # The hold may be prolonged meanwhile, hence the loop.
            await asyncio.sleep(left + self._length * random.uniform(0.0, _SPREAD))  # noqa: S311 - spreads load, guards nothing


@dataclass(kw_only=True, slots=True)
class Limiter:
    """Shares `highest` requests in flight between many who ask, and each finds out by itself how many the server bears of it.

    Whoever asks with the fewest in flight comes next, so a flood waits behind itself. One who has none in flight never waits
    for others: `highest` may be exceeded by one each. An answer is bad where it took longer than `slow` seconds (waiting out a
    429 counts) or did not come; whose answers are bad has its own limit halved, nobody else's (RFC 5681, 3.1, as TCP finds
    its share of a link).
    """

    start: int = 8
    lowest: int = 1
    highest: int = 32
    slow: float = 2.0
    in_flight: int = 0
    waiting: dict[Share, None] = field(default_factory=dict)

    def share(self) -> Share:
        """Give the share of one more who will ask."""
        return Share(self, float(min(max(self.start, self.lowest), self.highest)))

    def room(self, share: Share) -> bool:
        """Tell whether one more request of a share may begin."""
        return share.in_flight < share.limit and (self.in_flight < self.highest or not share.in_flight)

    def admit(self) -> None:
        """Let in those who wait, as long as there is room for any of them."""
        while admissible := [share for share in self.waiting if self.room(share)]:
            # Of those who have the fewest it is whoever has waited longest since its last turn.
            share = min(admissible, key=lambda each: each.in_flight)
            del self.waiting[share]
            share.next()
            if share.queue:
                self.waiting[share] = None


class Share:
    """The requests of one of those who share a Limiter: `async with share` around each."""

    __slots__ = ("_allowed", "_began", "_limiter", "_lowered_at", "in_flight", "queue")

    def __init__(self, limiter: Limiter, allowed: float) -> None:
        self.in_flight = 0
        self._limiter, self._allowed = limiter, allowed
        self._lowered_at = float("-inf")
        self.queue: deque[asyncio.Future[None]] = deque()
        #: When the request of each task began, and whether all the room was taken then.
        self._began: dict[asyncio.Task[Any] | None, tuple[float, bool]] = {}

    @property
    def limit(self) -> int:
        """How many of this share may be in flight now."""
        return int(self._allowed)

    async def __aenter__(self) -> None:
        """Wait for room and take it."""
        limiter = self._limiter
        if self.queue or not limiter.room(self):
            await self._turn()
        else:
            self._take()
        self._began[asyncio.current_task()] = (asyncio.get_running_loop().time(), self.in_flight >= self.limit)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the room back; how long it took, and how it ended, moves the limit."""
        began, full = self._began.pop(asyncio.current_task())
        if isinstance(error, UnavailableError):
            self._lower(began)
        elif error is None:
            if asyncio.get_running_loop().time() - began > self._limiter.slow:
                self._lower(began)
            elif full:  # room that nobody asked for says nothing about the server
                self._allowed = min(float(self._limiter.highest), self._allowed + 1.0 / self._allowed)
        self._leave()

    async def _turn(self) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.queue.append(turn)
        self._limiter.waiting.setdefault(self, None)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # the room was given to us while we were being cancelled
                self._leave()
            raise

    def next(self) -> None:
        """Give room to whoever of this share has waited longest, unless that one has given up meanwhile."""
        turn = self.queue.popleft()
        if not turn.done():
            self._take()
            turn.set_result(None)

    def _take(self) -> None:
        self.in_flight += 1
        self._limiter.in_flight += 1

    def _leave(self) -> None:
        self.in_flight -= 1
        self._limiter.in_flight -= 1
        self._limiter.admit()

    def _lower(self, began: float) -> None:
        """Halve the limit, once for all requests that were in flight together."""
        if began > self._lowered_at:
            self._allowed = max(float(self._limiter.lowest), self._allowed / 2)
            self._lowered_at = asyncio.get_running_loop().time()
