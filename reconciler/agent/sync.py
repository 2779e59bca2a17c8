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
from reconciler.agent.fleetsync import FleetSync
from reconciler.agent.installing import Installer
from reconciler.agent.metrics import Metrics
from reconciler.agent.parent import Parent
from reconciler.agent.progress import Progress
from reconciler.agent.pruning import going, guard, protected
from reconciler.agent.records import RecordStore, timestamp
from reconciler.agent.releases import Circumstances, Decision, Releases, digest_of, version_of
from reconciler.agent.source import FleetSource
from reconciler.agent.writing import Writer
from reconciler.artifact.sources import CommitFiles
from reconciler.errors import ClusterError, InputError, SpinfleetError, UnavailableError
from reconciler.fleet.model import Assignment, Loaded, Unit
from reconciler.plan.model import ObjectKey
from reconciler.plan.order import rank_of
from reconciler.problems import Problem
from reconciler.render.model import SHARED
from reconciler.rollout import Move, Released
from reconciler.rollout.records import advanced

logger = logging.getLogger(__name__)

#: Failures after which what the server serves, and lets us see, is asked for anew.
_LOOK_AGAIN = frozenset({"object.unknown-kind", "object.unwatched"})
#: The name under which pruning stands in the work queue; no app can have it.
PRUNE = "_prune"


@dataclass(kw_only=True, slots=True)
class State:
    """What the syncing is at, for the status. `accepted` is the commit whose fleet is followed, `seen` the newest fetched, `judged` the one looked at last."""

    seen: str = ""
    accepted: str = ""
    source_error: str = ""
    record_error: str = ""
    unsigned: str = ""
    signer: str = ""
    judged: str = ""
    refused: bool = False
    rewritten: bool = False
    stalled: str = ""
    syncing: bool = False
    prune_held: str = ""
    protected: tuple[ObjectKey, ...] = ()
    problems: tuple[Problem, ...] = ()
    handled_request: str = ""


@dataclass(kw_only=True, slots=True)
class Syncer:
    """Follows one FleetSync of fixed identity. Everything it needs is given; it makes no connection of its own.

    `wake` has `advance_once` called soon; `mark` says that an app's report may be another.
    """

    sync: FleetSync
    parent: Parent
    source: FleetSource
    records: RecordStore
    assigning: Assigning
    releases: Releases
    progress: Progress
    installer: Installer
    writer: Writer
    metrics: Metrics
    wake: Callable[[], None]
    mark: Callable[[Iterable[str]], None]
    state: State = field(default_factory=State)
    files: CommitFiles | None = None
    _backoff: Backoff = field(default_factory=lambda: Backoff(first=1.0, longest=300.0))
    _news: bool = False

    @property
    def assignment(self) -> Assignment | None:
        """The assignment of the accepted commit; None before one was accepted by this process."""
        return self.assigning.assignment

    @property
    def suspended(self) -> bool:
        """Whether nothing is to be written at all, by the FleetSync or by this cluster's own document."""
        in_git = self.assignment is not None and self.assignment.cluster.spec.get("suspend") is True
        return self.sync.suspend or in_git

    async def sync_once(self) -> None:
        """Take the newest commit, if there is news, and go on with what may go on. Failures end in the state."""
        if self.sync.suspend or self.state.stalled:
            return
        await self._fetch()
        await self._guarded(self._take)

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

    async def _fetch(self) -> None:
        """Fetch. Git being away stops new commits, nothing else: the last one that is on disk goes on being applied."""
        try:
            with self.metrics.sync_seconds.labels("fetch").time():
                fetched = await self.source.fetch(self.sync)
        except SpinfleetError as error:
            self.state.source_error = error.message
            if not self.state.seen and (last := await asyncio.to_thread(self.source.last)):
                await self._see(last)
            return
        self.state.source_error = ""
        if fetched.rewritten:
            logger.warning("history rewritten: %s is no ancestor of %s", fetched.previous, fetched.commit)
            self.state.rewritten = True
        await self._see(fetched.commit)

    async def _see(self, commit: str) -> None:
        """Take note of a commit that is signed as asked. With any other we stay where we are; after a restart, where we were."""
        signer, self.state.unsigned = await self.source.signer(self.sync, commit)
        if self.state.unsigned:
            logger.warning("not taken: %s", self.state.unsigned)
            known = self.state.accepted if not self.state.seen else ""
            if known and not (accepted := await self.source.signer(self.sync, known))[1]:
                self.state.seen, self.state.signer = known, accepted[0]
            return
        self.state.seen, self.state.signer = commit, signer

    async def _take(self) -> None:
        """Accept the newest commit, or refuse it whole, and bring its apps to what they may run now."""
        await self._renew()
        commit = self.state.seen
        if commit and (commit != self.state.judged or self.assignment is None):
            await self._accept(commit)
            self.state.judged = commit
            if self.assignment is None:
                await self._accept_last()
        if self.assignment is not None:
            await self._advance()

    async def _accept(self, commit: str) -> None:
        """Load and judge a commit by its scope rules: the Fleet and this cluster's own document must be valid (design, "three scopes")."""
        with self.metrics.sync_seconds.labels("load").time():
            loaded, files = await self.source.load(commit, self.sync.source.path)
        refusal = self._refusal(loaded) if loaded.fleet is None or self._own(loaded) else self._follow(loaded)
        self.state.problems = refusal or loaded.problems
        self.state.refused = bool(refusal)
        if not refusal:
            self.state.accepted = commit
            self.files = files
            self.metrics.commit_info.set_to_current_time()

    def _own(self, loaded: Loaded) -> tuple[Problem, ...]:
        return loaded.cluster_problems.get(self.sync.cluster, ())

    def _refusal(self, loaded: Loaded) -> tuple[Problem, ...]:
        return (*loaded.commit_problems, *self._own(loaded)) or loaded.problems

    def _follow(self, loaded: Loaded) -> tuple[Problem, ...]:
        """Assign a commit's fleet to this cluster; gives why that can't be."""
        fleet = loaded.fleet
        assert fleet is not None  # noqa: S101 - the caller has looked
        try:
            with self.metrics.sync_seconds.labels("assign").time():
                names = self.assigning.take(fleet)
        except InputError as error:
            return (
                Problem(
                    path=fleet.path, line=fleet.line, code="fleet.unknown-cluster", message=error.message, hint=error.hint
                ),
            )  # fmt: skip
        self.releases.touch(names)
        self.mark(names)
        self._news = True
        return ()

    async def _accept_last(self) -> None:
        """After a restart onto a commit that is refused: go on with the last one that was accepted, by our own status."""
        last = self.state.accepted
        if not last or not (self.source.is_ancestor(last, self.state.seen) or last in self.records.commits()):
            return
        problems = self.state.problems
        try:
            await self._accept(last)
        except SpinfleetError as error:
            logger.warning("the last accepted commit %s: %s", last[:12], error.message)
        self.state.problems, self.state.refused = problems, True

    async def _advance(self) -> None:
        """Let go of what is not placed here any more, release what may run, batch by batch, and wait until it is applied."""
        assignment = self.assignment
        if assignment is None or self.suspended:
            return
        units = self.releases.take_due(assignment)
        left = [] if self.state.refused else self._left(assignment)
        if not units and not left and not self._news:
            return
        self.state.syncing = True
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
        now = Circumstances(
            assignment=assignment,
            record_of=self.records.get,
            earlier=self._earlier,
            not_ready=self.progress.not_ready,
            suspended=self.sync.suspended_apps,
            files=self.files,
        )
        async for batch in self.releases.decide(units, now):
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

    async def reconcile(self, owner: str) -> None:
        """Bring one owner's objects to what is wanted, wave by wave; what fails is tried again with backoff."""
        if self.suspended:
            return
        if owner == PRUNE:
            await self._prune()
            return
        installer = self.installer
        self.metrics.queue.set(len(installer.queue))
        wanted = installer.desired.of(owner)
        for wave in sorted({item.wave for item in wanted}):
            await asyncio.gather(
                *(self.writer.put(item) for item in wanted if item.wave == wave and not installer.as_wanted(item))
            )
        failures = [failure for item in wanted if (failure := self.writer.failures.get(item.key)) is not None]
        if failures:
            if any(failure.code in _LOOK_AGAIN for failure in failures):
                await installer.look_again()
            installer.queue.add_later(owner, self._backoff.next_delay(owner))
        else:
            self._backoff.forget(owner)
        self.changed(owner)

    async def _prune(self) -> None:
        """Delete what the fleet no longer has, the other way round than applied; then record the smaller extent."""
        installer = self.installer
        if self.assignment is None or self.state.refused or not self.sync.prune:
            return
        await installer.watch_kinds()  # what a restart finds is known only once it has been seen
        members = going(installer.members, installer.desired, self.assignment)
        self.state.prune_held = guard(members, len(installer.members), self.assignment.fleet, self.sync)
        if self.state.prune_held:
            logger.warning("prune held: %s", self.state.prune_held)
            return
        self.state.protected = tuple(member.key for member in members if protected(member))
        members = [member for member in members if not protected(member)]
        waiting = False
        for wave in sorted({rank_of(member.key.group, member.key.kind) for member in members}, reverse=True):
            of_wave = [member for member in members if rank_of(member.key.group, member.key.kind) == wave]
            gone = await asyncio.gather(*(self.writer.remove(member) for member in of_wave))
            waiting = waiting or not all(gone)
        self.mark({member.owner for member in members})
        if waiting:
            installer.queue.add_later(PRUNE, self._backoff.next_delay(PRUNE))
            return
        self._backoff.forget(PRUNE)
        await installer.narrow()
        ended = self.records.apps() - self.assignment.units.keys() - installer.members.owners()
        await self.records.drop(ended)
