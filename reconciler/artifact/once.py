"""Doing the same work once for all who ask for it at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Flight:
    origin: Hashable
    task: asyncio.Task[Any]


@dataclass(slots=True)
class Once:
    """Work under way, by key. Close it to end what nobody waits for any more."""

    _flights: dict[Hashable, _Flight] = field(default_factory=dict)

    async def do(self, key: Hashable, origin: Hashable, work: Callable[[], Awaitable[T]]) -> T:
        """Do the work of a key, or wait for those who do it already.

        A success counts for all. A failure counts only for those of the same `origin`: what one registry can't give, or gives
        wrongly, another may have; the next origin tries for itself.
        """
        while True:
            flight = self._flights.get(key)
            if flight is None:
                flight = self._flights[key] = _Flight(origin, asyncio.ensure_future(_awaited(work)))
                flight.task.add_done_callback(lambda task: self._landed(key, task))
            try:
                result: T = await asyncio.shield(flight.task)
            except Exception:
                if flight.origin == origin:
                    raise
            else:
                return result

    def _landed(self, key: Hashable, task: asyncio.Task[Any]) -> None:
        self._flights.pop(key, None)
        if not task.cancelled():
            task.exception()  # whoever waited has it; where nobody did any more, it is of no use

    async def close(self) -> None:
        """End all work under way."""
        tasks = [flight.task for flight in self._flights.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _awaited(work: Callable[[], Awaitable[T]]) -> T:
    return await work()
