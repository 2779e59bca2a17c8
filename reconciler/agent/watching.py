"""Live state: one watch for each group, version and kind as applied, on the membership label."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from reconciler.agent.identity import Identity
from reconciler.agent.members import Members
from reconciler.agent.observing import Observer
from reconciler.agent.spinapps import APP_LABEL, SpinApps
from reconciler.cluster.access import may
from reconciler.cluster.connection import Connection
from reconciler.cluster.discovery import Resource
from reconciler.cluster.watch import Changed, Complete, Event, Removed, Selection, watch
from reconciler.errors import ClusterError
from reconciler.plan.model import HealthResult, ObjectKey, key_of

logger = logging.getLogger(__name__)


@dataclass(kw_only=True, slots=True)
class Watches:
    """Starts watches as kinds come to be applied, and feeds the observer. `namespaces` are those allowed where not all are.

    `ended` is called where a watch that had begun was ended by the server for good.
    """

    connection: Connection
    identity: Identity
    observer: Observer
    members: Members
    spinapps: SpinApps
    changed: Callable[[str], None]
    namespaces: tuple[str, ...]
    ended: Callable[[], None] = lambda: None
    _tasks: dict[Selection, asyncio.Task[None]] = field(default_factory=dict)
    _complete: dict[Selection, asyncio.Event] = field(default_factory=dict)
    _wide: dict[tuple[str, str], bool] = field(default_factory=dict)

    async def ensure(self, resources: Iterable[Resource]) -> dict[Resource, str]:
        """Have each resource watched, and wait until its complete state has been seen.

        Gives those that the account may not see, each with the reason: nothing of them can be written, the others go on.
        """
        wanted = list(dict.fromkeys(resources))
        failures = await asyncio.gather(*(self._ensure(resource) for resource in wanted))
        return {resource: reason for resource, reason in zip(wanted, failures, strict=True) if reason}

    async def _ensure(self, resource: Resource) -> str:
        try:
            selections = await self._selections(resource)
            await asyncio.gather(*(self._start(selection, self._members) for selection in selections))
        except ClusterError as error:
            return error.message
        return ""

    async def ensure_deployments(self, deployments: Resource) -> None:
        """Have the Deployments that the SpinKube operator makes watched: they tell the health of SpinApps."""
        selections = await self._selections(deployments)
        # Without the right to see them SpinApps stay "progressing": never called healthy on a guess.
        ours = [replace(selection, label_selector=APP_LABEL) for selection in selections]
        try:
            await asyncio.gather(*(self._start(selection, self._deployments) for selection in ours))
        except ClusterError as error:
            logger.warning("the Deployments of SpinApps can't be watched: %s", error.message)

    def sees(self, group: str, kind: str) -> bool:
        """Tell whether all there is of a kind, where the account may look, has been seen and is being watched."""
        running = {
            resource: [each for each in self._tasks if each.resource == resource and each.label_selector == self.identity.selector]
            for resource in {each.resource for each in self._tasks}
            if (resource.group, resource.kind) == (group, kind)
        }  # fmt: skip
        return any(each and all(map(self._runs, each)) for each in running.values())

    def _runs(self, selection: Selection) -> bool:
        return self._complete[selection].is_set() and not self._tasks[selection].done()

    def outside(self, namespaces: Iterable[str]) -> frozenset[str]:
        """Give those of the namespaces that no watch reaches."""
        wide = not any(each.namespace for each in self._tasks)
        return frozenset() if wide else frozenset(namespaces) - frozenset(self.namespaces)

    async def stop(self) -> None:
        """End every watch."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tasks.clear()

    async def _selections(self, resource: Resource) -> list[Selection]:
        """Watch everywhere where the account may, else each allowed namespace."""
        place = (resource.group, resource.plural)
        if place not in self._wide:
            self._wide[place] = not resource.namespaced or await may(
                self.connection, resource, "watch", impersonate=self.identity.user
            )
        names = [""] if self._wide[place] else list(self.namespaces)
        return [Selection(resource=resource, namespace=name, label_selector=self.identity.selector) for name in names]

    async def _start(self, selection: Selection, feed: Callable[[Selection, Event], None]) -> None:
        task = self._tasks.get(selection)
        if task is None or task.done():
            self._complete[selection] = asyncio.Event()
            task = self._tasks[selection] = asyncio.create_task(self._run(selection, feed))
            task.add_done_callback(lambda done: self._over(selection, done))
        waiting = asyncio.create_task(self._complete[selection].wait())
        try:
            await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        if task.done():
            task.result()

    def _over(self, selection: Selection, task: asyncio.Task[None]) -> None:
        """Have a watch that the server has ended looked after: its kind is not served any more, or the account may not see it."""
        if not task.cancelled() and (error := task.exception()) is not None and self._complete[selection].is_set():
            logger.warning("the watch of %s has ended: %s", selection.resource.plural, error)
            self.ended()

    async def _run(self, selection: Selection, feed: Callable[[Selection, Event], None]) -> None:
        async for event in watch(self.connection, selection, impersonate=self.identity.user):
            feed(selection, event)
            if isinstance(event, Complete):
                self._complete[selection].set()

    def _members(self, selection: Selection, event: Event) -> None:
        if isinstance(event, Changed):
            self.observer.saw(event.object)
        elif isinstance(event, Removed):
            self.observer.missed(key_of(event.object), event.object["metadata"]["uid"])
        else:
            present = {key_of(obj) for obj in event.items}
            for obj in event.items:
                self.observer.saw(obj)
            for member in self.members:
                if _within(selection, member.key, member.api_version) and member.key not in present:
                    self.observer.missed(member.key, member.uid)

    def _deployments(self, selection: Selection, event: Event) -> None:
        if isinstance(event, Changed):
            self._tell(self.spinapps.deployment(event.object))
        elif isinstance(event, Removed):
            self._tell(self.spinapps.deployment_gone(key_of(event.object)))
        else:
            for obj in event.items:
                self._tell(self.spinapps.deployment(obj))
            places = frozenset((obj["metadata"]["namespace"], obj["metadata"]["name"]) for obj in event.items)
            for key in self.spinapps.complete(places):
                if not selection.namespace or key.namespace == selection.namespace:
                    self._tell(self.spinapps.deployment_gone(key))

    def _tell(self, news: tuple[ObjectKey, HealthResult] | None) -> None:
        if news is None:
            return
        key, health = news
        member = self.members.get(key)
        if member is not None and member.health != health:
            self.members.put(replace(member, health=health))
            self.changed(member.owner)


def _within(selection: Selection, key: ObjectKey, api_version: str) -> bool:
    resource = selection.resource
    same = (key.group, key.kind) == (resource.group, resource.kind) and api_version == resource.api_version
    return same and (not selection.namespace or key.namespace == selection.namespace)
