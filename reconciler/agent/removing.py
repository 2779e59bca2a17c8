"""Deleting one member, checked against the live object."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from reconciler.agent.attempts import Attempts, RefusedError
from reconciler.agent.emptiness import why_not_empty
from reconciler.agent.members import Member, Members
from reconciler.agent.metrics import Metrics
from reconciler.agent.workloads import Workloads
from reconciler.cluster.answers import CONFLICT
from reconciler.cluster.discovery import Resource
from reconciler.errors import ClusterError
from reconciler.plan.membership import is_controlled, keeps_itself, set_of
from reconciler.plan.model import Health, ObjectKey
from reconciler.plan.owned import is_applied_by

logger = logging.getLogger(__name__)

#: What controllers write into an object's status meanwhile is no reason to wait for the next round.
_TRIES = 3


class Removal(Enum):
    """How far the removal of one member has come: it is gone (or was never ours), its deletion has begun, or it failed."""

    GONE = auto()
    BEGUN = auto()
    FAILED = auto()


@dataclass(kw_only=True, slots=True)
class Remover:
    """Deletes members that the fleet no longer has. `wanted` tells whether it has one of this identity, after all, by now."""

    workloads: Workloads
    members: Members
    attempts: Attempts
    metrics: Metrics
    wanted: Callable[[ObjectKey], bool] = lambda _key: False

    async def remove(self, member: Member, unserved: Mapping[tuple[str, str], str]) -> Removal:
        """Delete a member that the fleet no longer has.

        The decision is checked against the live object: it must still be ours, uncontrolled, and the one we know (its uid).
        `unserved` says of kinds that are not served why they are not known to be gone, empty for those that are.
        """
        outcome = Removal.FAILED
        with self.attempts.at(member.key, member.owner):
            outcome = await self._remove(member, unserved)
        return outcome  # noqa: RET504 - `at` keeps what goes wrong to itself

    async def _remove(self, member: Member, unserved: Mapping[tuple[str, str], str]) -> Removal:
        key, discovery = member.key, self.workloads.discovery
        if member.health.health is Health.TERMINATING:
            return Removal.BEGUN  # its watch tells when it is gone
        resource = discovery.find(key.group, key.kind, member.api_version) or discovery.find(key.group, key.kind)
        if resource is None:
            if reason := unserved.get((key.group, key.kind), "its kind is not served now"):
                raise RefusedError("object.unknown-kind", f"{reason}; it stays a member")
            self.members.drop(key)
            return Removal.GONE
        for attempt in range(_TRIES):
            live = await self.workloads.live(key, resource)
            if live is None or live["metadata"]["uid"] != member.uid or not self._may_go(live):
                self.members.drop(key)
                return Removal.GONE
            if "deletionTimestamp" in live["metadata"]:
                return Removal.BEGUN
            if keeps_itself(live) or self.wanted(key):
                return Removal.GONE  # not for us to delete
            if reason := await why_not_empty(self.workloads, key, live):
                raise RefusedError("prune.not-empty", f"is not deleted: {reason}")
            try:
                return await self._delete(member, resource, live)
            except ClusterError as error:
                if error.status != CONFLICT or attempt == _TRIES - 1:
                    raise
        raise AssertionError  # every round returns or raises

    async def _delete(self, member: Member, resource: Resource, live: Mapping[str, Any]) -> Removal:
        version = live["metadata"]["resourceVersion"]
        gone = await self.workloads.delete(member.key, resource, uid=member.uid, resource_version=version)
        self.metrics.outcomes.labels("pruned").inc()
        logger.info("pruned" if gone else "pruned: its deletion has begun")
        if gone:
            self.members.drop(member.key)
        return Removal.GONE if gone or self.members.get(member.key) is None else Removal.BEGUN

    def _may_go(self, live: Mapping[str, Any]) -> bool:
        identity = self.workloads.identity
        return set_of(live) == identity.applyset and not is_controlled(live) and is_applied_by(live, identity.manager)
