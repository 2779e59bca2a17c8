"""How much is asked of an API server at once: everybody waits while it is busy, and the number in flight follows what it bears."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from reconciler.errors import UnavailableError

#: No server makes us wait longer than this, whatever its Retry-After says.
LONGEST_HOLD = 60.0
_SPREAD = 0.25


@dataclass(slots=True)
class Hold:
    """A pause for every request to one server: busy is busy for all of them."""

    _until: float = 0.0
    _length: float = 0.0

    def for_seconds(self, seconds: float) -> None:
        """Hold all requests back for so long, at most LONGEST_HOLD. A shorter hold never cuts a longer one."""
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
    """Lets so many through at once as the server bears: one more for each round of quick answers, half after a bad one.

    Additive increase, multiplicative decrease (RFC 5681, 3.1), as TCP finds its share of a link. An answer is bad where it
    took longer than `slow` seconds (waiting out a 429 counts) or did not come. Those who wait are served in order.
    """

    start: int = 8
    lowest: int = 1
    highest: int = 32
    slow: float = 2.0
    _allowed: float = field(init=False)
    _in_flight: int = 0
    _waiting: deque[asyncio.Future[None]] = field(default_factory=deque)
    _lowered_at: float = field(default=float("-inf"), init=False)

    def __post_init__(self) -> None:
        self._allowed = float(min(max(self.start, self.lowest), self.highest))

    @property
    def limit(self) -> int:
        """How many may be in flight now."""
        return int(self._allowed)

    @property
    def in_flight(self) -> int:
        """How many are in flight."""
        return self._in_flight

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait for room and take it for the block, whose duration and outcome move the limit."""
        await self._enter()
        loop = asyncio.get_running_loop()
        began = loop.time()
        full = self._in_flight >= self.limit
        try:
            yield
        except UnavailableError:
            self._lower(began)
            raise
        else:
            if loop.time() - began > self.slow:
                self._lower(began)
            elif full:  # room that nobody asked for says nothing about the server
                self._allowed = min(float(self.highest), self._allowed + 1.0 / self._allowed)
        finally:
            self._in_flight -= 1
            self._admit()

    async def _enter(self) -> None:
        if self._in_flight < self.limit and not self._waiting:
            self._in_flight += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # the slot was given to us while we were being cancelled
                self._in_flight -= 1
                self._admit()
            raise

    def _admit(self) -> None:
        while self._waiting and self._in_flight < self.limit:
            turn = self._waiting.popleft()
            if not turn.done():
                self._in_flight += 1
                turn.set_result(None)

    def _lower(self, began: float) -> None:
        """Halve the limit, once for all requests that were in flight together."""
        if began > self._lowered_at:
            self._allowed = max(float(self.lowest), self._allowed / 2)
            self._lowered_at = asyncio.get_running_loop().time()
