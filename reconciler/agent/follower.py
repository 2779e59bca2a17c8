"""Following one FleetSync: its sync loop, its workers, its status, and its own changes."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.agent.announcing import Announcer, verdicts_of
from reconciler.agent.fleetsync import FleetSync, parse
from reconciler.agent.logs import about
from reconciler.agent.pausing import until_set
from reconciler.agent.pruning import PRUNE
from reconciler.agent.registry_logins import until_logins_changed
from reconciler.agent.reporting import AppReports, report_of
from reconciler.agent.sync import Syncer
from reconciler.errors import SpinfleetError
from reconciler.plan.guard import APPROVAL_ANNOTATION

logger = logging.getLogger(__name__)

#: At most one status write in this many seconds, so that a thousand changes are one.
_REPORT_EVERY = 0.5
#: While a commit is being applied everything changes all the time, and a long status costs the API server as much as several applies.
_REPORT_EVERY_WHILE_SYNCING = 3.0
_RESTART_AFTER = 5.0
_FAULT_AFTER = 60.0
#: Seconds between notes in the release records of what became current: a cold sync is then a few writes.
_NOTE_EVERY = 5.0


@dataclass(kw_only=True, slots=True)
class Seen:
    """A FleetSync as it was seen last, None once it is gone; `changed` is set with each change."""

    object: Mapping[str, Any] | None
    changed: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class Wakes:
    """What wakes a follower: a sync that was asked for, something held that may go on, a status to write; `synced`: a sync has ended."""

    sync: asyncio.Event = field(default_factory=asyncio.Event)
    again: asyncio.Event = field(default_factory=asyncio.Event)
    report: asyncio.Event = field(default_factory=asyncio.Event)
    synced: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(kw_only=True, slots=True)
class Follower:
    """Runs a Syncer: its loop, its workers, its status, and its FleetSync's changes."""

    syncer: Syncer
    announcer: Announcer
    reports: AppReports
    wakes: Wakes
    workers: int

    async def follow(self, seen: Seen) -> None:
        """Go on until the FleetSync, as it is `seen`, changes in a way that needs a new start."""
        restart = asyncio.create_task(self._until_changed(seen))
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
                asked = self.syncer.sync.request
                self.wakes.report.set()
                await self.syncer.sync_once()
                self.syncer.state.handled_request = asked
                self._synced()
                await self._until_next()

    async def _until_next(self) -> None:
        """Go on with what may go on, until the next sync is due or asked for."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self.syncer.sync.source.interval * random.uniform(0.9, 1.1)  # noqa: S311 - spreads load
        while loop.time() < end and not self.wakes.sync.is_set():
            if self.wakes.again.is_set():
                self.wakes.again.clear()
                await self.syncer.advance_once()
                self._synced()
            await _either(self.wakes.sync, self.wakes.again, end - loop.time())

    def _synced(self) -> None:
        self.wakes.report.set()
        self.wakes.synced.set()

    async def _report(self) -> None:
        while True:
            await self.wakes.report.wait()
            self.wakes.report.clear()
            self.syncer.metrics.members.set(len(self.syncer.installer.members))
            self.syncer.metrics.waiting.set(sum(len(each.keys) for each in self.syncer.state.waiting))
            report = report_of(self.syncer, self.reports)
            self.syncer.metrics.count_apps(app.health for app in report.apps)
            try:
                await self.syncer.parent.report(report)
            except SpinfleetError as error:
                logger.warning("status: %s", error.message)
                self.wakes.report.set()
            await self.announcer.tell_all(verdicts_of(self.syncer.releases))
            await asyncio.sleep(_REPORT_EVERY)
            if self.syncer.state.syncing:
                self.wakes.synced.clear()
                await until_set(self.wakes.synced, _REPORT_EVERY_WHILE_SYNCING - _REPORT_EVERY)

    async def _note_current(self) -> None:
        """Record, not often, which releases became current."""
        while True:
            await asyncio.sleep(_NOTE_EVERY)
            try:
                await self.syncer.note_current()
            except SpinfleetError as error:
                logger.warning("release records: %s", error.message)

    async def _until_changed(self, seen: Seen) -> None:
        """Take the FleetSync's own changes: a request wakes the loop; a new spec starts over."""
        while True:
            seen.changed.clear()
            if seen.object is None:
                return
            sync, ours = parse(seen.object), self.syncer.sync
            if sync.uid != ours.uid or sync.generation > ours.generation:
                return
            if sync.generation == ours.generation:  # else the watch is behind what was read
                self._requested(sync)
            await seen.changed.wait()

    def _requested(self, sync: FleetSync) -> None:
        syncer, state = self.syncer, self.syncer.state
        approved = sync.annotations.get(APPROVAL_ANNOTATION, "")
        if approved and approved != state.annotations.get(APPROVAL_ANNOTATION):
            syncer.installer.queue.add(PRUNE)
        state.annotations = sync.annotations
        turned = syncer.sync.suspended_apps ^ sync.suspended_apps
        asked = bool(sync.request) and sync.request != syncer.sync.request
        if turned or asked:
            syncer.sync = replace(syncer.sync, annotations=sync.annotations)
        if turned:
            syncer.releases.touch(turned)
            self.reports.mark(turned)
            self.wakes.again.set()
        if asked:
            self.wakes.sync.set()


async def _either(first: asyncio.Event, second: asyncio.Event, seconds: float) -> None:
    """Wait until one of two events is set, or for so many seconds."""
    waits = [asyncio.create_task(first.wait()), asyncio.create_task(second.wait())]
    try:
        await asyncio.wait(waits, timeout=max(0.0, seconds), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waits:
            task.cancel()
