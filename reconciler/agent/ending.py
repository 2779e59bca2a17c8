"""The end of a FleetSync that is being deleted: its objects are released, or deleted, and then it may go.

    see what there is → delete what is to go, wave by wave → release the rest → take the finalizer off

Everything is read from the cluster: an agent that was killed anywhere in between begins anew and ends in the same state.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from reconciler.agent.attempts import Attempts
from reconciler.agent.backoff import Backoff
from reconciler.agent.desired import DesiredSet
from reconciler.agent.fleetsync import FINALIZER, FleetSync
from reconciler.agent.members import Member, Members
from reconciler.agent.metrics import Metrics
from reconciler.agent.observing import Observer
from reconciler.agent.parent import Parent, known_extent
from reconciler.agent.policy import own_namespace
from reconciler.agent.pruning import PROTECTED_REASON, protected
from reconciler.agent.releasing import Releaser
from reconciler.agent.removing import Remover
from reconciler.agent.reporting import ending_report
from reconciler.agent.spinapps import SpinApps
from reconciler.agent.status import ObjectFailure
from reconciler.agent.unserved import unserved
from reconciler.agent.watching import Watches
from reconciler.agent.waves import Waves
from reconciler.agent.workloads import Workloads
from reconciler.cluster.answers import NOT_FOUND
from reconciler.errors import ClusterError
from reconciler.plan.guard import approved, waiting
from reconciler.plan.membership import group_kind

logger = logging.getLogger(__name__)


async def end(parent: Parent, sync: FleetSync, *, workloads: Workloads, metrics: Metrics) -> None:
    """See a FleetSync off, as whom `workloads` asks. Returns once its finalizer is off, or it is gone.

    Raises ClusterError and UnavailableError: begin anew.
    """
    if FINALIZER not in sync.finalizers:
        return
    with suppress(_GoneError):
        async with _ending(parent, sync, workloads=workloads, metrics=metrics) as ending:
            await ending.run()


class _GoneError(Exception):
    """The FleetSync is not there any more: somebody took its finalizer off."""


@asynccontextmanager
async def _ending(
    parent: Parent, sync: FleetSync, *, workloads: Workloads, metrics: Metrics
) -> AsyncIterator[Ending]:  # fmt: skip
    identity, members, news = workloads.identity, Members(), asyncio.Event()
    spinapps = SpinApps(has_deployment=lambda _namespace, _executor: False)
    observer = Observer(
        identity=identity, desired=DesiredSet(), members=members, health_of=spinapps.health_of,
        drifted=lambda _owner: None, changed=lambda _owner: news.set(),
    )  # fmt: skip
    attempts = Attempts(members=members, observer=observer, metrics=metrics)
    watches = Watches(
        connection=workloads.connection, identity=identity, observer=observer, members=members, spinapps=spinapps,
        changed=lambda _owner: news.set(), turned=news.set,
    )  # fmt: skip
    remover = Remover(workloads=workloads, members=members, attempts=attempts, metrics=metrics)
    releaser = Releaser(workloads=workloads, members=members, attempts=attempts)
    try:
        yield Ending(
            parent=parent,
            sync=sync,
            members=members,
            watches=watches,
            waves=Waves(remover=remover),
            releaser=releaser,
            news=news,
        )
    finally:
        await watches.stop()


def _namespaces(sync: FleetSync) -> frozenset[str]:
    """Give where objects may be, for an account that may not look everywhere: where some were recorded, and where they are allowed.

    The record does not tell whether there are any beside the FleetSync itself (KEP-3659: additional-namespaces).
    """
    allowed = frozenset(sync.policy.namespaces or ())
    return known_extent(sync).namespaces | own_namespace(sync) | (allowed - {"*"})


@dataclass(kw_only=True, slots=True)
class Ending:
    """One FleetSync's end. `news` is set whenever something of its objects changes."""

    parent: Parent
    sync: FleetSync
    members: Members
    watches: Watches
    waves: Waves
    releaser: Releaser
    news: asyncio.Event
    _backoff: Backoff = field(default_factory=lambda: Backoff(first=1.0, longest=60.0))

    async def run(self) -> None:
        """Go on until every object is dealt with and the finalizer is off. Raises ClusterError and UnavailableError."""
        while True:
            self.news.clear()
            await self._read()
            unseen = await self._see()
            done = await self._round()
            if done and not unseen:
                await self.parent.let_go(FINALIZER)
                logger.info("every object of %s/%s is dealt with", self.sync.namespace, self.sync.name)
                return
            failures = (*unseen, *self.waves.remover.attempts.failures.values())
            await self.parent.report(ending_report(self.sync, len(self.members), failures))
            with suppress(TimeoutError):
                async with asyncio.timeout(self._backoff.next_delay("")):
                    await self._news()

    async def _news(self) -> None:
        """Wait until a wave is gone; what else happens is seen in the next round."""
        while not self.waves.over():
            self.news.clear()
            await self.news.wait()

    async def _read(self) -> None:
        """Read the FleetSync anew: what becomes of its objects may be decided until the last one is dealt with."""
        try:
            self.sync = await self.parent.read()
        except ClusterError as error:
            if error.status == NOT_FOUND:
                raise _GoneError from error
            raise

    async def _see(self) -> tuple[ObjectFailure, ...]:
        """Watch every kind that may have members; gives what can't be seen: as long as there is any, the FleetSync stays."""
        workloads, kinds = (
            self.waves.remover.workloads,
            [group_kind(text) for text in known_extent(self.sync).group_kinds],
        )
        hidden = await unserved(workloads, kinds)
        resources = [found for kind in kinds if (found := workloads.discovery.find(*kind)) is not None]
        await self.watches.ensure(resources, _namespaces(self.sync))
        return tuple(
            ObjectFailure(
                owner="", object=name, code="object.unwatched", message=f"its objects can't be seen: {reason}"
            )
            for name, reason in (
                *((f"{kind}.{group}".rstrip("."), reason) for (group, kind), reason in hidden.items()),
                *(
                    (f"{resource.kind} of {resource.api_version}" + (f" in {namespace}" if namespace else ""), reason)
                    for (resource, namespace), reason in self.watches.refused().items()
                ),
            )
            if reason
        )

    async def _round(self) -> bool:
        """Delete what is to go, then release the rest; tells whether nothing is left."""
        doomed, spared = self._parted()
        if not await self.waves.remove(doomed):
            return False
        return all(await asyncio.gather(*(self.releaser.release(member) for member in spared)))

    def _parted(self) -> tuple[list[Member], list[Member]]:
        """Give the members to delete and those to release.

        `deletionPolicy: Delete` is no approval for what is protected: that is released, but for what an approval names.
        """
        ours = [member for member in self.members if member.prunable and not member.gone]
        if not self.sync.delete_members:
            return [], ours
        keys = [member.key for member in ours if protected(member)]
        named = approved([waiting(keys, PROTECTED_REASON, guarded=False)], self.sync.annotations)
        doomed = [member for member in ours if not member.kept and (not protected(member) or member.key in named)]
        going = {member.key for member in doomed}
        return doomed, [member for member in ours if member.key not in going]
