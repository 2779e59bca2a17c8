"""The agent's procedure for one FleetSync, top to bottom in design order:

    fetch → load → assign → release (render, verify, record) → widen the ApplySet → apply → prune → narrow → report

A commit enters through `sync_once`; what may go on later (a verification, a dependency, a resumed app) through `advance_once`;
drift through watch events and the queue. All end in `reconcile`, which brings one app's objects to what is wanted. Nothing here
waits on another app, and a commit costs what it changes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from reconciler.agent.assigning import Assigning
from reconciler.agent.backoff import Backoff
from reconciler.agent.commits import Commits
from reconciler.agent.fleetsync import FleetSync
from reconciler.agent.installing import LOOK, Installer
from reconciler.agent.judging import Judging
from reconciler.agent.logs import about
from reconciler.agent.metrics import Metrics
from reconciler.agent.parent import Parent
from reconciler.agent.progress import Progress
from reconciler.agent.pruning import PRUNE, Pruner
from reconciler.agent.records import RecordStore, timestamp
from reconciler.agent.releases import Circumstances, Decision, Releases, digest_of, version_of
from reconciler.agent.source import FleetSource
from reconciler.agent.state import State
from reconciler.agent.writing import OVER_QUOTA, Writer
from reconciler.artifact.sources import CommitFiles
from reconciler.errors import ClusterError, InputError, SpinfleetError, UnavailableError
from reconciler.fleet.model import Assignment, Unit
from reconciler.render.model import SHARED
from reconciler.rollout import Move, Released
from reconciler.rollout.records import advanced

logger = logging.getLogger(__name__)

#: Failures after which what the server serves, and lets us see, is asked for anew.
_UNWATCHED = "object.unwatched"
_LOOK_AGAIN = frozenset({"object.unknown-kind", _UNWATCHED, "object.404"})


@dataclass(kw_only=True, slots=True)
class Syncer:
    """Follows one FleetSync of fixed identity. Everything it needs is given; it makes no connection of its own.

    `wake` has `advance_once` called soon; `mark` says that an app's report may be another.
    """

    sync: FleetSync
    parent: Parent
    source: FleetSource
    commits: Commits
    records: RecordStore
    assigning: Assigning
    releases: Releases
    progress: Progress
    installer: Installer
    writer: Writer
    pruner: Pruner
    judging: Judging
    metrics: Metrics
    wake: Callable[[], None]
    mark: Callable[[Iterable[str]], None]
    state: State
    _backoff: Backoff = field(default_factory=lambda: Backoff(first=1.0, longest=300.0))
    _news: bool = False
    _paused: bool = False

    @property
    def assignment(self) -> Assignment | None:
        """The assignment of the accepted commit; None before one was accepted by this process."""
        return self.assigning.assignment

    @property
    def suspended(self) -> str:
        """What says that nothing is to be written at all: the FleetSync, or this cluster's own document; empty where nothing does."""
        if self.sync.suspend:
            return "spec.suspend is true"
        in_git = self.assignment is not None and self.assignment.cluster.spec.get("suspend") is True
        return f"spec.suspend of Cluster {self.sync.cluster} is true in Git" if in_git else ""

    async def sync_once(self) -> None:
        """Take the newest commit, if there is news, and go on with what may go on. Failures end in the state."""
        if self.sync.suspend or self.state.stalled:
            return
        await self.commits.fetch()
        await self._guarded(self._take)

    async def rehearse(self) -> None:
        """Do what a sync does short of any write: what was fetched, read and verified is then known when it counts. Raises as it goes."""
        await self.commits.fetch()
        await self._renew()
        self.releases.touch(await self.commits.take() or ())
        if self.assignment is not None:
            units = self.releases.take_due(self.assignment)
            async for _ in self.releases.decide(units, self._circumstances(self.assignment)):
                pass

    async def _renew(self) -> None:
        """Read anew what stands in Secrets, before anything is decided: keys may be taken away at any time."""
        before = self.releases.policy
        self.releases.policy = await self.source.policy(self.sync, before)
        if self.releases.policy != before and self.assignment is not None:
            self.releases.touch(self.assignment.units)

    async def advance_once(self) -> None:
        """Go on with what was held back and may go on now, without asking for a new commit."""
        if self.assignment is not None and not self.state.stalled:
            await self._guarded(self._advance)

    async def _guarded(self, step: Callable[[], Awaitable[None]]) -> None:
        try:
            await step()
        except (ClusterError, UnavailableError, InputError) as error:
            logger.warning("sync: %s", error.message)
            self.state.source_error = self.state.source_error or error.message
            asyncio.get_running_loop().call_later(self._backoff.next_delay(""), self.wake)
        else:
            self._backoff.forget("")
        finally:
            self.state.syncing = False

    async def _take(self) -> None:
        """Accept the newest commit, or refuse it whole, and bring its apps to what they may run now."""
        await self._renew()
        touched = await self.commits.take()
        if touched is not None:
            self.releases.touch(touched)
            self.mark(touched)
            self._news = True
        if self.assignment is not None:
            await self.judging.renew(self.assignment.fleet.spec)
            await self._advance()

    async def _advance(self) -> None:
        """Let go of what is not placed here any more, release what may run, batch by batch, and wait until it is applied."""
        if self.assignment is None:
            return
        if self.suspended:
            self._paused = True
            return
        with about(commit=self.state.accepted):
            await self._go_on(self.assignment)

    async def _go_on(self, assignment: Assignment) -> None:
        if self._paused:
            # What drifted meanwhile was passed over.
            self._paused = False
            self.installer.queue.add(*self.installer.desired.owners())
        units = self.releases.take_due(assignment)
        left = [] if self.state.refused else self._left(assignment)
        if not units and not left and not self._news:
            return
        # Until every release is made wanted nothing is pruned; where that fails, until it was done after all.
        self.state.syncing = self.state.releasing = True
        await self.releases.decryption.refresh()
        owners = set[str]()
        for name in left:
            owners |= self.installer.let_be(name, assignment.cluster)
            self.progress.forget(name)
        if left:
            self.releases.forget(left)
            owners |= self.installer.share(assignment.cluster)
            self.mark(left)
        self.installer.queue.add(*owners)
        with self.metrics.sync_seconds.labels("apply").time():
            await self._release(units, assignment, owners)
        self.state.releasing = False
        self.installer.queue.add(PRUNE)
        await self.installer.queue.drained([PRUNE])
        self._news = False
        if self.state.rewritten and not self.state.refused:
            await self._anchor(assignment)
        if (delay := self.releases.next_try()) is not None:
            asyncio.get_running_loop().call_later(delay, self.wake)

    def _left(self, assignment: Assignment) -> list[str]:
        """Give the apps that this process knows of and that are not placed here any more."""
        known = {*self.installer.desired.owners(), *self.releases.held}
        return sorted(name for name in known if name not in assignment.units and name != SHARED)

    async def _release(self, units: Iterable[Unit], assignment: Assignment, touched: set[str]) -> None:
        async for batch in self.releases.decide(units, self._circumstances(assignment)):
            try:
                await self._record(batch)
                owners = await self.installer.install(batch, assignment.cluster)
            except BaseException:
                self.releases.touch(decision.name for decision in batch)
                raise
            touched |= owners
            self.installer.queue.add(*sorted(owners))
            names = {decision.name for decision in batch}
            self.releases.settle(names)
            self.mark(names)
            for name in names - owners:
                self.changed(name)
        if touched:
            await self.installer.queue.drained(touched)

    def _circumstances(self, assignment: Assignment) -> Circumstances:
        return Circumstances(
            assignment=assignment,
            record_of=self.records.get,
            earlier=self._earlier,
            not_ready=self.progress.not_ready,
            suspended=self.sync.suspended_apps,
            files=self.commits.files,
        )

    async def _record(self, batch: Iterable[Decision]) -> None:
        """Write the records of what is released now, before the first of its objects (design: "Release records")."""
        now, new, old = timestamp(), [], []
        for decision in batch:
            release, record = decision.release, self.records.get(decision.name)
            if release is None:
                self.progress.forget(decision.name)
            elif decision.move is Move.ADVANCE:
                released = Released(
                    version=version_of(release.unit), commit=release.commit, digest=digest_of(release),
                    path=self.sync.source.path, at=now,
                )  # fmt: skip
                new.append(advanced(record, decision.name, released))
                with about(app=decision.name, commit=release.commit):
                    logger.info("released: version %s", released.version[:12])
            elif record is not None and decision.name not in self.installer.desired.owners():
                old.append(record)
        try:
            await self.records.write(new)
        except SpinfleetError as error:
            self.state.record_error = error.message
            raise
        self.state.record_error = ""
        for record in (*new, *old):
            self.progress.start(record.app, record.last, again=record in old)

    async def _earlier(self, name: str, released: Released) -> tuple[Unit, CommitFiles] | None:
        """Give an app as its last release's commit has it, for this cluster as it is today, and that commit's files."""
        assignment, place = self.assignment, self.assigning.place
        if assignment is None or place is None:
            return None
        found = await self.source.earlier(self.sync, released.commit, released.path)
        unit = found[0].unit(name, assignment.fleet, place) if found is not None else None
        return (unit, found[1]) if found is not None and unit is not None else None

    async def _anchor(self, assignment: Assignment) -> None:
        """After a rewritten history: have releases that are the newest version point into the new one, and let the old one go."""
        commit = assignment.commit or ""
        outside = {each for each in self.records.commits() if not self.source.is_ancestor(each, commit)}
        moved, kept = [], False
        for app in self.records.apps():
            record, unit = self.records.get(app), assignment.units.get(app)
            if record is None or record.last.commit not in outside:
                continue
            if unit is not None and version_of(unit) == record.last.version:
                moved.append(
                    advanced(
                        record, app, Released(version=record.last.version, commit=commit, path=self.sync.source.path)
                    )
                )
            else:
                kept = True
        await self.records.write(moved)
        if not kept:
            self.source.let_go()
            self.state.rewritten = False

    def changed(self, owner: str) -> None:
        """Take word that an app's health or objects changed: what waits for it may go on."""
        self.mark([owner])
        self.pruner.noticed()
        if rescaled := self.installer.rescale():
            self.installer.queue.add(*rescaled)
        waiting = self.releases.waiting_for(owner)
        if waiting and not self.progress.not_ready(owner):
            self.releases.touch(waiting)
            self.wake()

    async def note_current(self) -> None:
        """Record the releases that became current, once things are quiet: many at once are few writes."""
        finished = set(self.progress.finished)
        if finished and not self.state.syncing:
            await self.records.mark_current(finished)
            self.progress.finished -= finished

    async def _look_again(self) -> None:
        """Have what is served watched again, later and later where the account may not: what can't be seen can't be healed."""
        await self.installer.look_again()
        self._again(_UNWATCHED)
        if self.installer.watches.refused():
            self.installer.queue.add_later(LOOK, self._backoff.next_delay(LOOK))
        else:
            self._backoff.forget(LOOK)

    async def reconcile(self, owner: str) -> None:
        """Bring one owner's objects to what is wanted, wave by wave; what fails is tried again with backoff."""
        if self.suspended:
            return
        if owner == PRUNE:
            if self.assignment is not None and not self.state.refused and not self.state.releasing and self.sync.prune:
                await self.pruner.prune(self.assignment)
                self._again(OVER_QUOTA)  # there may be room now
            return
        if owner == LOOK:
            await self._look_again()
            return
        installer = self.installer
        if not installer.seen:
            return  # installing puts all it wants into the queue once it has looked
        self.metrics.queue.set(len(installer.queue))
        wanted = installer.desired.of(owner)
        for wave in sorted({item.wave for item in wanted}):
            await asyncio.gather(
                *(self.writer.put(item) for item in wanted if item.wave == wave and not installer.as_wanted(item))
            )
        failures = [failure for item in wanted if (failure := self.writer.attempts.failures.get(item.key)) is not None]
        if failures:
            if any(failure.code in _LOOK_AGAIN for failure in failures):
                await installer.look_again()
            installer.queue.add_later(owner, self._backoff.next_delay(owner))
        else:
            self._backoff.forget(owner)
        self.changed(owner)

    def _again(self, code: str) -> None:
        """Have what failed for this reason tried again now."""
        known = self.writer.attempts.failures.values()
        self.installer.queue.add(*{failure.owner for failure in known if failure.code == code})
