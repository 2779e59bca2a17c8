"""The FleetSyncs of an agent: found by a watch, each with a task of its own, so that none can stop another."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from reconciler.agent.backoff import Backoff
from reconciler.agent.fleetsync import REQUEST_ANNOTATION
from reconciler.agent.follower import Seen
from reconciler.agent.tenant import Place, Shared, Tenant
from reconciler.cluster.patch import merge_patch
from reconciler.cluster.watch import Changed, Complete, Event, Selection, watch
from reconciler.errors import ClusterError, SpinfleetError

logger = logging.getLogger(__name__)

_FIRST_RETRY, _LONGEST_RETRY = 2.0, 60.0


@dataclass(kw_only=True, slots=True)
class Tenants:
    """Every FleetSync that there is, from when it comes until it goes: followed while we lead, rehearsed while we stand by.

    Connection, discovery and the number of requests in flight are shared; all else is each FleetSync's own.
    """

    shared: Shared
    _tenants: dict[Place, Tenant] = field(default_factory=dict)
    _tasks: dict[Place, asyncio.Task[None]] = field(default_factory=dict)
    _complete: set[Selection] = field(default_factory=set)
    _leading: bool = False
    _passing_on: asyncio.Task[None] | None = None

    @property
    def known(self) -> bool:
        """Whether it is known which FleetSyncs there are."""
        return bool(self._complete)

    def wake(self) -> None:
        """Have every FleetSync look at its repository now: by ourselves, or by word on each of them to whoever leads."""
        if not self._leading:
            self._passing_on = asyncio.create_task(self._pass_on(tuple(self._tenants)))
        for tenant in self._tenants.values():
            tenant.wake()

    async def _pass_on(self, places: Iterable[Place]) -> None:
        change = {"metadata": {"annotations": {REQUEST_ANNOTATION: datetime.now(UTC).isoformat()}}}
        for namespace, name in places:
            try:
                await merge_patch(self.shared.connection, self.shared.resource, change, namespace=namespace, name=name)
            except SpinfleetError as error:
                logger.warning("passing a hook on to %s/%s: %s", namespace, name, error.message)

    async def watch(self) -> None:
        """Learn of FleetSyncs as they come, change and go, until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                for selection in self._selections():
                    group.create_task(self._watch(selection))
        finally:
            await self._stop()

    async def follow(self) -> None:
        """Follow all of them until cancelled: the work of whoever leads."""
        self._leading = True
        try:
            await self._stop()
            self._start_all()
            await asyncio.Event().wait()
        finally:
            self._leading = False
            await self._stop()
            self._start_all()

    def _selections(self) -> list[Selection]:
        options, resource = self.shared.options, self.shared.resource
        if options.only is not None:
            return [Selection(resource=resource, namespace=options.only[0], name=options.only[1])]
        return [Selection(resource=resource, namespace=each) for each in options.namespaces or ("",)]

    async def _watch(self, selection: Selection) -> None:
        """Watch FleetSyncs; where that is refused, by and by again. A namespace that may not be seen stops none of the others."""
        backoff = Backoff(first=_FIRST_RETRY, longest=_LONGEST_RETRY)
        while True:
            try:
                async with aclosing(watch(self.shared.connection, selection)) as events:
                    async for event in events:
                        backoff.forget("")
                        self._take(selection, event)
            except ClusterError as error:
                # Those that are known already go on being followed.
                logger.error("FleetSyncs can't be watched: %s %s", error.message, error.hint)  # noqa: TRY400 - an expected failure needs no traceback
            await asyncio.sleep(backoff.next_delay(""))

    def _take(self, selection: Selection, event: Event) -> None:
        if isinstance(event, Changed):
            self._came(event.object)
        elif isinstance(event, Complete):
            self._complete.add(selection)
            for obj in event.items:
                self._came(obj)
            present = {_place(obj) for obj in event.items}
            for place in [place for place in self._tenants if _within(selection, place) and place not in present]:
                self._went(place)
        else:
            self._went(_place(event.object))

    def _came(self, obj: Mapping[str, Any]) -> None:
        place = _place(obj)
        tenant = self._tenants.get(place)
        if tenant is None:
            tenant = self._tenants[place] = Tenant(shared=self.shared, place=place, seen=Seen(object=obj))
        tenant.seen.object = obj
        tenant.seen.changed.set()
        self._start(place)

    def _went(self, place: Place) -> None:
        tenant = self._tenants.pop(place, None)
        if tenant is not None:
            tenant.seen.object = None
            tenant.seen.changed.set()

    def _start_all(self) -> None:
        for place in self._tenants:
            self._start(place)

    def _start(self, place: Place) -> None:
        if place not in self._tasks:
            tenant = self._tenants[place]
            task = self._tasks[place] = asyncio.create_task(tenant.follow() if self._leading else tenant.rehearse())
            task.add_done_callback(lambda _: self._ended(place, task))

    def _ended(self, place: Place, task: asyncio.Task[None]) -> None:
        """Take word that a task has ended: its FleetSync is gone, or gone and there again."""
        if self._tasks.get(place) is not task:
            return  # it was stopped
        del self._tasks[place]
        if place in self._tenants:
            self._start(place)
        else:
            self.shared.metrics.forget("/".join(place))

    async def _stop(self) -> None:
        tasks, self._tasks = tuple(self._tasks.values()), {}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _place(obj: Mapping[str, Any]) -> Place:
    metadata = obj["metadata"]
    return metadata["namespace"], metadata["name"]


def _within(selection: Selection, place: Place) -> bool:
    return selection.namespace in {"", place[0]} and selection.name in {"", place[1]}
