"""Names that wait to be reconciled: each waits at most once and runs at most once at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field


@dataclass(slots=True)
class WorkQueue:
    """A first-in, first-out queue of names. A name added while it runs runs once more afterwards.

    Delayed names are timers, not work: `drained` does not wait for them, and `add` overtakes them.
    """

    _waiting: dict[str, None] = field(default_factory=dict)
    _running: set[str] = field(default_factory=set)
    _again: set[str] = field(default_factory=set)
    _timers: dict[str, asyncio.TimerHandle] = field(default_factory=dict)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def __len__(self) -> int:
        return len(self._waiting) + len(self._running)

    def add(self, *names: str) -> None:
        """Have names reconciled as soon as a worker is free."""
        for name in names:
            if (timer := self._timers.pop(name, None)) is not None:
                timer.cancel()
            if name in self._running:
                self._again.add(name)
            else:
                self._waiting[name] = None
        self._news.set()

    def add_later(self, name: str, delay: float) -> None:
        """Have a name reconciled in `delay` seconds, unless it is added before."""
        if name in self._waiting or name in self._timers:
            return
        self._timers[name] = asyncio.get_running_loop().call_later(delay, self.add, name)

    async def work(self, reconcile: Callable[[str], Awaitable[None]], *, workers: int) -> None:
        """Run `reconcile` for each name, `workers` at a time, until cancelled. An exception of `reconcile` ends it."""
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(self._worker(reconcile))

    async def _worker(self, reconcile: Callable[[str], Awaitable[None]]) -> None:
        while True:
            while not self._waiting:
                self._news.clear()
                await self._news.wait()
            name = next(iter(self._waiting))
            del self._waiting[name]
            self._running.add(name)
            try:
                await reconcile(name)
            finally:
                self._running.discard(name)
                if name in self._again:
                    self._again.discard(name)
                    self.add(name)
                async with self._changed:
                    self._changed.notify_all()

    async def drained(self, names: Iterable[str]) -> None:
        """Wait until none of the names waits or runs."""
        awaited = set(names)
        async with self._changed:
            await self._changed.wait_for(
                lambda: awaited.isdisjoint(self._waiting) and awaited.isdisjoint(self._running)
            )

    def close(self) -> None:
        """Cancel every timer."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
