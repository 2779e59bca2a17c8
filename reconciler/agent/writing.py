"""Writing one object: policy, look first (agent.adopting), apply."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from reconciler.agent.adopting import Adopter
from reconciler.agent.attempts import Attempts, RefusedError
from reconciler.agent.contests import Contests
from reconciler.agent.desired import Desired, DesiredSet
from reconciler.agent.differing import Reporter
from reconciler.agent.fleetsync import FleetSync
from reconciler.agent.members import Member, Members
from reconciler.agent.metrics import Metrics
from reconciler.agent.observing import Observer
from reconciler.agent.policy import no_room, refusal
from reconciler.agent.replacing import Replacer
from reconciler.agent.sending import Sender
from reconciler.agent.workloads import Workloads
from reconciler.cluster.apply import Applied
from reconciler.cluster.discovery import Discovery, Resource
from reconciler.errors import ClusterError, SpinfleetError
from reconciler.plan.model import ObjectKey

logger = logging.getLogger(__name__)

#: From this many unknown objects of one kind and namespace on, one metadata LIST is cheaper than a GET each.
_LIST_FROM = 4
#: The code of an object for which its FleetSync's quota has no room.
OVER_QUOTA = "object.quota"


def resource_of(sync: FleetSync | None, wanted: Desired, discovery: Discovery, agent_namespace: str) -> Resource:
    """Give where an object is written. Raises RefusedError where the FleetSync's policy (None: not known) or what is served forbids it."""
    if sync is not None and (reason := refusal(sync, wanted.key, agent_namespace)):
        raise RefusedError("object.not-allowed", reason)
    resource = discovery.find(wanted.key.group, wanted.key.kind, wanted.api_version)
    if resource is None:
        raise RefusedError(
            "object.unknown-kind",
            f"the API server does not serve {wanted.key.kind} of {wanted.api_version}; is its definition installed?",
        )
    if resource.namespaced and not wanted.key.namespace:
        raise RefusedError(
            "object.scope", f"{wanted.key.kind} is namespaced: give the object, its Bundle or App a namespace"
        )
    if wanted.key.namespace and not resource.namespaced:
        raise RefusedError("object.scope", f"{wanted.key.kind} is cluster-scoped: take metadata.namespace away")
    return resource


@dataclass(kw_only=True, slots=True)
class Writer:
    """Applies single objects.

    `keeps` tells of an app whether it keeps all it has, because no release of it is known to say what it wants. `unwatched` says why
    objects of a resource can't be seen in a namespace, if so.
    """

    workloads: Workloads
    sender: Sender
    adopter: Adopter
    replacer: Replacer
    reporter: Reporter
    contests: Contests
    sync: FleetSync
    agent_namespace: str
    desired: DesiredSet
    members: Members
    observer: Observer
    attempts: Attempts
    metrics: Metrics
    keeps: Callable[[str], bool]
    unwatched: Callable[[Resource, str], str]
    _absent: set[ObjectKey] = field(default_factory=set)
    _coming: set[ObjectKey] = field(default_factory=set)

    async def look(self, wanted: Iterable[Desired]) -> None:
        """Find out, with few requests, which of many not yet known objects are absent. What can't be told is looked at singly."""
        groups: dict[tuple[Resource, str], list[Desired]] = {}
        for item in wanted:
            resource = self.workloads.discovery.find(item.key.group, item.key.kind, item.api_version)
            if resource is not None and self.members.get(item.key) is None:
                groups.setdefault((resource, item.key.namespace), []).append(item)
        many = [(place, items) for place, items in groups.items() if len(items) >= _LIST_FROM]
        await asyncio.gather(*(self._look(resource, namespace, items) for (resource, namespace), items in many))

    async def _look(self, resource: Resource, namespace: str, items: list[Desired]) -> None:
        try:
            found = await self.workloads.metadata(resource, namespace)
        except SpinfleetError:
            return  # each object is then looked at by itself, and says why it fails
        names = {entry["metadata"]["name"] for entry in found.items}
        self._absent.update(item.key for item in items if item.key.name not in names)

    async def put(self, wanted: Desired) -> bool:
        """Bring one object to what is wanted. Gives whether it is so now; a failure is kept with its reason."""
        if self.desired.get(wanted.key) is not wanted:
            return True  # something else is wanted by now, and whoever wants it has been queued
        with self.attempts.at(wanted.key, wanted.owner):
            resource = self._resource(wanted)
            member = self.members.get(wanted.key)
            if member is not None and member.owner != wanted.owner and self.keeps(member.owner):
                raise RefusedError(
                    "object.held", f"{member.owner} has it, and what {member.owner} wants is not known now"
                )
            if wanted.left_alone or (member is not None and member.left_alone):
                raise RefusedError("object.left-alone", "")
            if reason := self.contests.stopped(wanted.key, wanted.content):
                raise RefusedError("object.contested", reason)
            if wanted.drift.report and member is not None and member.sent == wanted.content:
                await self.reporter.report(wanted, resource)
            else:
                with self._within_quota(wanted.key, member):
                    applied = await self._apply(wanted, resource, member)
                    self._record(wanted, applied, member)
        return wanted.key not in self.attempts.failures

    async def _apply(self, wanted: Desired, resource: Resource, member: Member | None) -> Applied:
        """Apply to a member, or look before the first write: what is there and not ours is never taken over silently."""
        absent = wanted.key in self._absent
        self._absent.discard(wanted.key)
        try:
            if member is None or member.gone or member.owned_hash is None:
                return await self.adopter.write(wanted, resource, member, absent=absent)
            return await self.sender.apply_member(wanted, resource)
        except ClusterError as error:
            return await self.replacer.replace(wanted, resource, error)

    @contextmanager
    def _within_quota(self, key: ObjectKey, known: Member | None) -> Iterator[None]:
        """Let an object in that would be a new one, while there is room for it; what is ours already is written in any case."""
        if known is None and (reason := no_room(self.sync, len(self.members), len(self._coming))):
            raise RefusedError(OVER_QUOTA, reason)
        if known is None:
            self._coming.add(key)
        try:
            yield
        finally:
            self._coming.discard(key)

    def _resource(self, wanted: Desired) -> Resource:
        """Give where the object is written, or refuse."""
        resource = resource_of(self.sync, wanted, self.workloads.discovery, self.agent_namespace)
        if unwatched := self.unwatched(resource, wanted.key.namespace):
            # What can't be seen can't be healed or pruned: it is not written blindly.
            raise RefusedError("object.unwatched", f"its kind can't be watched: {unwatched}")
        return resource

    def _record(self, wanted: Desired, applied: Applied, known: Member | None) -> None:
        now = self.observer.record(applied.object, owner=wanted.owner, content=wanted.content)
        as_before = known is not None and (known.uid, known.resource_version) == (now.uid, now.resource_version)
        outcome = "created" if applied.created else "unchanged" if as_before else "configured"
        self.metrics.outcomes.labels(outcome).inc()
        if not as_before:
            drifted = known is not None and known.sent == wanted.content
            logger.info("%s, after drift" if drifted else "%s", outcome)
