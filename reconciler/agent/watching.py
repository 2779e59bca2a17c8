"""Live state: one watch for each group, version and kind as applied, on the membership label.

What the account may not see is asked for again by and by, and refuses nothing else meanwhile: another kind, or the same kind in
another namespace, goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace

from reconciler.agent.backoff import Backoff
from reconciler.agent.identity import Identity
from reconciler.agent.members import Members
from reconciler.agent.observing import Observer
from reconciler.agent.pausing import until_set
from reconciler.agent.spinapps import APP_LABEL, SpinApps
from reconciler.cluster.access import may
from reconciler.cluster.connection import Connection
from reconciler.cluster.discovery import Resource
from reconciler.cluster.watch import Changed, Complete, Event, Removed, Selection, watch
from reconciler.errors import ClusterError
from reconciler.plan.model import HealthResult, ObjectKey, key_of

logger = logging.getLogger(__name__)

_FIRST_RETRY, _LONGEST_RETRY = 2.0, 120.0

Feed = Callable[[Selection, Event], None]


@dataclass(kw_only=True, slots=True)
class _Watch:
    """One watch. `settled` is set once it was found out whether it may be watched: `refused` says why not, else all was seen."""

    task: asyncio.Task[None] | None = None
    refused: str = ""
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    again: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def complete(self) -> bool:
        """Whether all there is has been seen and is being watched."""
        return self.settled.is_set() and not self.refused


@dataclass(kw_only=True, slots=True)
class Watches:
    """Starts watches as kinds come to be applied, and feeds the observer. `changed` takes word of an app, `turned` of a watch that was
    refused, or is not any more.
    """

    connection: Connection
    identity: Identity
    observer: Observer
    members: Members
    spinapps: SpinApps
    changed: Callable[[str], None]
    turned: Callable[[], None]
    _watches: dict[Selection, _Watch] = field(default_factory=dict)
    _wide: dict[tuple[str, str], bool] = field(default_factory=dict)
    _unasked: dict[Resource, str] = field(default_factory=dict)

    async def ensure(self, resources: Iterable[Resource], namespaces: Collection[str]) -> None:
        """Have each resource watched, everywhere where the account may, else in these namespaces; return when it is known what may be seen.

        `refusal` has what may not. Raises UnavailableError.
        """
        wanted = dict.fromkeys(resources)
        await asyncio.gather(*(self._ensure(resource, namespaces) for resource in wanted))
        # What is not served any more, say, is asked for no more.
        await self._stop([each for each, found in self._own() if found.refused and each.resource not in wanted])
        for resource in [each for each in self._unasked if each not in wanted]:
            del self._unasked[resource]

    async def _ensure(self, resource: Resource, namespaces: Collection[str]) -> None:
        try:
            places = await self._places(resource, namespaces)
        except ClusterError as error:  # not even what it may do can be asked as this account
            self._unasked[resource] = error.message
            return
        self._unasked.pop(resource, None)
        selections = [self._selection(resource, namespace) for namespace in places]
        await asyncio.gather(*(self._start(selection, self._members) for selection in selections))
        wide = self._watches.get(self._selection(resource, ""))
        if wide is not None and wide.complete:
            await self._stop([each for each, _ in self._own() if each.resource == resource and each.namespace])

    async def ensure_deployments(self, deployments: Resource, namespaces: Collection[str]) -> None:
        """Have the Deployments that the SpinKube operator makes watched: they tell the health of SpinApps."""
        # Without the right to see them SpinApps stay "progressing": never called healthy on a guess.
        try:
            places = await self._places(deployments, namespaces)
        except ClusterError as error:
            logger.warning("the Deployments of SpinApps can't be watched: %s", error.message)
            return
        selections = [Selection(resource=deployments, namespace=name, label_selector=APP_LABEL) for name in places]
        await asyncio.gather(*(self._start(selection, self._deployments) for selection in selections))

    def refusal(self, resource: Resource, namespace: str) -> str:
        """Say why objects of a resource can't be seen in a namespace (empty: where the resource has none); empty where they can."""
        if resource in self._unasked:
            return self._unasked[resource]
        wide = self._watches.get(self._selection(resource, ""))
        if wide is not None and not wide.refused:
            return ""
        narrow = self._watches.get(self._selection(resource, namespace))
        return narrow.refused if narrow is not None else "it is not watched"

    def refused(self) -> dict[tuple[Resource, str], str]:
        """Give what can't be seen, by resource and namespace (empty: in any), with the reason."""
        found = {(resource, ""): reason for resource, reason in self._unasked.items()}
        narrow = {each.resource for each in self._watches if each.namespace}
        for selection, each in self._own():
            if each.refused and (selection.namespace or selection.resource not in narrow):
                found[selection.resource, selection.namespace] = each.refused
        return found

    def _own(self) -> list[tuple[Selection, _Watch]]:
        """Give the watches of members; those of other Deployments are none."""
        return [found for found in self._watches.items() if found[0].label_selector == self.identity.selector]

    def sees(self, group: str, kind: str) -> bool:
        """Tell whether all there is of a kind, where the account may look, has been seen and is being watched."""
        own = [
            (selection, each)
            for selection, each in self._own()
            if (selection.resource.group, selection.resource.kind) == (group, kind)
        ]
        return any(self._sees(resource) for resource in {selection.resource for selection, _ in own})

    def _sees(self, resource: Resource) -> bool:
        watches = {
            selection.namespace: each.complete for selection, each in self._own() if selection.resource == resource
        }
        wide = watches.pop("", False)
        return wide or (bool(watches) and all(watches.values()))

    def outside(self, namespaces: Iterable[str]) -> frozenset[str]:
        """Give those of the namespaces in which something can't be seen."""
        hidden = {namespace for resource, namespace in self.refused() if resource.namespaced}
        return frozenset(each for each in namespaces if each in hidden or "" in hidden)

    async def stop(self) -> None:
        """End every watch."""
        await self._stop(list(self._watches))

    async def _stop(self, selections: Iterable[Selection]) -> None:
        watches = [found for each in selections if (found := self._watches.pop(each, None)) is not None]
        tasks = [each.task for each in watches if each.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _selection(self, resource: Resource, namespace: str) -> Selection:
        return Selection(resource=resource, namespace=namespace, label_selector=self.identity.selector)

    async def _places(self, resource: Resource, namespaces: Collection[str]) -> list[str]:
        """Give where to watch: everywhere (an empty name) where the account may list and watch there."""
        place = (resource.group, resource.plural)
        if place not in self._wide:
            allowed = [
                not resource.namespaced or await may(self.connection, resource, verb, impersonate=self.identity.user)
                for verb in ("list", "watch")
            ]
            self._wide[place] = all(allowed)
        return [""] if self._wide[place] else sorted(namespaces)

    async def _start(self, selection: Selection, feed: Feed) -> None:
        """Have a selection watched and wait until it is settled; what was refused is tried once more now."""
        each = self._watches.get(selection)
        if each is None or each.task is None or each.task.done():
            each = self._watches[selection] = _Watch()
            each.task = asyncio.create_task(self._run(selection, feed, each))
        elif each.complete:
            return
        elif each.refused:
            each.settled.clear()
            each.again.set()
        waiting = asyncio.create_task(each.settled.wait())
        try:
            await asyncio.wait([each.task, waiting], return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        if each.task.done() and not each.task.cancelled():
            each.task.result()  # a fault of our own shows here

    async def _run(self, selection: Selection, feed: Feed, each: _Watch) -> None:
        """Watch for ever; a refusal is waited out."""
        backoff = Backoff(first=_FIRST_RETRY, longest=_LONGEST_RETRY)
        while True:
            try:
                async for event in watch(self.connection, selection, impersonate=self.identity.user):
                    feed(selection, event)
                    if isinstance(event, Complete):
                        backoff.forget("")
                        self._settle(each, "")
            except ClusterError as error:
                logger.warning("%s can't be watched: %s", selection.resource.plural, error.message)
                # What was allowed everywhere may be so no more: it is asked anew.
                self._wide.pop((selection.resource.group, selection.resource.plural), None)
                self._settle(each, error.message)
            await until_set(each.again, backoff.next_delay(""))
            each.again.clear()

    def _settle(self, each: _Watch, refused: str) -> None:
        news = bool(each.refused) != bool(refused)
        each.refused = refused
        each.settled.set()
        if news:
            self.turned()

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
