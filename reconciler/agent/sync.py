"""The agent's procedure for one FleetSync, top to bottom in design order:

    fetch → load → assign → release (render, verify) → widen the ApplySet → apply → prune → narrow → report

A commit enters through `sync`; drift enters through watch events and the queue; both end in `reconcile`, which brings one
app's objects to what is wanted. Nothing here waits on another app.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.agent.backoff import Backoff
from reconciler.agent.desired import Desired, DesiredSet, desired
from reconciler.agent.fleetsync import FleetSync
from reconciler.agent.identity import Identity
from reconciler.agent.members import Member, Members
from reconciler.agent.metrics import Metrics
from reconciler.agent.parent import Parent
from reconciler.agent.pruning import going, guard, protected
from reconciler.agent.queue import WorkQueue
from reconciler.agent.releases import Decision, Release, Releases, without_clashes
from reconciler.agent.source import FleetSource
from reconciler.agent.status import ObjectFailure
from reconciler.agent.watching import Watches
from reconciler.agent.writing import Writer
from reconciler.artifact.sources import CommitFiles
from reconciler.cluster.discovery import Resource
from reconciler.errors import ClusterError, InputError, SpinfleetError, UnavailableError
from reconciler.fleet import assign
from reconciler.fleet.model import Assignment, Loaded, Unit
from reconciler.plan.membership import Extent, extent_of, group_kind
from reconciler.plan.model import Health, ObjectKey, key_of
from reconciler.plan.order import rank_of
from reconciler.plan.prepare import prepare, scaled_workloads
from reconciler.problems import Problem
from reconciler.render import render_shared
from reconciler.render.model import SHARED
from reconciler.sops.sealed import Sealed

logger = logging.getLogger(__name__)

_CRD = ("apiextensions.k8s.io", "CustomResourceDefinition")
_ESTABLISHED_WITHIN = 30.0
#: Failures after which what the server serves, and lets us see, is asked for anew.
_LOOK_AGAIN = frozenset({"object.unknown-kind", "object.unwatched"})
#: The name under which pruning stands in the work queue; no app can have it.
PRUNE = "_prune"


@dataclass(kw_only=True, slots=True)
class State:
    """What the syncing is at, for the status."""

    seen: str = ""
    accepted: str = ""
    source_error: str = ""
    unsigned: str = ""
    signer: str = ""
    refused: bool = False
    stalled: str = ""
    syncing: bool = False
    prune_held: str = ""
    protected: tuple[ObjectKey, ...] = ()
    problems: tuple[Problem, ...] = ()
    handled_request: str = ""


@dataclass(kw_only=True, slots=True)
class Syncer:
    """Follows one FleetSync of fixed identity. Everything it needs is given; it makes no connection of its own."""

    sync: FleetSync
    identity: Identity
    parent: Parent
    source: FleetSource
    releases: Releases
    writer: Writer
    watches: Watches
    desired: DesiredSet
    members: Members
    queue: WorkQueue
    metrics: Metrics
    extent: Extent
    wake: Callable[[], None]
    state: State = field(default_factory=State)
    assignment: Assignment | None = None
    files: CommitFiles | None = None
    _backoff: Backoff = field(default_factory=lambda: Backoff(first=1.0, longest=300.0))

    async def sync_once(self) -> None:
        """Take the newest commit, if there is news or something that was held may go on now. Failures end in the state."""
        if self.sync.suspend or self.state.stalled:
            return
        try:
            await self._fetch()
            # Keys may be taken away at any time: what stands in Secrets is read anew before anything is decided.
            self.releases.policy = await self.source.policy(self.sync, self.releases.policy)
            if self.state.seen:
                await self._take(self.state.seen)
        except (ClusterError, UnavailableError, InputError) as error:
            logger.warning("sync: %s", error.message)
            self.state.source_error = self.state.source_error or error.message
            self.queue.add_later(PRUNE, self._backoff.next_delay(PRUNE))
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

    async def _take(self, commit: str) -> None:
        """Accept a commit, or refuse it whole, and bring its apps to what they may run now."""
        news = commit != self.state.accepted or self.assignment is None or self.state.refused
        if news:
            with self.metrics.sync_seconds.labels("load").time():
                loaded, files = await self.source.load(commit, self.sync.source.path)
            if not self._accept(loaded, commit):
                return
            self.files = files
        assert self.assignment is not None  # noqa: S101 - accepted above, or before
        units = self.releases.changed(self.assignment)
        left = [owner for owner in self.desired.owners() if owner not in self.assignment.units and owner != SHARED]
        if not (news or units or left):
            return
        self.state.syncing = True
        await self.releases.decryption.refresh()
        self.releases.forget(left)
        for owner in left:
            self._want(owner, ())
            self.desired.forget(owner)
        if left:
            self._share()
        with self.metrics.sync_seconds.labels("apply").time():
            await self._advance(units)
        self.queue.add(PRUNE)
        await self.queue.drained([PRUNE])
        self._retry_held()

    def _accept(self, loaded: Loaded, commit: str) -> bool:
        """Judge a commit by its scope rules: the Fleet and this cluster's own document must be valid (design, "three scopes")."""
        own = loaded.cluster_problems.get(self.sync.cluster, ())
        self.state.problems = loaded.problems
        if loaded.fleet is None or own:
            self.state.problems = (*loaded.commit_problems, *own) or loaded.problems
            self.state.refused = True
            return False
        try:
            assignment = without_clashes(assign(loaded.fleet, self.sync.cluster))
        except InputError as error:
            self.state.problems = (
                Problem(
                    path=loaded.fleet.path,
                    line=loaded.fleet.line,
                    code="fleet.unknown-cluster",
                    message=error.message,
                    hint=error.hint,
                ),
            )
            self.state.refused = True
            return False
        self.state.refused = False
        self.state.accepted = commit
        self.assignment = assignment
        self.metrics.commit_info.set_to_current_time()
        return True

    async def _advance(self, units: Iterable[Unit]) -> set[str]:
        """Release what may run, batch by batch, and wait until it has been applied. Gives the owners it touched."""
        assert self.assignment is not None  # noqa: S101 - _take has looked
        touched: set[str] = set()
        artifacts = self.assignment.fleet.spec.get("artifacts") or {}
        async for batch in self.releases.decide(units, self.assignment.cluster, artifacts, self.files):
            owners = await self._install(batch)
            touched |= owners
            self.queue.add(*sorted(owners))
        if touched:
            await self.queue.drained(touched)
        return touched

    async def _install(self, batch: list[Decision]) -> set[str]:
        """Make released objects wanted. Before the first of them is written the ApplySet covers it and its kind is watched."""
        owners: set[str] = set()
        for decision in batch:
            if isinstance(decision, Release):
                self._want(decision.unit.name, decision.objects, decision.sealed)
                owners.add(decision.unit.name)
        if not owners:
            return owners
        self._share()
        wanted = [item for owner in (*owners, SHARED) for item in self.desired.of(owner)]
        await self._widen(extent_of((item.key for item in wanted), self.sync.namespace))
        await self._watch_kinds()
        await self.writer.look(wanted)
        await self._foundation(wanted)
        return owners

    def _share(self) -> None:
        """Want what the released apps share, and no more."""
        assert self.assignment is not None  # noqa: S101 - _take has looked
        units = [release.unit for release in self.releases.released.values()]
        self._want(SHARED, render_shared(units, self.assignment.cluster).objects)

    def _want(
        self, owner: str, objects: Iterable[Mapping[str, Any]], sealed: Mapping[ObjectKey, Sealed] | None = None
    ) -> None:
        """Replace an owner's wishes. An object that another owner holds stays there, and this one says so."""
        rendered = list(objects)
        scaled = scaled_workloads(rendered)
        prepared = tuple(
            desired(prepare(obj, self.identity.applyset, scaled), owner, (sealed or {}).get(key_of(obj)))
            for obj in rendered
        )
        for key in [key for key, failure in self.writer.failures.items() if failure.owner == owner]:
            del self.writer.failures[key]
        for refused, holder in self.desired.replace(owner, prepared):
            if owner != SHARED:
                message = f"wanted by {holder} as well, which holds it"
                self.writer.failures[refused.key] = ObjectFailure(
                    owner=owner, object=str(refused.key), code="object.held", message=message
                )

    async def _widen(self, extent: Extent) -> None:
        """Record where members may be before the first write there: a crash then loses none (design, invariant 4)."""
        if not self.extent.covers(extent):
            self.extent |= extent
            await self.parent.record(self.extent, self.identity.applyset)

    async def _watch_kinds(self) -> None:
        """Watch every kind that has, or may have, members. Kinds not served yet are watched once they are."""
        resources: list[Resource] = []
        versions = {(item.key.group, item.key.kind): item.api_version for item in self.desired.values()}
        for text in self.extent.group_kinds:
            group, kind = group_kind(text)
            resource = self.writer.discovery.find(group, kind, versions.get((group, kind), ""))
            if resource is not None and "watch" in resource.verbs:
                resources.append(resource)
        self.writer.unwatched = await self.watches.ensure(resources)
        deployments = self.writer.discovery.find("apps", "Deployment", "apps/v1")
        if deployments is not None and any(resource.kind == "SpinApp" for resource in resources):
            await self.watches.ensure_deployments(deployments)

    async def _foundation(self, wanted: list[Desired]) -> None:
        """Put what others stand on first: namespaces and definitions, then what is shared (accounts, executors)."""
        first = [item for item in wanted if item.wave == 0]
        await asyncio.gather(*(self.writer.put(item) for item in first if not self._as_wanted(item)))
        definitions = [item.key for item in first if (item.key.group, item.key.kind) == _CRD]
        if definitions:
            await self._established(definitions)
        self.queue.add(SHARED)
        await self.queue.drained([SHARED])

    async def _established(self, definitions: list[ObjectKey]) -> None:
        """Wait until new kinds are served, then learn of them. One that does not come in time fails by itself."""
        try:
            async with asyncio.timeout(_ESTABLISHED_WITHIN):
                while not all(self._current(key) for key in definitions):  # noqa: ASYNC110 - the watch fills it in
                    await asyncio.sleep(0.1)
        except TimeoutError:
            logger.warning("definitions not established in time")
        await self.writer.rediscover()
        await self._watch_kinds()

    def _current(self, key: ObjectKey) -> bool:
        member = self.members.get(key)
        return member is not None and member.health.health is Health.CURRENT

    def _as_wanted(self, item: Desired) -> bool:
        member = self.members.get(item.key)
        return member is not None and member.content == item.content and not member.gone

    async def reconcile(self, owner: str) -> None:
        """Bring one owner's objects to what is wanted, wave by wave; what fails is tried again with backoff."""
        if self.sync.suspend:
            return
        if owner == PRUNE:
            await self._prune()
            return
        self.metrics.queue.set(len(self.queue))
        wanted = self.desired.of(owner)
        for wave in sorted({item.wave for item in wanted}):
            await asyncio.gather(
                *(self.writer.put(item) for item in wanted if item.wave == wave and not self._as_wanted(item))
            )
        if any(failure.owner == owner for failure in self.writer.failures.values()):
            if any(failure.code in _LOOK_AGAIN for failure in self.writer.failures.values()):
                await self.writer.rediscover()
                await self._watch_kinds()
            self.queue.add_later(owner, self._backoff.next_delay(owner))
        else:
            self._backoff.forget(owner)

    async def _prune(self) -> None:
        """Delete what the fleet no longer has, the other way round than applied; then record the smaller extent."""
        if self.assignment is None or self.state.refused or not self.sync.prune:
            return
        await self._watch_kinds()  # what a restart finds is known only once it has been seen
        members = going(self.members, self.desired, self.assignment, self.releases)
        self.state.prune_held = guard(members, len(self.members), self.assignment.fleet, self.sync)
        if self.state.prune_held:
            logger.warning("prune held: %s", self.state.prune_held)
            return
        self.state.protected = tuple(member.key for member in members if protected(member))
        members = [member for member in members if not protected(member)]
        waiting = False
        for wave in sorted({_wave(member) for member in members}, reverse=True):
            gone = await asyncio.gather(*(self.writer.remove(member) for member in members if _wave(member) == wave))
            waiting = waiting or not all(gone)
        if waiting:
            self.queue.add_later(PRUNE, self._backoff.next_delay(PRUNE))
            return
        self._backoff.forget(PRUNE)
        await self._narrow()

    async def _narrow(self) -> None:
        """Record the extent of what is left, once every delete is confirmed."""
        keys = [item.key for item in self.desired.values()] + [member.key for member in self.members]
        extent = extent_of(keys, self.sync.namespace)
        if extent != self.extent:
            await self.parent.record(extent, self.identity.applyset)
            self.extent = extent

    def _retry_held(self) -> None:
        """Try verifications that could not be completed again, later and later."""
        delay = self.releases.next_try()
        if delay is not None:
            asyncio.get_running_loop().call_later(delay, self.wake)


def _wave(member: Member) -> int:
    return rank_of(member.key.group, member.key.kind)
