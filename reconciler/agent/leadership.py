"""Which of several agents works: the one that holds the Lease. The others stand by."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from reconciler.errors import UnavailableError


class Leadership(Protocol):
    """Whether this agent is the one that writes (see cluster.lease.Lease)."""

    @property
    def held(self) -> bool:
        """Whether it leads, as far as is known without asking."""

    async def confirm(self) -> bool:
        """Ask whether it leads: to be done before what can't be undone. Raises ClusterError and UnavailableError."""

    async def lead(self, work: Callable[[], Awaitable[None]]) -> None:
        """Stand by until it leads, then do the work for as long as that lasts, again and again."""


class Alone:
    """The leadership of an agent that has no other beside it."""

    held = True

    async def confirm(self) -> bool:
        """Give True."""
        return True

    async def lead(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work."""
        await work()


def require(leadership: Leadership) -> None:
    """Raise UnavailableError where this agent does not lead any more: whoever leads now writes."""
    if not leadership.held:
        raise UnavailableError("this agent does not lead any more")


async def require_confirmed(leadership: Leadership) -> None:
    """The same, by the API server's word. Raises UnavailableError, and ClusterError where that can't be asked for."""
    if not await leadership.confirm():
        raise UnavailableError("this agent does not lead any more")
