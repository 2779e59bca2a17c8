"""Putting the parts together that follow one FleetSync: this is the one place that knows them all."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.agent.adopting import Adopter
from reconciler.agent.announcing import Announcer
from reconciler.agent.assigning import Assigning
from reconciler.agent.attempts import Attempts
from reconciler.agent.commits import Commits
from reconciler.agent.contests import Contests
from reconciler.agent.decryption import Decryption
from reconciler.agent.desired import DesiredSet
from reconciler.agent.differing import Reporter
from reconciler.agent.fleetsync import FINALIZER, FleetSync
from reconciler.agent.follower import Follower, Wakes
from reconciler.agent.identity import identity_of
from reconciler.agent.installing import LOOK, Installer
from reconciler.agent.judging import Judging
from reconciler.agent.leadership import Leadership
from reconciler.agent.members import Members
from reconciler.agent.metrics import Metrics
from reconciler.agent.news import Newsroom
from reconciler.agent.observing import Observer
from reconciler.agent.options import AgentOptions
from reconciler.agent.parent import Parent, known_extent
from reconciler.agent.progress import Progress
from reconciler.agent.pruning import PRUNE, Pruner
from reconciler.agent.queue import WorkQueue
from reconciler.agent.records import RecordStore
from reconciler.agent.releases import Releases
from reconciler.agent.removing import Remover
from reconciler.agent.replacing import Replacer
from reconciler.agent.reporting import AppReports
from reconciler.agent.sending import Sender
from reconciler.agent.source import FleetSource, Kept, policy_of, registries_of
from reconciler.agent.spinapps import GROUP as SPIN_GROUP
from reconciler.agent.spinapps import SpinApps
from reconciler.agent.state import state_of
from reconciler.agent.sync import Syncer
from reconciler.agent.watching import Watches
from reconciler.agent.waves import Waves
from reconciler.agent.workloads import Workloads
from reconciler.agent.writing import Writer
from reconciler.artifact.verify import Verifier
from reconciler.cluster.answers import FORBIDDEN
from reconciler.cluster.connection import Connection
from reconciler.cluster.discovery import Served
from reconciler.cluster.events import Recorder
from reconciler.cluster.flow import Share
from reconciler.errors import ClusterError, InputError
from reconciler.git.signers import signers_of
from reconciler.plan.model import ObjectKey

#: Who reports, in Events.
_CONTROLLER = "spinfleet.dev/agent"


@dataclass(kw_only=True, slots=True)
class Signals:
    """What the parts of one FleetSync tell one another: health, drift, lateness, and what is known of executors."""

    metrics: Metrics
    wakes: Wakes = field(default_factory=Wakes)
    reports: AppReports = field(default_factory=AppReports)
    queue: WorkQueue = field(default_factory=WorkQueue)
    members: Members = field(default_factory=Members)
    desired: DesiredSet = field(init=False)
    assigning: Assigning
    syncer: Syncer | None = None

    def __post_init__(self) -> None:
        self.desired = DesiredSet(holder_of=self.members.owner_of)

    def has_deployment(self, namespace: str, executor: str) -> bool:
        """Tell whether the SpinKube operator makes Deployments for an executor, as far as it is one of the fleet's."""
        wanted = self.desired.get(ObjectKey(SPIN_GROUP, "SpinAppExecutor", namespace, executor))
        return wanted is None or bool(wanted.object()["spec"].get("createDeployment", True))

    def changed(self, owner: str) -> None:
        """Take word that an app's health or objects changed."""
        if self.syncer is not None:
            self.syncer.changed(owner)
        self.wakes.report.set()

    def drifted(self, owner: str) -> None:
        """Take word that an object of an app is not as it was applied."""
        self.metrics.drift.inc()
        self.reports.drifted(owner)
        self.queue.add(owner)

    def turned(self) -> None:
        """Take word that a kind can't be seen any more in a place, or can again."""
        self.queue.add(LOOK)
        self.wakes.report.set()

    def late(self, name: str, seconds: float) -> None:
        """Have an app looked at again when its release may be late."""
        asyncio.get_running_loop().call_later(seconds, self.changed, name)

    def keeps(self, owner: str) -> bool:
        """Tell whether an app keeps all it has, because no release of it is known to say what it wants."""
        assignment = self.assigning.assignment
        return assignment is not None and owner in assignment.units and not self.desired.knows(owner)


@asynccontextmanager
async def assembled(
    connection: Connection, parent: Parent, sync: FleetSync, *, options: AgentOptions, metrics: Metrics, served: Served, slots: Share,
    leadership: Leadership, kept: Kept,
) -> AsyncIterator[Follower]:  # fmt: skip
    """Give what follows a FleetSync of fixed identity, ready to go on. Raises InputError where a person must change something first."""
    identity = identity_of(sync, options.default_service_account)
    signals = Signals(metrics=metrics, assigning=Assigning(cluster=sync.cluster))
    desired, members, queue, assigning = signals.desired, signals.members, signals.queue, signals.assigning
    decryption = Decryption(connection=connection, namespace=sync.namespace, secret=sync.decryption_secret)
    spinapps = SpinApps(has_deployment=signals.has_deployment)
    newsroom = Newsroom()
    contests = Contests(newsroom=newsroom)
    observer = Observer(
        contests=contests, identity=identity, desired=desired, members=members, health_of=spinapps.health_of, drifted=signals.drifted,
        changed=signals.changed, comparable=decryption.comparable, surplus=lambda: queue.add(PRUNE),
    )  # fmt: skip
    workloads = Workloads(connection=connection, identity=identity, served=served, slots=slots, leadership=leadership)
    watches = Watches(
        connection=connection, identity=identity, observer=observer, members=members, spinapps=spinapps, changed=signals.changed,
        turned=signals.turned,
    )  # fmt: skip
    attempts = Attempts(members=members, observer=observer, metrics=metrics)
    sender = Sender(workloads=workloads, decryption=decryption)
    writer = Writer(
        sender=sender, adopter=Adopter(workloads=workloads, sync=sync, sender=sender, newsroom=newsroom),
        replacer=Replacer(sender=sender, newsroom=newsroom), reporter=Reporter(sender=sender, observer=observer), contests=contests,
        workloads=workloads, sync=sync, agent_namespace=options.agent_namespace, desired=desired, members=members, observer=observer,
        attempts=attempts, metrics=metrics, keeps=signals.keeps, unwatched=watches.refusal,
    )  # fmt: skip
    folder = folder_of(options.cache, sync.namespace, sync.name)
    registries = await registries_of(connection, sync)
    policy = await policy_of(connection, sync)
    signers = signers_of(sync.source.keys) if sync.source.keys else ()
    records = await _records(connection, sync)
    async with Verifier(registries=registries, cache=folder / "verdicts") as verifier:
        releases = Releases(verifier=verifier, metrics=metrics, policy=policy, decryption=decryption)
        state = state_of(sync)
        source = FleetSource(
            connection=connection,
            folder=folder,
            allow_local=options.allow_local_sources,
            signers=signers,
            kept=kept,
        )
        installer = Installer(
            sync=sync, identity=identity, parent=parent, writer=writer, watches=watches, desired=desired, members=members,
            queue=queue, extent=known_extent(sync), held_fast=FINALIZER in sync.finalizers,
        )  # fmt: skip
        mark = signals.reports.mark
        signals.syncer = Syncer(
            sync=sync, parent=parent, source=source, records=records, assigning=assigning, releases=releases, installer=installer,
            writer=writer, metrics=metrics, wake=signals.wakes.again.set, mark=mark, state=state,
            commits=Commits(
                sync=sync, source=source, records=records, assigning=assigning, metrics=metrics, state=state
            ),
            progress=Progress(
                desired=desired, members=members, releases=releases, failures=lambda: attempts.failures, late=signals.late
            ),
            judging=Judging(spinapps=spinapps, members=members, workloads=workloads, changed=signals.changed),
            pruner=Pruner(
                sync=sync, installer=installer, records=records, state=state, mark=mark, newsroom=newsroom,
                waves=Waves(
                    remover=Remover(
                        workloads=workloads, members=members, attempts=attempts, metrics=metrics, wanted=desired.__contains__
                    ),
                ),
            ),
        )  # fmt: skip
        metrics.count_findings(verifier.findings)
        recorder = Recorder(connection=connection, controller=_CONTROLLER, instance=socket.gethostname())
        try:
            yield Follower(
                syncer=signals.syncer, announcer=Announcer(recorder=recorder, sync=sync, newsroom=newsroom), reports=signals.reports, wakes=signals.wakes,
                workers=options.concurrency,
            )  # fmt: skip
        finally:
            queue.close()
            await watches.stop()


def folder_of(cache: Path, namespace: str, name: str) -> Path:
    """Give the folder of one FleetSync's repository and verdicts. A namespace has no dot in its name, so no two share one."""
    return cache / f"{namespace}.{name}"


async def _records(connection: Connection, sync: FleetSync) -> RecordStore:
    """Read the release records. Raises InputError where the agent may not: without them it must not release anything."""
    records = RecordStore(connection=connection, namespace=sync.namespace, name=sync.name, uid=sync.uid)
    try:
        await records.read()
    except ClusterError as error:
        if error.status != FORBIDDEN:
            raise
        hint = "give the agent its rights beside this FleetSync: spinfleet install --tenant makes them (see docs/tenancy.md)"
        raise InputError(f"the release records can't be read: {error.message}", hint=hint) from error
    return records
