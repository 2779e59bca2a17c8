"""The same work is done once for all who ask; one origin's failure is not another's."""

from __future__ import annotations

import asyncio

import pytest

from reconciler.artifact.once import Once
from reconciler.errors import UnavailableError


async def test_many_who_ask_at_once_share_one_answer() -> None:
    once, began = Once(), 0

    async def work() -> int:
        nonlocal began
        began += 1
        await asyncio.sleep(0)
        return began

    assert await asyncio.gather(*(once.do("key", number, work) for number in range(50))) == [1] * 50
    assert await once.do("key", 0, work) == 2


async def test_a_failure_counts_for_its_own_origin_and_the_next_one_tries_for_itself() -> None:
    once, tried = Once(), []

    def work(origin: str) -> object:
        async def run() -> str:
            tried.append(origin)
            await asyncio.sleep(0)
            if origin == "bad":
                raise UnavailableError("away")
            return origin

        return run

    origins = ["bad", "bad", "good", "good", "other"]
    found = await asyncio.gather(*(once.do("key", origin, work(origin)) for origin in origins), return_exceptions=True)  # type: ignore[arg-type]
    assert [isinstance(each, UnavailableError) for each in found] == [True, True, False, False, False]
    assert tried == ["bad", "good"]


async def test_one_who_stops_waiting_does_not_stop_the_others() -> None:
    once, go = Once(), asyncio.Event()

    async def work() -> str:
        await go.wait()
        return "done"

    first = asyncio.create_task(once.do("key", 1, work))
    second = asyncio.create_task(once.do("key", 2, work))
    await asyncio.sleep(0)
    first.cancel()
    go.set()
    assert await second == "done"


async def test_closing_ends_what_is_under_way() -> None:
    once = Once()
    waiting = asyncio.create_task(once.do("key", 1, asyncio.Event().wait))
    await asyncio.sleep(0)
    await once.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
