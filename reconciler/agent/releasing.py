"""Letting go of one member: it stays as it is, and nothing on it says that it is ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.agent.attempts import Attempts, RefusedError
from reconciler.agent.members import Member, Members
from reconciler.agent.workloads import Workloads
from reconciler.cluster.answers import CONFLICT
from reconciler.errors import ClusterError
from reconciler.plan.membership import PART_OF_LABEL, set_of
from reconciler.render.model import APP_ANNOTATION

_TRIES = 5


@dataclass(kw_only=True, slots=True)
class Releaser:
    """Takes our label, our annotation and our entry in managedFields off members (design: "Orphan")."""

    workloads: Workloads
    members: Members
    attempts: Attempts

    async def release(self, member: Member) -> bool:
        """Let go of a member; tells whether that is done. A failure is kept with its reason, and may be tried again."""
        released = False
        with self.attempts.at(member.key, member.owner):
            await self._release(member)
            released = True
        return released  # noqa: RET504 - `at` keeps what goes wrong to itself

    async def _release(self, member: Member) -> None:
        key, discovery = member.key, self.workloads.discovery
        resource = discovery.find(key.group, key.kind, member.api_version) or discovery.find(key.group, key.kind)
        if resource is None:
            raise RefusedError("object.unknown-kind", "its kind is not served now")
        for attempt in range(_TRIES):
            live = await self.workloads.live(key, resource)
            if live is not None and set_of(live) == self.workloads.identity.applyset:
                try:
                    await self.workloads.merge(key, resource, released(live, self.workloads.identity.manager))
                except ClusterError as error:
                    if error.status != CONFLICT or attempt == _TRIES - 1:
                        raise
                    continue
            self.members.drop(key)
            return


def released(live: Mapping[str, Any], manager: str) -> dict[str, Any]:
    """Give the merge patch that lets go of an object as it was read; it fails where the object has changed since.

    A list without entries would be taken for none given; one empty entry is how the API server is told that none are left
    (k8s.io/apimachinery, managedfields: isResetManagedFields).
    """
    metadata = live["metadata"]
    others = [entry for entry in metadata.get("managedFields") or () if entry.get("manager") != manager]
    return {
        "metadata": {
            "resourceVersion": metadata["resourceVersion"],
            "labels": {PART_OF_LABEL: None},
            "annotations": {APP_ANNOTATION: None},
            "managedFields": others or [{}],
        }
    }
