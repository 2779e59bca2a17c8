"""What an apply would change, by the server's own word: asked as a dry run, for drift that is only told (`drift.mode: Report`) and for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from reconciler.agent.attempts import LeftError
from reconciler.agent.desired import Desired
from reconciler.agent.observing import Observer
from reconciler.agent.sending import Sender
from reconciler.cluster.discovery import Resource
from reconciler.plan.diff import changed, told
from reconciler.plan.drift import own_digest, own_part
from reconciler.plan.holders import with_holders
from reconciler.plan.model import FieldChange


async def foreseen(
    sender: Sender, wanted: Desired, resource: Resource, live: Mapping[str, Any] | None
) -> tuple[FieldChange, ...]:
    """Give what sending a wanted object would change of the live one, and who else has set that; secret values are masked.

    Raises ClusterError where the server would refuse it, InputError and UnavailableError.
    """
    applied = await sender.apply(wanted, resource, live, force=live is not None, dry_run=True)
    if live is None:
        return changed(None, own_part(applied.object))
    changes = changed(own_part(live), own_part(applied.object))
    if wanted.autoscaled and wanted.key.kind != "SpinApp":
        # The number is let go of, and held where it is until the autoscaler sets it (agent.handover).
        changes = tuple(change for change in changes if change.pointer != "/spec/replicas")
    return with_holders(changes, live, sender.workloads.identity.manager)


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
        changes = await foreseen(self.sender, wanted, resource, live)
        # A field that was taken is not ours any more, even once it has its value back: from now on the whole object is compared.
        self.observer.members.put(replace(member, reported=own_digest(live)))
        if changes:
            raise LeftError("object.drifted", f"differs, and drift is only reported: {told(changes)}")
