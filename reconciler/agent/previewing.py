"""What a sync would do, object by object: each is sent as the agent would send it, as a dry run, and the server's answer is told.

Nothing is written. What needs no write is not sent either, by the rule by which an agent that restarts takes objects as they are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.agent.attempts import RefusedError
from reconciler.agent.desired import Desired
from reconciler.agent.differing import foreseen
from reconciler.agent.fleetsync import FleetSync
from reconciler.agent.sending import Sender
from reconciler.agent.writing import resource_of
from reconciler.cluster.access import may
from reconciler.cluster.answers import FORBIDDEN, INVALID
from reconciler.cluster.discovery import Resource
from reconciler.errors import ClusterError, SpinfleetError
from reconciler.plan.adoption import is_ours, taken_over
from reconciler.plan.diff import diff
from reconciler.plan.drift import is_left_alone
from reconciler.plan.model import FieldChange, Foreseen, ObjectKey
from reconciler.plan.owned import covers_exactly
from reconciler.plan.replacing import how_to_replace, is_immutable, may_replace

_NAMESPACE = ("", "Namespace")
_CRD = ("apiextensions.k8s.io", "CustomResourceDefinition")
#: What may be done is what a dry run of it needs.
_NEEDED = ("create", "patch")
#: How the API server refuses to ask a webhook that may have side effects (k8s.io/apiserver, admission/plugin/webhook).
_NO_DRY_RUN = "does not support dry run"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Coming:
    """What is wanted and not there yet: namespaces, kinds as (group, kind), and the lowest wave of anything."""

    namespaces: frozenset[str]
    kinds: frozenset[tuple[str, str]]
    first: int

    @classmethod
    def of(cls, wanted: Iterable[Desired], live: Mapping[ObjectKey, Any]) -> _Coming:
        absent = [item for item in wanted if item.key not in live]
        definitions = [item.object().get("spec") or {} for item in absent if item.key[:2] == _CRD]
        return cls(
            namespaces=frozenset(item.key.name for item in absent if item.key[:2] == _NAMESPACE),
            kinds=frozenset((spec.get("group", ""), (spec.get("names") or {}).get("kind", "")) for spec in definitions),
            first=min((item.wave for item in absent), default=0),
        )


@dataclass(kw_only=True, slots=True)
class Previewer:
    """Asks what the agent's writes would do. `sync` is the FleetSync whose policy counts; None where there is none yet."""

    sender: Sender
    sync: FleetSync | None
    agent_namespace: str
    _allowed: dict[tuple[Resource, str], asyncio.Task[bool]] = field(default_factory=dict)

    async def foresee(
        self, wanted: Iterable[Desired], live: Mapping[ObjectKey, Mapping[str, Any]]
    ) -> dict[ObjectKey, Foreseen]:
        """Give what the server says of each wanted object, but of those with encrypted values: their keys are not ours to read."""
        items = [item for item in wanted if item.sealed is None]
        coming = _Coming.of(items, live)
        answers = await asyncio.gather(*(self._one(item, live.get(item.key), coming) for item in items))
        return {item.key: answer for item, answer in zip(items, answers, strict=True)}

    async def _one(self, wanted: Desired, live: Mapping[str, Any] | None, coming: _Coming) -> Foreseen:
        if wanted.left_alone or (live is not None and is_left_alone(live)):
            return Foreseen()
        workloads, key = self.sender.workloads, wanted.key
        try:
            resource = resource_of(self.sync, wanted, workloads.discovery, self.agent_namespace)
        except RefusedError as error:
            if (key.group, key.kind) in coming.kinds and error.code == "object.unknown-kind":
                return self._untold(wanted, "its kind comes with the fleet, so the server could not be asked")
            if error.code == "object.unknown-kind" and not workloads.discovery.absent(key.group, key.kind):
                return Foreseen(unknown=f"the API server could not tell which kinds {key.group} has")
            return Foreseen(refused=error.message)
        if key.namespace in coming.namespaces:
            return self._untold(wanted, "its namespace comes with the fleet, so the server could not be asked")
        if live is not None and self._is_as_wanted(wanted, live):
            return Foreseen()
        try:
            changes = await foreseen(self.sender, wanted, resource, live)
        except ClusterError as error:
            return await self._refused(wanted, resource, live, error, coming)
        except SpinfleetError as error:
            return Foreseen(unknown=error.message)
        return Foreseen(changes=(*changes, *self._taken_away(wanted, live, changes)))

    def _untold(self, wanted: Desired, note: str) -> Foreseen:
        return Foreseen(changes=diff(None, wanted.object()), note=note)

    def _is_as_wanted(self, wanted: Desired, live: Mapping[str, Any]) -> bool:
        identity = self.sender.workloads.identity
        ours = is_ours(live, identity.manager, identity.applyset)
        return ours and covers_exactly(live, identity.manager, wanted.object())

    def _taken_away(
        self, wanted: Desired, live: Mapping[str, Any] | None, changes: Iterable[FieldChange]
    ) -> tuple[FieldChange, ...]:
        """Give what goes from an object that is taken over: fields of earlier appliers, which a dry run can't make ours first."""
        identity = self.sender.workloads.identity
        if live is None or is_ours(live, identity.manager, identity.applyset):
            return ()
        fields = taken_over(live, identity.manager, wanted.object())
        taken = {**live, "metadata": {**live["metadata"], "managedFields": fields or ()}}
        told = {change.pointer for change in changes}
        found = diff(taken, wanted.object(), identity.manager)
        return tuple(change for change in found if change.desired is None and change.pointer not in told)

    async def _refused(
        self,
        wanted: Desired,
        resource: Resource,
        live: Mapping[str, Any] | None,
        error: ClusterError,
        coming: _Coming,
    ) -> Foreseen:
        """Tell what the server would not take from what it was not asked for lack of rights."""
        if error.status == FORBIDDEN and not await self._may_ask(resource, wanted.key.namespace):
            return Foreseen(unknown=f"{error.message} (a dry run needs the rights of the write: {', '.join(_NEEDED)})")
        if _NO_DRY_RUN in error.message:
            return Foreseen(unknown=error.message)
        if error.status == INVALID and is_immutable(error.message):
            if may_replace(wanted.key, live, wanted.object()):
                manager = self.sender.workloads.identity.manager
                return Foreseen(changes=diff(live, wanted.object(), manager), note=f"made anew: {error.message}")
            return Foreseen(refused=f"{error.message}; {how_to_replace(wanted.key)}")
        lacks = coming.first < wanted.wave
        more = "; what is written before it is not there yet, and may be what it lacks" if lacks else ""
        return Foreseen(refused=f"{error.message}{more}")

    async def _may_ask(self, resource: Resource, namespace: str) -> bool:
        """Tell whether whoever asks may write objects of a kind: asked once for each kind and namespace."""
        place = (resource, namespace)
        if place not in self._allowed:
            self._allowed[place] = asyncio.create_task(self._review(resource, namespace))
        return await self._allowed[place]

    async def _review(self, resource: Resource, namespace: str) -> bool:
        workloads = self.sender.workloads
        for verb in _NEEDED:
            async with workloads.slots:
                user = workloads.identity.user
                if not await may(workloads.connection, resource, verb, namespace=namespace, impersonate=user):
                    return False
        return True
