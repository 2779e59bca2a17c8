"""Making an object anew whose change the API server does not take."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.agent.attempts import RefusedError
from reconciler.agent.desired import Desired
from reconciler.agent.news import News, Newsroom
from reconciler.agent.sending import Sender
from reconciler.cluster.answers import INVALID
from reconciler.cluster.apply import Applied
from reconciler.cluster.discovery import Resource
from reconciler.errors import ClusterError
from reconciler.plan.replacing import how_to_replace, is_immutable, may_replace

_WAITS = "is being deleted to be made anew; waits for it to go"


@dataclass(kw_only=True, slots=True)
class Replacer:
    """Deletes and makes anew, only where the object itself asks for it."""

    sender: Sender
    newsroom: Newsroom

    async def replace(self, wanted: Desired, resource: Resource, refused: ClusterError) -> Applied:
        """Make an object anew after its change was refused. Raises RefusedError where that may not be, and `refused` where it was about something else."""
        if refused.status != INVALID or not is_immutable(refused.message):
            raise refused
        workloads = self.sender.workloads
        live = await workloads.live(wanted.key, resource)
        if not may_replace(wanted.key, live, wanted.object()):
            raise RefusedError("object.immutable", f"{refused.message}; {how_to_replace(wanted.key)}") from refused
        if live is not None:
            metadata = live["metadata"]
            if "deletionTimestamp" in metadata:
                raise RefusedError("object.terminating", _WAITS)
            gone = await workloads.delete(
                wanted.key, resource, uid=metadata["uid"], resource_version=metadata["resourceVersion"]
            )
            note = f"{wanted.key} of {wanted.owner} is made anew: {refused.message}"
            self.newsroom.add(News(sort="Warning", reason="Recreated", note=note, action="Apply"))
            if not gone:
                raise RefusedError("object.terminating", _WAITS)
        return await self.sender.apply(wanted, resource, None, force=False)
