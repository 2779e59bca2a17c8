"""One FleetSync of an agent: followed while the agent leads, rehearsed while it stands by. Whatever happens to it stays with it."""

from __future__ import annotations

import asyncio
import logging
import random
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from reconciler.agent.assembly import assembled, folder_of
from reconciler.agent.backoff import Backoff
from reconciler.agent.ending import end
from reconciler.agent.fleetsync import FleetSync
from reconciler.agent.follower import Follower, Seen
from reconciler.agent.identity import identity_of
from reconciler.agent.leadership import Leadership
from reconciler.agent.logs import about
from reconciler.agent.metrics import AgentMetrics
from reconciler.agent.options import AgentOptions
from reconciler.agent.parent import Parent
from reconciler.agent.reporting import stalled_report
from reconciler.agent.source import Kept
from reconciler.agent.workloads import Workloads
from reconciler.cluster.answers import NOT_FOUND
from reconciler.cluster.connection import Connection
from reconciler.cluster.discovery import Resource, Served
from reconciler.cluster.flow import Limiter
from reconciler.errors import ClusterError, InputError, SpinfleetError

logger = logging.getLogger(__name__)

#: A FleetSync's namespace and name.
Place = tuple[str, str]

#: Seconds between tries where something has to be changed first, by a person or in the cluster.
_FIRST_RETRY, _LONGEST_RETRY = 2.0, 60.0
_FAULT_AFTER = 60.0
#: Seconds for which an agent that does not lead yet may be about to: rehearsing would only be in its way.
_REHEARSE_AFTER = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Shared:
    """What all FleetSyncs of an agent share. `resource` is that of FleetSyncs."""

    connection: Connection
    served: Served
    resource: Resource
    options: AgentOptions
    metrics: AgentMetrics
    limiter: Limiter
    leadership: Leadership


@dataclass(kw_only=True, slots=True)
class Tenant:
    """A FleetSync as it is `seen`, and what was read of its repository."""

    shared: Shared
    place: Place
    seen: Seen
    kept: Kept = field(default_factory=Kept)
    _wake: asyncio.Event | None = None

    def wake(self) -> None:
        """Have its repository looked at now."""
        if self._wake is not None:
            self._wake.set()

    async def follow(self) -> None:
        """Follow it until it is gone, starting over where it changes or fails; then keep nothing of it."""
        await self._until_gone(self._follow)

    async def rehearse(self) -> None:
        """Fetch, read and verify what whoever leads runs, so that little is left to do once we lead. Nothing is written."""
        await asyncio.sleep(_REHEARSE_AFTER)
        await self._until_gone(self._rehearse)

    async def _until_gone(self, do: Callable[[], Awaitable[None]]) -> None:
        backoff = Backoff(first=_FIRST_RETRY, longest=_LONGEST_RETRY)
        with about(fleetsync="/".join(self.place)):
            while (obj := self.seen.object) is not None:
                try:
                    await do()
                    backoff.forget("")
                    delay = _FIRST_RETRY
                except SpinfleetError as error:
                    logger.error("%s %s", error.message, error.hint)  # noqa: TRY400 - an expected failure needs no traceback
                    delay = backoff.next_delay("")
                except Exception:  # a fault of ours with one FleetSync must not stop the others (design, invariant 3)
                    logger.exception("following a FleetSync")
                    delay = _FAULT_AFTER
                await _until_other(self.seen, obj, delay)
            folder = folder_of(self.shared.options.cache, *self.place)
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _follow(self) -> None:
        """Follow it as it is now. Raises SpinfleetError where that can't go on; the FleetSync then says what must change."""
        parent = self._parent()
        sync = await _read(parent)
        if sync is None:
            return
        try:
            if sync.deleting:
                await self._end(parent, sync)
                return
            _check_supported(sync)
            async with self._assembled(parent, sync) as follower:
                self._wake = follower.wakes.sync
                try:
                    await follower.follow(self.seen)
                finally:
                    self._wake = None
        except (InputError, ClusterError) as error:
            # Only a person can help: the FleetSync itself says what must change.
            await _tell(parent, sync, "; ".join(filter(None, (error.message, error.hint))))
            raise

    async def _rehearse(self) -> None:
        parent = self._parent()
        sync = await _read(parent)
        if sync is None or sync.suspend or sync.deleting:
            return
        _check_supported(sync)
        async with self._assembled(parent, sync) as follower:
            while self.seen.object is not None and self.seen.object["metadata"].get("generation") == sync.generation:
                await follower.syncer.rehearse()
                await asyncio.sleep(sync.source.interval * random.uniform(0.9, 1.1))  # noqa: S311 - spreads load

    async def _end(self, parent: Parent, sync: FleetSync) -> None:
        shared = self.shared
        workloads = Workloads(
            connection=shared.connection, identity=identity_of(sync, shared.options.default_service_account), served=shared.served,
            slots=shared.limiter.share(), leadership=shared.leadership,
        )  # fmt: skip
        await end(parent, sync, workloads=workloads, metrics=shared.metrics.of("/".join(self.place)))

    def _parent(self) -> Parent:
        namespace, name = self.place
        return Parent(connection=self.shared.connection, resource=self.shared.resource, namespace=namespace, name=name)

    @asynccontextmanager
    async def _assembled(self, parent: Parent, sync: FleetSync) -> AsyncIterator[Follower]:
        shared = self.shared
        async with assembled(
            shared.connection, parent, sync, options=shared.options, metrics=shared.metrics.of("/".join(self.place)),
            served=shared.served, slots=shared.limiter.share(), leadership=shared.leadership, kept=self.kept,
        ) as follower:  # fmt: skip
            yield follower


async def _read(parent: Parent) -> FleetSync | None:
    """Read a FleetSync; None where it is gone, as its watch will say in a moment."""
    try:
        return await parent.read()
    except ClusterError as error:
        if error.status == NOT_FOUND:
            return None
        raise


async def _tell(parent: Parent, sync: FleetSync, reason: str) -> None:
    try:
        await parent.report(stalled_report(sync, reason))
    except SpinfleetError as error:
        logger.warning("status: %s", error.message)


def _check_supported(sync: FleetSync) -> None:
    if sync.unsupported:
        raise InputError(
            f"spec.{sync.unsupported[0]} is not supported by this version",
            hint="take it away; nothing is synced while it stands",
        )


async def _until_other(seen: Seen, obj: Mapping[str, Any], seconds: float) -> None:
    """Wait until a FleetSync asks for something else than in `obj`, or is gone, or for so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            while seen.object is not None and _asked(seen.object) == _asked(obj):
                seen.changed.clear()
                await seen.changed.wait()
    except TimeoutError:
        return


def _asked(obj: Mapping[str, Any]) -> tuple[object, ...]:
    """Give what a person changes of a FleetSync; the status is the agent's."""
    metadata = obj["metadata"]
    return metadata["uid"], metadata.get("generation"), metadata.get("annotations")
