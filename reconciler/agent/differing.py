"""Telling of drift without a write (`drift.mode: Report`): what an apply would change, by the server's own word."""

from __future__ import annotations

from dataclasses import dataclass, replace

from reconciler.agent.attempts import LeftError
from reconciler.agent.desired import Desired
from reconciler.agent.observing import Observer
from reconciler.agent.sending import Sender
from reconciler.cluster.discovery import Resource
from reconciler.plan.diff import diff, told
from reconciler.plan.drift import own_digest, own_part


@dataclass(kw_only=True, slots=True)
class Reporter:
    """Compares objects with what is wanted of them, and writes nothing."""

    sender: Sender
    observer: Observer

    async def report(self, wanted: Desired, resource: Resource) -> None:
        """Look at an object that differs. Raises LeftError where it does, with the fields; secret values are masked."""
        live = await self.sender.workloads.live(wanted.key, resource)
        if live is None:
            raise LeftError("object.drifted", "is not there any more; drift is only reported (drift.mode: Report)")
        member = self.observer.record(live, owner=wanted.owner, content=wanted.content)
        applied = await self.sender.apply(wanted, resource, live, force=True, dry_run=True)
        # A field that was taken is not ours any more, even once it has its value back: from now on the whole object is compared.
        self.observer.members.put(replace(member, reported=own_digest(live)))
        if changes := diff(own_part(live), own_part(applied.object)):
            raise LeftError("object.drifted", f"differs, and drift is only reported: {told(changes)}")
