from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.cluster.flow import LONGEST_HOLD, Hold, Limiter, Share
from reconciler.errors import UnavailableError


async def test_no_more_than_the_limit_are_in_flight_and_they_go_in_order() -> None:
    limiter = Limiter(start=2, highest=2)
    share = limiter.share()
    most, order = 0, []

    async def work(number: int) -> None:
        nonlocal most
        async with share:
            order.append(number)
            most = max(most, share.in_flight)
            await asyncio.sleep(0)

    await asyncio.gather(*(work(number) for number in range(20)))
    assert most == 2
    assert order == list(range(20))
    assert share.in_flight == 0


async def test_quick_answers_under_full_load_raise_the_limit_to_the_highest() -> None:
    share = Limiter(start=1, highest=6).share()

    async def work() -> None:
        async with share:
            await asyncio.sleep(0)

    for _ in range(30):
        await asyncio.gather(*(work() for _ in range(12)))
    assert share.limit == 6


async def test_without_full_load_the_limit_stays() -> None:
    share = Limiter(start=4).share()
    for _ in range(100):
        async with share:
            pass
    assert share.limit == 4


async def test_a_failure_halves_the_limit_once_for_all_that_were_in_flight_together() -> None:
    share = Limiter(start=8, highest=8).share()
    together = asyncio.Barrier(8)

    async def work() -> None:
        async with share:
            await together.wait()
            raise UnavailableError("away")

    answers = await asyncio.gather(*(work() for _ in range(8)), return_exceptions=True)
    assert all(isinstance(answer, UnavailableError) for answer in answers)
    assert share.limit == 4


async def test_a_slow_answer_lowers_the_limit_but_never_below_the_lowest() -> None:
    share = Limiter(start=2, lowest=1, slow=0.0).share()
    for _ in range(5):
        async with share:
            await asyncio.sleep(0.002)
    assert share.limit == 1


async def test_an_error_of_one_object_says_nothing_about_the_server() -> None:
    share = Limiter(start=8).share()
    with pytest.raises(ValueError, match="ours"):
        async with share:
            raise ValueError("ours")
    assert (share.limit, share.in_flight) == (8, 0)


@settings(deadline=None, max_examples=60)
@given(cancelled=st.sets(st.integers(0, 11)), limit=st.integers(1, 4), yields=st.integers(0, 6))
def test_a_cancelled_waiter_never_takes_its_slot_along(cancelled: set[int], limit: int, yields: int) -> None:
    async def scenario() -> None:
        share = Limiter(start=limit, highest=limit).share()

        async def work() -> None:
            async with share:
                await asyncio.sleep(0)

        tasks = [asyncio.create_task(work()) for _ in range(12)]
        for _ in range(yields):
            await asyncio.sleep(0)
        for number in cancelled:
            tasks[number].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert share.in_flight == 0
        async with asyncio.timeout(1), share:
            pass

    asyncio.run(scenario())


async def test_a_flood_of_one_waits_behind_itself_and_the_other_is_next_every_time() -> None:
    limiter = Limiter(start=4, highest=4)
    flood, calm = limiter.share(), limiter.share()
    order: list[str] = []

    async def work(share: Share, name: str) -> None:
        async with share:
            order.append(name)
            await asyncio.sleep(0)

    many = [asyncio.create_task(work(flood, "flood")) for _ in range(200)]
    await asyncio.sleep(0)
    for _ in range(20):
        before = len(order)
        await work(calm, "calm")
        # Whoever has none in flight does not even wait for one of the flood's to end.
        assert order[before] == "calm"
    assert len(order) < 200
    await asyncio.gather(*many)


async def test_two_who_flood_get_equal_parts() -> None:
    limiter = Limiter(start=8, highest=8)
    one, other = limiter.share(), limiter.share()
    most = {id(one): 0, id(other): 0}

    async def work(share: Share) -> None:
        async with share:
            if one.queue and other.queue:
                most[id(share)] = max(most[id(share)], share.in_flight)
            await asyncio.sleep(0)

    first = [asyncio.create_task(work(one)) for _ in range(100)]
    await asyncio.sleep(0)
    assert one.in_flight == 8
    second = [asyncio.create_task(work(other)) for _ in range(100)]
    for _ in range(10):
        await asyncio.sleep(0)
    assert (one.in_flight, other.in_flight) == (4, 4)
    await asyncio.gather(*first, *second)
    assert limiter.in_flight == 0


async def test_bad_answers_of_one_lower_nobody_elses_limit() -> None:
    limiter = Limiter(start=8)
    one, other = limiter.share(), limiter.share()
    with pytest.raises(UnavailableError):
        async with one:
            raise UnavailableError("away")
    assert (one.limit, other.limit) == (4, 8)


async def test_a_hold_keeps_everybody_and_a_shorter_one_does_not_cut_it() -> None:
    hold = Hold()
    loop = asyncio.get_running_loop()
    began = loop.time()
    hold.for_seconds(0.2)
    hold.for_seconds(0.01)
    await asyncio.gather(*(hold.passed() for _ in range(5)))
    assert 0.2 <= loop.time() - began < 2.0


async def test_no_hold_is_longer_than_a_minute() -> None:
    hold = Hold()
    hold.for_seconds(21_600)
    assert hold._until <= asyncio.get_running_loop().time() + LONGEST_HOLD
