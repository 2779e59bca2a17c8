"""Making a release wanted: recorded, within the ApplySet's extent, its kinds watched, what it stands on there first."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.agent.desired import Desired, DesiredSet, desired, rescaled
from reconciler.agent.fleetsync import FleetSync
from reconciler.agent.identity import Identity
from reconciler.agent.members import Members
from reconciler.agent.parent import Parent
from reconciler.agent.policy import left_to_others, own_namespace
from reconciler.agent.queue import WorkQueue
from reconciler.agent.releases import Decision
from reconciler.agent.scaling import Scaling
from reconciler.agent.sharing import Sharing
from reconciler.agent.unserved import unserved
from reconciler.agent.watching import Watches
from reconciler.agent.writing import Writer
from reconciler.cluster.discovery import Resource
from reconciler.fleet.model import Cluster
from reconciler.manifest.report import mapping
from reconciler.plan.adoption import annotation_of
from reconciler.plan.drift import drift_policy
from reconciler.plan.membership import Extent, extent_of, group_kind
from reconciler.plan.model import Health, ObjectKey, key_of
from reconciler.plan.prepare import prepare, scaled_workloads
from reconciler.plan.replicas import is_autoscaled
from reconciler.plan.scope import in_scope
from reconciler.render.model import SHARED, Rendered

logger = logging.getLogger(__name__)

#: The name under which looking again at what is served and seen stands in the work queue; no app can have it.
LOOK = "_look"

_CRD = ("apiextensions.k8s.io", "CustomResourceDefinition")
_ESTABLISHED_WITHIN = 30.0


@dataclass(kw_only=True, slots=True)
class Installer:
    """Turns decisions into wishes, and sees to it that these can be written.

    `held_fast`: the FleetSync has our finalizer, so that it can't go before its objects are dealt with. `seen`: what is live was looked at
    since the process began; before that an object that differs is not put right, for an autoscaler may not be known yet.
    """

    sync: FleetSync
    identity: Identity
    parent: Parent
    writer: Writer
    watches: Watches
    desired: DesiredSet
    members: Members
    queue: WorkQueue
    extent: Extent
    held_fast: bool = False
    seen: bool = False
    sharing: Sharing = field(default_factory=Sharing)
    scaling: Scaling = field(init=False)
    _untold: dict[str, tuple[Rendered, Mapping[str, Any], frozenset[ObjectKey]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.scaling = Scaling(members=self.members)

    async def install(self, batch: Iterable[Decision], cluster: Cluster) -> set[str]:
        """Make what was decided wanted; gives the owners to reconcile. Before the first write the ApplySet covers it and it is watched."""
        owners: set[str] = set()
        for decision in batch:
            if decision.release is None:
                owners |= self.let_be(decision.name, cluster)
            else:
                owners |= self._want(decision.release.rendered, decision.release.unit.spec) | {decision.name}
                self.sharing.put(decision.name, decision.release.unit, cluster)
        owners |= self.share(cluster)
        wanted = [item for owner in owners for item in self.desired.of(owner)]
        await self.widen(extent_of((item.key for item in wanted), self.sync.namespace))
        await self.watch_kinds()
        owners |= self.desired.settle() | self.rescale()
        self.seen = True
        await self.writer.look(wanted)
        await self._foundation(wanted, shared=SHARED in owners)
        return {owner for owner in owners if self.desired.knows(owner)}

    def let_be(self, name: str, cluster: Cluster) -> set[str]:
        """Want nothing of an app any more: without a known release its objects are neither healed nor pruned. Gives who gains by it."""
        self._no_failures(name)
        self._untold.pop(name, None)
        touched = set(self.desired.forget(name))
        touched |= self._rescale(self.scaling.put(name, frozenset()))
        self.writer.attempts.forget_left(name, self.desired)
        self.sharing.put(name, None, cluster)
        return touched

    def share(self, cluster: Cluster) -> set[str]:
        """Want what the running releases share, and no more. Gives the owners to reconcile."""
        if not self.sharing.changed and self.desired.knows(SHARED):
            return set()
        shared = (obj for obj in self.sharing.objects(cluster) if not left_to_others(self.sync, key_of(obj)))
        return self._want(Rendered(name=SHARED, objects=tuple(shared)), {}) | {SHARED}

    def _want(self, rendered: Rendered, spec: Mapping[str, Any]) -> set[str]:
        """Want what was rendered, in the scope that the server gives each kind; gives the other owners that this touches.

        `spec` is its App's or Bundle's. What has a kind that is not served yet is kept, to be wanted anew once it is (`look_again`).
        """
        owner = rendered.name
        objects, untold = self._in_scope(rendered)
        if untold:
            self._untold[owner] = (rendered, spec, untold)
        else:
            self._untold.pop(owner, None)
        rescaled_now = self.scaling.put(owner, scaled_workloads(objects.values()))
        self._no_failures(owner)
        wishes = [
            desired(
                prepare(obj, self.identity.applyset, self.scaling),
                owner,
                rendered.sealed.get(key),
                adoption=annotation_of(obj) or str(spec.get("adoption") or ""),
                drift=drift_policy(spec, key),
                autoscaled=is_autoscaled(obj, self.scaling),
                replicas=mapping(obj.get("spec")).get("replicas"),
            )
            for key, obj in objects.items()
        ]
        touched = set(self.desired.replace(owner, wishes))
        touched |= self._rescale(rescaled_now)
        self.writer.attempts.forget_left(owner, self.desired)
        return touched

    def rescale(self) -> set[str]:
        """Take account of live autoscalers that came or went. Gives the owners to reconcile."""
        return self._rescale(self.members.take_rescaled())

    def _rescale(self, workloads: Iterable[ObjectKey]) -> set[str]:
        """Want these workloads with or without the number of their pods, by whether they have an autoscaler. Gives whose wishes change."""
        found = (self.desired.exchange(key, lambda item: rescaled(item, self.scaling)) for key in workloads)
        return {owner for owners in found for owner in owners}

    def _in_scope(self, rendered: Rendered) -> tuple[Mapping[ObjectKey, Mapping[str, Any]], frozenset[ObjectKey]]:
        return in_scope(rendered.objects, rendered.defaulted, self.writer.workloads.discovery.is_namespaced)

    async def look_again(self) -> None:
        """Ask anew what the server serves. What waited for its kind gets its scope by it, before that kind is watched."""
        await self.writer.workloads.rediscover()
        touched: set[str] = set()
        for owner, (rendered, spec, untold) in tuple(self._untold.items()):
            if self._in_scope(rendered)[1] != untold:
                touched |= self._want(rendered, spec) | {owner}
                await self.widen(extent_of((item.key for item in self.desired.of(owner)), self.sync.namespace))
        await self.watch_kinds()
        touched |= self.rescale()
        self.queue.add(*touched)

    def _no_failures(self, owner: str) -> None:
        keys = [item.key for item in self.desired.of(owner)] + [member.key for member in self.members.of(owner)]
        for key in keys:
            self.writer.attempts.forget(key, owner)

    async def widen(self, extent: Extent) -> None:
        """Record where members may be before the first write there: a crash then loses none (design, invariant 4)."""
        if not self.extent.covers(extent) or not self.held_fast:
            self.extent |= extent
            await self.parent.record(self.extent, self.identity.applyset)
            self.held_fast = True

    async def narrow(self) -> bool:
        """Record the extent of what is left, once every delete is confirmed. Tells whether all of that is known.

        What can't be seen is not known to be empty: its kind stays, and with it every namespace in which it may have objects.
        """
        namespace = self.sync.namespace
        extent = self.desired.places.extent(namespace) | self.members.places.extent(namespace)
        if extent == self.extent:
            return True
        unseen = await self._unseen(self.extent.group_kinds - extent.group_kinds)
        hidden = self.extent.namespaces if unseen else self.watches.outside(self.extent.namespaces)
        # Members may have come meanwhile.
        extent = self.desired.places.extent(namespace) | self.members.places.extent(namespace)
        extent |= Extent(group_kinds=unseen, namespaces=hidden)
        if extent != self.extent:
            await self.parent.record(extent, self.identity.applyset)
            self.extent = extent
        return not unseen

    async def _unseen(self, kinds: Iterable[str]) -> frozenset[str]:
        """Give those of the kinds that may have members which no watch shows."""
        asked = {text: group_kind(text) for text in kinds}
        if all(self.watches.sees(*kind) for kind in asked.values()):
            return frozenset()
        await self.look_again()
        hidden = {text: kind for text, kind in asked.items() if not self.watches.sees(*kind)}
        reasons = await unserved(self.writer.workloads, hidden.values())
        found = {text for text, kind in hidden.items() if reasons.get(kind, "it is served and not watched")}
        for text in sorted(found):
            logger.info("%s stays in the ApplySet: %s", text, reasons.get(hidden[text], "it can't be watched"))
        return frozenset(found)

    async def watch_kinds(self) -> None:
        """Watch every kind that has, or may have, members. Kinds not served yet are watched once they are."""
        resources: list[Resource] = []
        versions = {(group, kind): version for group, kind, version in self.desired.kinds()}
        for text in self.extent.group_kinds:
            group, kind = group_kind(text)
            resource = self.writer.workloads.discovery.find(group, kind, versions.get((group, kind), ""))
            if resource is not None and "watch" in resource.verbs:
                resources.append(resource)
        namespaces = self.extent.namespaces | own_namespace(self.sync)
        await self.watches.ensure(resources, namespaces)
        deployments = self.writer.workloads.discovery.find("apps", "Deployment", "apps/v1")
        if deployments is not None and any(resource.kind == "SpinApp" for resource in resources):
            await self.watches.ensure_deployments(deployments, namespaces)

    async def _foundation(self, wanted: list[Desired], *, shared: bool) -> None:
        """Put what others stand on first: namespaces and definitions, then what is shared (accounts, executors)."""
        first = [item for item in wanted if item.wave == 0]
        await asyncio.gather(*(self.writer.put(item) for item in first if not self.as_wanted(item)))
        definitions = [item.key for item in first if (item.key.group, item.key.kind) == _CRD]
        if definitions:
            await self._established(definitions)
        if shared:
            self.queue.add(SHARED)
            await self.queue.drained([SHARED])

    async def _established(self, definitions: list[ObjectKey]) -> None:
        """Wait until new kinds are served, then learn of them. One that does not come in time fails by itself."""
        try:
            async with asyncio.timeout(_ESTABLISHED_WITHIN):
                while not all(self._current(key) for key in definitions):  # noqa: ASYNC110 - the watch fills it in
                    await asyncio.sleep(0.1)
        except TimeoutError:
            logger.warning("definitions not established in time")
        await self.look_again()

    def _current(self, key: ObjectKey) -> bool:
        member = self.members.get(key)
        return member is not None and member.health.health is Health.CURRENT

    def as_wanted(self, item: Desired) -> bool:
        """Tell whether an object is known to be as it is wanted: then there is nothing to write."""
        member = self.members.get(item.key)
        return member is not None and member.content == item.content and not member.gone
