"""The work queue runs each name at most once at a time, and never loses one."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from reconciler.agent.queue import WorkQueue


@asynccontextmanager
async def working(
    queue: WorkQueue, reconcile: Callable[[str], Awaitable[None]], workers: int = 4
) -> AsyncIterator[None]:
    task = asyncio.create_task(queue.work(reconcile, workers=workers))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        queue.close()


async def test_names_added_twice_while_waiting_run_once() -> None:
    queue, seen = WorkQueue(), Counter[str]()

    async def reconcile(name: str) -> None:
        seen[name] += 1

    queue.add("a", "b")
    queue.add("a")
    async with working(queue, reconcile):
        await queue.drained(["a", "b"])
    assert seen == {"a": 1, "b": 1}


async def test_a_name_added_while_it_runs_runs_once_more_and_never_beside_itself() -> None:
    queue, running, most, runs = WorkQueue(), 0, 0, 0
    started, go = asyncio.Event(), asyncio.Event()

    async def reconcile(_: str) -> None:
        nonlocal running, most, runs
        running, runs = running + 1, runs + 1
        most = max(most, running)
        started.set()
        await go.wait()
        running -= 1

    queue.add("a")
    async with working(queue, reconcile):
        await started.wait()
        queue.add("a")
        queue.add("a")
        go.set()
        await queue.drained(["a"])
    assert (runs, most) == (2, 1)


async def test_a_slow_name_does_not_hold_up_the_others() -> None:
    queue, never = WorkQueue(), asyncio.Event()

    async def reconcile(name: str) -> None:
        if name == "slow":
            await never.wait()

    queue.add("slow", *(f"n{number}" for number in range(50)))
    async with working(queue, reconcile, workers=2):
        await asyncio.wait_for(queue.drained(f"n{number}" for number in range(50)), timeout=5)
        assert len(queue) == 1


async def test_a_delayed_name_is_overtaken_by_an_add() -> None:
    queue, seen, late = WorkQueue(), Counter[str](), asyncio.Event()

    async def reconcile(name: str) -> None:
        seen[name] += 1
        if name == "b":
            late.set()

    queue.add_later("a", 3600)
    queue.add("a")
    async with working(queue, reconcile):
        await queue.drained(["a"])
        assert seen == {"a": 1}
        queue.add_later("b", 0)
        await late.wait()
    assert seen["b"] == 1
