"""Waiting a while for something to be said."""

from __future__ import annotations

import asyncio


async def until_set(event: asyncio.Event, seconds: float) -> None:
    """Wait until an event is set, or for so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
