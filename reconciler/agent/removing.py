"""Deleting one member, checked against the live object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.agent.attempts import Attempts, RefusedError
from reconciler.agent.members import Member, Members
from reconciler.agent.metrics import Metrics
from reconciler.agent.workloads import Workloads
from reconciler.plan.membership import PART_OF_LABEL
from reconciler.plan.owned import owned_hash


@dataclass(kw_only=True, slots=True)
class Remover:
    """Deletes members that the fleet no longer has."""

    workloads: Workloads
    members: Members
    attempts: Attempts
    metrics: Metrics

    async def remove(self, member: Member) -> bool:
        """Delete a member that the fleet no longer has. Gives whether it is gone for good.

        The decision is checked against the live object: it must still be ours, uncontrolled, and the one we know (its uid).
        """
        with self.attempts.at(member.key, member.owner):
            resource = self.workloads.discovery.find(member.key.group, member.key.kind, member.api_version)
            if resource is None:
                self._unserved(member)
                return True
            live = await self.workloads.live(member.key, resource)
            if live is None or live["metadata"]["uid"] != member.uid or not self._still_ours(live):
                self.members.drop(member.key)
                return True
            if "deletionTimestamp" not in live["metadata"]:
                version = live["metadata"]["resourceVersion"]
                if await self.workloads.delete(member.key, resource, uid=member.uid, resource_version=version):
                    self.members.drop(member.key)
                self.metrics.outcomes.labels("pruned").inc()
        return self.members.get(member.key) is None

    def _unserved(self, member: Member) -> None:
        """Judge a kind that is not served: gone with its definition, if discovery told of everything."""
        if not self.workloads.discovery.complete:
            raise RefusedError(
                "object.unknown-kind", "its kind is not served now and discovery is incomplete; it stays a member"
            )
        self.members.drop(member.key)

    def _still_ours(self, live: Mapping[str, Any]) -> bool:
        metadata = live["metadata"]
        labelled = (metadata.get("labels") or {}).get(PART_OF_LABEL) == self.workloads.identity.applyset
        controlled = any(reference.get("controller") for reference in metadata.get("ownerReferences") or ())
        return labelled and not controlled and owned_hash(live, self.workloads.identity.manager) is not None
