"""Writing one object: policy, look first, apply."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.agent.attempts import Attempts, RefusedError
from reconciler.agent.decryption import Decryption
from reconciler.agent.desired import Desired, DesiredSet
from reconciler.agent.fleetsync import FleetSync
from reconciler.agent.members import Member, Members
from reconciler.agent.metrics import Metrics
from reconciler.agent.observing import Observer
from reconciler.agent.policy import refusal
from reconciler.agent.workloads import Workloads
from reconciler.cluster.apply import Applied
from reconciler.cluster.discovery import Resource
from reconciler.errors import SpinfleetError
from reconciler.plan.model import ObjectKey
from reconciler.plan.owned import owned_hash
from reconciler.render.model import SHARED

#: From this many unknown objects of one kind and namespace on, one metadata LIST is cheaper than a GET each.
_LIST_FROM = 4


@dataclass(kw_only=True, slots=True)
class Writer:
    """Applies single objects.

    `keeps` tells of an app whether it keeps all it has, because no release of it is known to say what it wants.
    """

    workloads: Workloads
    sync: FleetSync
    agent_namespace: str
    desired: DesiredSet
    members: Members
    observer: Observer
    attempts: Attempts
    metrics: Metrics
    decryption: Decryption
    keeps: Callable[[str], bool]
    unwatched: Mapping[Resource, str] = field(default_factory=dict)
    _absent: set[ObjectKey] = field(default_factory=set)

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
            if member is None or member.gone:
                await self._put_unknown(wanted, resource, member)
            else:
                self._record(wanted, await self._apply(wanted, resource, force=True), "configured")
        return wanted.key not in self.attempts.failures

    async def _put_unknown(self, wanted: Desired, resource: Resource, known: Member | None) -> None:
        """Look before the first write: what is there and not ours is never taken over silently."""
        adopt = self.sync.policy.adoption == "Adopt"
        live = None if wanted.key in self._absent else await self.workloads.live(wanted.key, resource)
        self._absent.discard(wanted.key)
        if live is not None:
            if not adopt and not self._ours(live, known):
                self._foreign(wanted)
            self._record(wanted, await self._apply(wanted, resource, force=True), "configured")
            return
        applied = await self._apply(wanted, resource, force=False)
        if not applied.created and not adopt:
            await self._let_go(wanted, resource)
            self._foreign(wanted)
        self._record(wanted, applied, "created")

    def _ours(self, live: Mapping[str, Any], known: Member | None) -> bool:
        """Tell whether a found object is our own: it still has fields of ours, and is the one we knew where we knew one."""
        return owned_hash(live, self.workloads.identity.manager) is not None and (
            known is None or known.uid == live["metadata"]["uid"]
        )

    def _foreign(self, wanted: Desired) -> None:
        if wanted.owner == SHARED:
            # A namespace or executor that somebody else keeps serves as well: it is used as it is.
            raise RefusedError("object.kept-by-others", "")
        raise RefusedError(
            "object.foreign", "exists already and does not belong to this FleetSync; remove it, or set adoption: Adopt"
        )

    async def _let_go(self, wanted: Desired, resource: Resource) -> None:
        """Give up the fields that an apply took of an object that came between look and write."""
        body = b'{"apiVersion":"%s","kind":"%s","metadata":{"name":"%s"}}' % tuple(
            text.encode() for text in (wanted.api_version, wanted.key.kind, wanted.key.name)
        )
        await self.workloads.apply(wanted.key, resource, body, force=False)

    def _resource(self, wanted: Desired) -> Resource:
        """Give where the object is written, or refuse."""
        if reason := refusal(self.sync, wanted.key, self.agent_namespace):
            raise RefusedError("object.not-allowed", reason)
        resource = self.workloads.discovery.find(wanted.key.group, wanted.key.kind, wanted.api_version)
        if resource is None:
            raise RefusedError(
                "object.unknown-kind",
                f"the API server does not serve {wanted.key.kind} of {wanted.api_version}; is its definition installed?",
            )
        if (unwatched := self.unwatched.get(resource)) is not None:
            # What can't be seen can't be healed or pruned: it is not written blindly.
            raise RefusedError("object.unwatched", f"its kind can't be watched: {unwatched}")
        if resource.namespaced and not wanted.key.namespace:
            raise RefusedError(
                "object.scope", f"{wanted.key.kind} is namespaced: give the object, its Bundle or App a namespace"
            )
        if wanted.key.namespace and not resource.namespaced:
            raise RefusedError("object.scope", f"{wanted.key.kind} is cluster-scoped: take metadata.namespace away")
        return resource

    async def _apply(self, wanted: Desired, resource: Resource, *, force: bool) -> Applied:
        return await self.workloads.apply(wanted.key, resource, self.decryption.body(wanted), force=force)

    def _record(self, wanted: Desired, applied: Applied, outcome: str) -> None:
        self.observer.record(applied.object, owner=wanted.owner, content=wanted.content)
        self.metrics.outcomes.labels(outcome).inc()
