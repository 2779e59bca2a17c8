"""The agent process: connects, follows its FleetSync, reports, and ends in order on SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import random
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace

from reconciler.agent.announcing import Announcer, verdicts_of
from reconciler.agent.assigning import Assigning
from reconciler.agent.attempts import Attempts
from reconciler.agent.commits import Commits
from reconciler.agent.decryption import Decryption
from reconciler.agent.desired import DesiredSet
from reconciler.agent.fleetsync import FleetSync, parse
from reconciler.agent.identity import PARENT_KIND, identity_of
from reconciler.agent.installing import Installer
from reconciler.agent.logs import about, log_to
from reconciler.agent.members import Members
from reconciler.agent.metrics import Metrics
from reconciler.agent.observing import Observer
from reconciler.agent.options import AgentOptions
from reconciler.agent.parent import Parent, known_extent
from reconciler.agent.progress import Progress
from reconciler.agent.pruning import Pruner
from reconciler.agent.queue import WorkQueue
from reconciler.agent.records import RecordStore
from reconciler.agent.registry_logins import until_logins_changed
from reconciler.agent.releases import Releases
from reconciler.agent.removing import Remover
from reconciler.agent.reporting import AppReports, report_of, stalled_report
from reconciler.agent.server import serving
from reconciler.agent.source import FleetSource, policy_of, registries_of
from reconciler.agent.spinapps import GROUP as SPIN_GROUP
from reconciler.agent.spinapps import SpinApps
from reconciler.agent.state import state_of
from reconciler.agent.sync import Syncer
from reconciler.agent.watching import Watches
from reconciler.agent.webhook import receiving
from reconciler.agent.workloads import Workloads
from reconciler.agent.writing import Writer
from reconciler.artifact.verify import Verifier
from reconciler.cluster.connection import Connection
from reconciler.cluster.discovery import discover
from reconciler.cluster.events import Recorder
from reconciler.cluster.watch import Changed, Complete, Selection, watch
from reconciler.errors import ClusterError, InputError, SpinfleetError, UnavailableError
from reconciler.fleet.model import API_GROUP
from reconciler.git.signers import signers_of
from reconciler.plan.model import ObjectKey

logger = logging.getLogger(__name__)

#: At most one status write in this many seconds, so that a thousand changes are one.
_REPORT_EVERY = 0.5
_RESTART_AFTER = 5.0
_FAULT_AFTER = 60.0
#: Seconds between notes in the release records of what became current: a cold sync is then a few writes.
_NOTE_EVERY = 5.0
_FORBIDDEN = 403
#: Who reports, in Events.
_CONTROLLER = "spinfleet.dev/agent"


def run(options: AgentOptions) -> int:
    """Run an agent until SIGTERM or SIGINT. Gives its exit code: 0 after a signal, 2 where it could not go on."""
    log_to(sys.stderr)
    return asyncio.run(_run(options))


async def _run(options: AgentOptions) -> int:
    loop, agent = asyncio.get_running_loop(), Agent(options=options)
    main = asyncio.create_task(agent.run())
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, main.cancel)
    try:
        await main
    except asyncio.CancelledError:
        return 0
    return 2


@dataclass(kw_only=True, slots=True)
class Agent:
    """One process: serves its probes and follows one FleetSync, starting over where its spec changes who it is."""

    options: AgentOptions
    metrics: Metrics = field(default_factory=Metrics)
    ready: bool = False
    wakes: set[asyncio.Event] = field(default_factory=set)

    async def run(self) -> None:
        """Go on until cancelled. Raises SpinfleetError only where the API server can't be used at all."""
        async with AsyncExitStack() as stack:
            if self.options.listen is not None:
                await stack.enter_async_context(
                    serving(
                        self.options.listen,
                        registry=self.metrics.registry,
                        alive=lambda: True,
                        ready=lambda: self.ready,
                    )
                )
            if self.options.webhook is not None:
                await stack.enter_async_context(receiving(*self.options.webhook, self._wake))
            connection = await stack.enter_async_context(
                await Connection.open(self.options.kubeconfig, self.options.context)
            )
            self.metrics.count_requests(connection.requests)
            while True:
                try:
                    await self._follow(connection)
                except (ClusterError, UnavailableError, InputError) as error:
                    logger.error("%s %s", error.message, error.hint)  # noqa: TRY400 - an expected failure needs no traceback
                    await asyncio.sleep(_RESTART_AFTER)

    def _wake(self) -> None:
        """Have every FleetSync look at its repository now."""
        for wake in self.wakes:
            wake.set()

    async def _follow(self, connection: Connection) -> None:
        """Follow the FleetSync until its identity changes or it is gone."""
        discovery = await discover(connection)
        resource = discovery.find(API_GROUP, PARENT_KIND)
        if resource is None:
            raise UnavailableError("the FleetSync definition is not installed", hint="run spinfleet install")
        parent = Parent(
            connection=connection, resource=resource, namespace=self.options.namespace, name=self.options.name
        )
        sync = await parent.read()
        try:
            _check_supported(sync)
            async with self._syncer(connection, parent, sync) as follower:
                self.ready = True
                await follower.follow(Selection(resource=resource, namespace=parent.namespace, name=parent.name))
        except InputError as error:
            # Only a person can help: the FleetSync itself says what must change.
            await parent.report(stalled_report(sync, f"{error.message}; {error.hint}"))
            raise

    @asynccontextmanager
    async def _syncer(self, connection: Connection, parent: Parent, sync: FleetSync) -> AsyncIterator[Follower]:
        """Put the parts together: this is the one place that knows them all."""
        options = self.options
        identity = identity_of(sync, options.default_service_account)
        members, queue, wakes, reports = Members(), WorkQueue(), Wakes(), AppReports()
        desired = DesiredSet(holder_of=members.owner_of)
        assigning = Assigning(cluster=sync.cluster)
        followed: list[Syncer] = []

        def has_deployment(namespace: str, executor: str) -> bool:
            wanted = desired.get(ObjectKey(SPIN_GROUP, "SpinAppExecutor", namespace, executor))
            return wanted is None or bool(wanted.object()["spec"].get("createDeployment", True))

        def changed(owner: str) -> None:
            for syncer in followed:
                syncer.changed(owner)
            wakes.report.set()

        def drifted(owner: str) -> None:
            self.metrics.drift.inc()
            reports.drifted(owner)
            queue.add(owner)

        def late(name: str, seconds: float) -> None:
            asyncio.get_running_loop().call_later(seconds, changed, name)

        def keeps(owner: str) -> bool:
            here = assigning.assignment is not None and owner in assigning.assignment.units
            return here and not desired.knows(owner)

        decryption = Decryption(connection=connection, namespace=sync.namespace, secret=sync.decryption_secret)
        spinapps = SpinApps(has_deployment=has_deployment)
        observer = Observer(
            identity=identity,
            desired=desired,
            members=members,
            health_of=spinapps.health_of,
            drifted=drifted,
            changed=changed,
            comparable=decryption.comparable,
        )
        workloads = Workloads(
            connection=connection, identity=identity, discovery=await discover(connection), slots=asyncio.Semaphore(options.concurrency)
        )  # fmt: skip
        attempts = Attempts(members=members, observer=observer, metrics=self.metrics)
        writer = Writer(
            workloads=workloads, sync=sync, agent_namespace=options.agent_namespace, desired=desired, members=members, observer=observer,
            attempts=attempts, metrics=self.metrics, decryption=decryption, keeps=keeps,
        )  # fmt: skip
        watches = Watches(
            connection=connection, identity=identity, observer=observer, members=members, spinapps=spinapps, changed=changed,
            namespaces=sync.policy.namespaces or (sync.namespace,),
        )  # fmt: skip
        folder = options.cache / f"{sync.namespace}.{sync.name}"
        registries = await registries_of(connection, sync)
        policy = await policy_of(connection, sync)
        signers = signers_of(sync.source.keys) if sync.source.keys else ()
        records = await _records(connection, sync)
        async with Verifier(registries=registries, cache=folder / "verdicts") as verifier:
            releases = Releases(verifier=verifier, metrics=self.metrics, policy=policy, decryption=decryption)
            state = state_of(sync)
            source = FleetSource(connection=connection, folder=folder, allow_local=options.allow_local_sources, signers=signers)  # fmt: skip
            installer = Installer(
                sync=sync, identity=identity, parent=parent, writer=writer, watches=watches, desired=desired, members=members,
                queue=queue, extent=known_extent(sync),
            )  # fmt: skip
            syncer = Syncer(
                sync=sync, parent=parent, source=source, records=records, assigning=assigning, releases=releases, installer=installer,
                writer=writer, metrics=self.metrics, wake=wakes.again.set, mark=reports.mark, state=state,
                commits=Commits(
                    sync=sync, source=source, records=records, assigning=assigning, metrics=self.metrics, state=state
                ),
                progress=Progress(desired=desired, members=members, releases=releases, failures=lambda: attempts.failures, late=late),
                pruner=Pruner(
                    sync=sync, installer=installer, records=records, state=state, mark=reports.mark,
                    remover=Remover(workloads=workloads, members=members, attempts=attempts, metrics=self.metrics),
                ),
            )  # fmt: skip
            followed.append(syncer)
            self.wakes.add(wakes.sync)
            self.metrics.count_findings(verifier.findings)
            recorder = Recorder(connection=connection, controller=_CONTROLLER, instance=socket.gethostname())
            announcer = Announcer(recorder=recorder, sync=sync)
            try:
                yield Follower(
                    syncer=syncer, announcer=announcer, reports=reports, wakes=wakes, workers=options.concurrency
                )
            finally:
                self.wakes.discard(wakes.sync)
                queue.close()
                await watches.stop()


async def _records(connection: Connection, sync: FleetSync) -> RecordStore:
    """Read the release records. Raises InputError where the agent may not: without them it must not release anything."""
    records = RecordStore(connection=connection, namespace=sync.namespace, name=sync.name, uid=sync.uid)
    try:
        await records.read()
    except ClusterError as error:
        if error.status != _FORBIDDEN:
            raise
        hint = "give the agent's account get, patch and create on these ConfigMaps (see docs/releases.md)"
        raise InputError(f"the release records can't be read: {error.message}", hint=hint) from error
    return records


def _check_supported(sync: FleetSync) -> None:
    if sync.unsupported:
        raise InputError(
            f"spec.{sync.unsupported[0]} is not supported by this version",
            hint="take it away; nothing is synced while it stands",
        )


@dataclass(slots=True)
class Wakes:
    """What wakes a follower: a sync that was asked for, something held that may go on, a status to write."""

    sync: asyncio.Event = field(default_factory=asyncio.Event)
    again: asyncio.Event = field(default_factory=asyncio.Event)
    report: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(kw_only=True, slots=True)
class Follower:
    """Runs a Syncer: its loop, its workers, its status, and its FleetSync's changes."""

    syncer: Syncer
    announcer: Announcer
    reports: AppReports
    wakes: Wakes
    workers: int

    async def follow(self, own: Selection) -> None:
        """Go on until the FleetSync changes in a way that needs a new start."""
        restart = asyncio.create_task(self._until_changed(own))
        others = [
            asyncio.create_task(self.syncer.installer.queue.work(self._reconcile, workers=self.workers)),
            asyncio.create_task(self._sync()),
            asyncio.create_task(self._report()),
            asyncio.create_task(self._note_current()),
            asyncio.create_task(
                until_logins_changed(self.syncer.parent.connection, self.syncer.sync, self.syncer.releases)
            ),
        ]
        try:
            done, _ = await asyncio.wait([restart, *others], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (restart, *others):
                task.cancel()
            await asyncio.gather(restart, *others, return_exceptions=True)

    async def _reconcile(self, owner: str) -> None:
        queue = self.syncer.installer.queue
        with about(app=owner, commit=self.syncer.state.accepted):
            try:
                await self.syncer.reconcile(owner)
            except SpinfleetError as error:
                logger.warning("%s: %s", owner, error.message)
                queue.add_later(owner, _RESTART_AFTER)
            except Exception:  # a fault of ours in one app must not stop the others (design, invariant 3)
                logger.exception("reconciling %s", owner)
                queue.add_later(owner, _FAULT_AFTER)
        self.wakes.report.set()

    async def _sync(self) -> None:
        """Sync at the interval, with jitter so that a thousand clusters do not ask at once, or as soon as asked to."""
        with about(fleetsync=f"{self.syncer.sync.namespace}/{self.syncer.sync.name}"):
            while True:
                self.wakes.sync.clear()
                self.wakes.report.set()
                await self.syncer.sync_once()
                self.wakes.report.set()
                await self._until_next()

    async def _until_next(self) -> None:
        """Go on with what may go on, until the next sync is due or asked for."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self.syncer.sync.source.interval * random.uniform(0.9, 1.1)  # noqa: S311 - spreads load
        while loop.time() < end and not self.wakes.sync.is_set():
            if self.wakes.again.is_set():
                self.wakes.again.clear()
                await self.syncer.advance_once()
                self.wakes.report.set()
            await _either(self.wakes.sync, self.wakes.again, end - loop.time())

    async def _report(self) -> None:
        while True:
            await self.wakes.report.wait()
            self.wakes.report.clear()
            self.syncer.metrics.members.set(len(self.syncer.installer.members))
            try:
                await self.syncer.parent.report(report_of(self.syncer, self.reports))
            except SpinfleetError as error:
                logger.warning("status: %s", error.message)
                self.wakes.report.set()
            await self.announcer.verdicts(verdicts_of(self.syncer.releases))
            await asyncio.sleep(_REPORT_EVERY)

    async def _note_current(self) -> None:
        """Record, not often, which releases became current."""
        while True:
            await asyncio.sleep(_NOTE_EVERY)
            try:
                await self.syncer.note_current()
            except SpinfleetError as error:
                logger.warning("release records: %s", error.message)

    async def _until_changed(self, own: Selection) -> None:
        """Take the FleetSync's own changes: a request wakes the loop; a new spec starts over."""
        async with aclosing(watch(self.syncer.parent.connection, own)) as events:
            async for event in events:
                if isinstance(event, Complete):
                    if not event.items:
                        return
                    objects = event.items
                elif isinstance(event, Changed):
                    objects = (event.object,)
                else:
                    return
                sync = parse(objects[0])
                if sync.uid != self.syncer.sync.uid or sync.generation != self.syncer.sync.generation:
                    return
                self._requested(sync)

    def _requested(self, sync: FleetSync) -> None:
        syncer, state = self.syncer, self.syncer.state
        turned = syncer.sync.suspended_apps ^ sync.suspended_apps
        asked = bool(sync.request) and sync.request != state.handled_request
        if turned or asked:
            syncer.sync = replace(syncer.sync, annotations=sync.annotations)
        if turned:
            syncer.releases.touch(turned)
            self.reports.mark(turned)
            self.wakes.again.set()
        if asked:
            state.handled_request = sync.request
            self.wakes.sync.set()


async def _either(first: asyncio.Event, second: asyncio.Event, seconds: float) -> None:
    """Wait until one of two events is set, or for so many seconds."""
    waits = [asyncio.create_task(first.wait()), asyncio.create_task(second.wait())]
    try:
        await asyncio.wait(waits, timeout=max(0.0, seconds), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waits:
            task.cancel()
