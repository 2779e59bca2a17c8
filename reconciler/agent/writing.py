"""Writing one object: policy, look first, apply, delete. Every request is made as the FleetSync's service account."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from reconciler.agent.decryption import Decryption
from reconciler.agent.desired import Desired, DesiredSet
from reconciler.agent.fleetsync import FleetSync
from reconciler.agent.identity import Identity
from reconciler.agent.members import Member, Members
from reconciler.agent.metrics import Metrics
from reconciler.agent.observing import Observer
from reconciler.agent.policy import refusal
from reconciler.agent.status import ObjectFailure
from reconciler.cluster.apply import Applied, apply
from reconciler.cluster.connection import Connection
from reconciler.cluster.delete import delete
from reconciler.cluster.discovery import Discovery, Resource, discover
from reconciler.cluster.read import get, list_metadata
from reconciler.errors import ClusterError, InputError, SpinfleetError, UnavailableError
from reconciler.plan.membership import PART_OF_LABEL
from reconciler.plan.model import ObjectKey
from reconciler.plan.owned import owned_hash
from reconciler.plan.sensitive import is_sensitive, without_values
from reconciler.render.model import SHARED

_NOT_FOUND = 404
_CONFLICT = 409
#: From this many unknown objects of one kind and namespace on, one metadata LIST is cheaper than a GET each.
_LIST_FROM = 4


@dataclass(frozen=True, slots=True)
class _RefusedError(Exception):
    """Why this object is not written; no request could change that."""

    code: str
    message: str


@dataclass(kw_only=True, slots=True)
class Writer:
    """Applies and deletes single objects, and keeps why the last try of each failed.

    `slots` bounds the requests in flight over all apps. `keeps` tells of an app whether it keeps all it has, because no release
    of it is known to say what it wants.
    """

    connection: Connection
    sync: FleetSync
    identity: Identity
    agent_namespace: str
    discovery: Discovery
    desired: DesiredSet
    members: Members
    observer: Observer
    metrics: Metrics
    slots: asyncio.Semaphore
    decryption: Decryption
    keeps: Callable[[str], bool]
    failures: dict[ObjectKey, ObjectFailure] = field(default_factory=dict)
    unwatched: Mapping[Resource, str] = field(default_factory=dict)
    _absent: set[ObjectKey] = field(default_factory=set)

    async def look(self, wanted: Iterable[Desired]) -> None:
        """Find out, with few requests, which of many not yet known objects are absent. What can't be told is looked at singly."""
        groups: dict[tuple[Resource, str], list[Desired]] = {}
        for item in wanted:
            resource = self.discovery.find(item.key.group, item.key.kind, item.api_version)
            if resource is not None and self.members.get(item.key) is None:
                groups.setdefault((resource, item.key.namespace), []).append(item)
        many = [(place, items) for place, items in groups.items() if len(items) >= _LIST_FROM]
        await asyncio.gather(*(self._look(resource, namespace, items) for (resource, namespace), items in many))

    async def _look(self, resource: Resource, namespace: str, items: list[Desired]) -> None:
        try:
            async with self.slots:
                found = await list_metadata(
                    self.connection, resource, namespace=namespace, impersonate=self.identity.user
                )
        except SpinfleetError:
            return  # each object is then looked at by itself, and says why it fails
        names = {entry["metadata"]["name"] for entry in found.items}
        self._absent.update(item.key for item in items if item.key.name not in names)

    async def rediscover(self) -> None:
        """Ask anew what the server serves: a definition may have come."""
        self.discovery = await discover(self.connection)

    async def put(self, wanted: Desired) -> bool:
        """Bring one object to what is wanted. Gives whether it is so now; a failure is kept with its reason."""
        if self.desired.get(wanted.key) is not wanted:
            return True  # something else is wanted by now, and whoever wants it has been queued
        with self._in_flight(wanted.key, wanted.owner):
            resource = self._resource(wanted)
            member = self.members.get(wanted.key)
            if member is not None and member.owner != wanted.owner and self.keeps(member.owner):
                raise _RefusedError(
                    "object.held", f"{member.owner} has it, and what {member.owner} wants is not known now"
                )
            if member is None or member.gone:
                await self._put_unknown(wanted, resource, member)
            else:
                self._record(wanted, await self._apply(wanted, resource, force=True), "configured")
        return wanted.key not in self.failures

    async def _put_unknown(self, wanted: Desired, resource: Resource, known: Member | None) -> None:
        """Look before the first write: what is there and not ours is never taken over silently."""
        adopt = self.sync.policy.adoption == "Adopt"
        live = None if wanted.key in self._absent else await self._live(wanted.key, resource)
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
        return owned_hash(live, self.identity.manager) is not None and (
            known is None or known.uid == live["metadata"]["uid"]
        )

    def _foreign(self, wanted: Desired) -> None:
        if wanted.owner == SHARED:
            # A namespace or executor that somebody else keeps serves as well: it is used as it is.
            raise _RefusedError("object.kept-by-others", "")
        raise _RefusedError(
            "object.foreign", "exists already and does not belong to this FleetSync; remove it, or set adoption: Adopt"
        )

    async def _let_go(self, wanted: Desired, resource: Resource) -> None:
        """Give up the fields that an apply took of an object that came between look and write."""
        body = b'{"apiVersion":"%s","kind":"%s","metadata":{"name":"%s"}}' % tuple(
            text.encode() for text in (wanted.api_version, wanted.key.kind, wanted.key.name)
        )
        await self._send(wanted, resource, body, force=False)

    def _resource(self, wanted: Desired) -> Resource:
        """Give where the object is written, or refuse."""
        if reason := refusal(self.sync, wanted.key, self.agent_namespace):
            raise _RefusedError("object.not-allowed", reason)
        resource = self.discovery.find(wanted.key.group, wanted.key.kind, wanted.api_version)
        if resource is None:
            raise _RefusedError(
                "object.unknown-kind",
                f"the API server does not serve {wanted.key.kind} of {wanted.api_version}; is its definition installed?",
            )
        if (unwatched := self.unwatched.get(resource)) is not None:
            # What can't be seen can't be healed or pruned: it is not written blindly.
            raise _RefusedError("object.unwatched", f"its kind can't be watched: {unwatched}")
        if resource.namespaced and not wanted.key.namespace:
            raise _RefusedError(
                "object.scope", f"{wanted.key.kind} is namespaced: give the object, its Bundle or App a namespace"
            )
        if wanted.key.namespace and not resource.namespaced:
            raise _RefusedError("object.scope", f"{wanted.key.kind} is cluster-scoped: take metadata.namespace away")
        return resource

    async def _apply(self, wanted: Desired, resource: Resource, *, force: bool) -> Applied:
        return await self._send(wanted, resource, self.decryption.body(wanted), force=force)

    async def _send(self, wanted: Desired, resource: Resource, body: bytes, *, force: bool) -> Applied:
        """Send a body. What the server says against it may quote it: what must not be shown is taken out here, once for all."""
        try:
            async with self.slots:
                return await apply(
                    self.connection,
                    resource,
                    body,
                    namespace=wanted.key.namespace,
                    name=wanted.key.name,
                    field_manager=self.identity.manager,
                    force=force,
                    impersonate=self.identity.user,
                )
        except (ClusterError, UnavailableError) as error:
            if is_sensitive(sent := json.loads(body)):
                error.message = without_values(error.message, sent)
                error.args = (error.message,)
                # What it was raised from may quote it as well.
                error.__cause__ = error.__context__ = None
            raise

    async def _live(self, key: ObjectKey, resource: Resource) -> Mapping[str, Any] | None:
        try:
            async with self.slots:
                return await get(
                    self.connection, resource, namespace=key.namespace, name=key.name, impersonate=self.identity.user
                )
        except ClusterError as error:
            if error.status == _NOT_FOUND:
                return None
            raise

    def _record(self, wanted: Desired, applied: Applied, outcome: str) -> None:
        self.observer.record(applied.object, owner=wanted.owner, content=wanted.content)
        self.metrics.outcomes.labels(outcome).inc()

    async def remove(self, member: Member) -> bool:
        """Delete a member that the fleet no longer has. Gives whether it is gone for good.

        The decision is checked against the live object: it must still be ours, uncontrolled, and the one we know (its uid).
        """
        with self._in_flight(member.key, member.owner):
            resource = self.discovery.find(member.key.group, member.key.kind, member.api_version)
            if resource is None:
                self._unserved(member)
                return True
            live = await self._live(member.key, resource)
            if live is None or live["metadata"]["uid"] != member.uid or not self._still_ours(live):
                self.members.drop(member.key)
                return True
            if "deletionTimestamp" not in live["metadata"]:
                await self._delete(member, resource, live["metadata"]["resourceVersion"])
                self.metrics.outcomes.labels("pruned").inc()
        return self.members.get(member.key) is None

    def _unserved(self, member: Member) -> None:
        """Judge a kind that is not served: gone with its definition, if discovery told of everything."""
        if not self.discovery.complete:
            raise _RefusedError(
                "object.unknown-kind", "its kind is not served now and discovery is incomplete; it stays a member"
            )
        self.members.drop(member.key)

    def _still_ours(self, live: Mapping[str, Any]) -> bool:
        metadata = live["metadata"]
        labelled = (metadata.get("labels") or {}).get(PART_OF_LABEL) == self.identity.applyset
        controlled = any(reference.get("controller") for reference in metadata.get("ownerReferences") or ())
        return labelled and not controlled and owned_hash(live, self.identity.manager) is not None

    async def _delete(self, member: Member, resource: Resource, resource_version: str) -> None:
        async with self.slots:
            gone = await delete(
                self.connection,
                resource,
                namespace=member.key.namespace,
                name=member.key.name,
                uid=member.uid,
                resource_version=resource_version,
                propagation="Background",
                impersonate=self.identity.user,
            )
        if gone:
            self.members.drop(member.key)

    @contextmanager
    def _in_flight(self, key: ObjectKey, owner: str) -> Iterator[None]:
        """Hold back watch events of the object meanwhile, and turn what goes wrong into its failure."""
        self.observer.begin(key)
        try:
            yield
            self.failures.pop(key, None)
        except _RefusedError as reason:
            if reason.message:
                self._failed(key, owner, reason.code, reason.message)
            else:
                self.failures.pop(key, None)
                self.metrics.outcomes.labels("skipped").inc()
        except InputError as error:
            self._failed(key, owner, "object.encrypted", error.message)
        except ClusterError as error:
            if error.status == _CONFLICT:
                self.members.suspect(key)
            self._failed(key, owner, f"object.{error.reason or error.status}", error.message)
        except UnavailableError as error:
            self.members.suspect(key)
            self._failed(key, owner, "object.unavailable", error.message)
        finally:
            self.observer.end(key)

    def _failed(self, key: ObjectKey, owner: str, code: str, message: str) -> None:
        self.failures[key] = ObjectFailure(owner=owner, object=str(key), code=code, message=message)
        self.metrics.outcomes.labels("failed").inc()
