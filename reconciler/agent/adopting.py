"""The first write of an object: look first, and take over what is there only where that is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.agent.attempts import RefusedError
from reconciler.agent.desired import Desired
from reconciler.agent.fleetsync import FleetSync
from reconciler.agent.members import Member
from reconciler.agent.news import News, Newsroom
from reconciler.agent.sending import Sender
from reconciler.agent.workloads import Workloads
from reconciler.cluster.answers import ConflictError
from reconciler.cluster.apply import Applied
from reconciler.cluster.discovery import Resource
from reconciler.errors import UnavailableError
from reconciler.plan.adoption import Terms, is_ours, refusal, taken_over, writers
from reconciler.plan.drift import RECONCILE_ANNOTATION, is_left_alone
from reconciler.render.model import SHARED

#: How often managedFields are rewritten for one take-over: once for each apiVersion that earlier appliers have written it in.
_MOST_ROUNDS = 4


@dataclass(kw_only=True, slots=True)
class Adopter:
    """Writes objects that are not known to be ours."""

    workloads: Workloads
    sync: FleetSync
    sender: Sender
    newsroom: Newsroom

    async def write(self, wanted: Desired, resource: Resource, known: Member | None, *, absent: bool) -> Applied:
        """Create an object, or write to one that is found to be ours or may be taken over. `absent`: a list has just told so.

        Raises RefusedError where it is somebody else's and stays so.
        """
        live = None if absent else await self.workloads.live(wanted.key, resource)
        if live is None:
            applied = await self._create(wanted, resource)
            if applied is not None:
                return applied
            live = await self.workloads.live(wanted.key, resource)
            if live is None:
                raise UnavailableError(f"{wanted.key} comes and goes; tried again")
        if is_left_alone(live):
            raise RefusedError(
                "object.left-alone", f"is there, annotated {RECONCILE_ANNOTATION}: Disabled, and is not touched"
            )
        if self._ours(live, known):
            return await self.sender.apply(wanted, resource, live, force=True)
        return await self._take_over(wanted, resource, live)

    async def _create(self, wanted: Desired, resource: Resource) -> Applied | None:
        """Apply without force, since it may have come a moment ago; gives None where it had, with no field of it ours."""
        try:
            applied = await self.sender.apply(wanted, resource, None, force=False)
        except ConflictError:
            return None
        if applied.created:
            return applied
        await self._let_go(wanted, resource)
        return None

    def _ours(self, live: Mapping[str, Any], known: Member | None) -> bool:
        """Tell whether a found object is our own, and the one we knew where we knew one."""
        identity = self.workloads.identity
        same = known is None or known.uid == live["metadata"]["uid"]
        return same and is_ours(live, identity.manager, identity.applyset)

    async def _take_over(self, wanted: Desired, resource: Resource, live: Mapping[str, Any]) -> Applied:
        identity = self.workloads.identity
        terms = Terms(policy=self.sync.policy.adoption, git=wanted.adoption)
        if why := refusal(live, terms, manager=identity.manager, applyset=identity.applyset):
            if wanted.owner == SHARED:
                # A namespace or executor that somebody else keeps serves as well: it is used as it is.
                raise RefusedError("object.kept-by-others", "")
            raise RefusedError("object.foreign", why)
        if "deletionTimestamp" in live["metadata"]:
            raise RefusedError("object.terminating", "an object of this name is being deleted; waits for it to go")
        before = writers(live)
        applied = await self._apply_over(wanted, resource, live)
        note = f"{wanted.key} of {wanted.owner} existed already and was taken over from {before}"
        self.newsroom.add(News(sort="Normal", reason="Adopted", note=note, action="Apply"))
        return applied

    async def _apply_over(self, wanted: Desired, resource: Resource, live: Mapping[str, Any]) -> Applied:
        """Make what earlier appliers set ours, and apply: what Git does not want of it goes."""
        desired, manager = wanted.object(), self.workloads.identity.manager
        for _ in range(_MOST_ROUNDS):
            fields = taken_over(live, manager, desired)
            if fields is not None:
                await self.workloads.take_over(wanted.key, resource, live, fields)
            applied = await self.sender.apply(wanted, resource, live, force=True)
            live = applied.object
            if taken_over(live, manager, desired) is None:
                return applied
        raise UnavailableError(f"{wanted.key} is applied by others all the while; the take-over is tried again")

    async def _let_go(self, wanted: Desired, resource: Resource) -> None:
        """Give up the fields that an apply took of an object that came between look and write."""
        body = b'{"apiVersion":"%s","kind":"%s","metadata":{"name":"%s"}}' % tuple(
            text.encode() for text in (wanted.api_version, wanted.key.kind, wanted.key.name)
        )
        await self.workloads.apply(wanted.key, resource, body, force=False)
