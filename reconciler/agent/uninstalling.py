"""Taking Spinfleet out of a cluster: FleetSyncs first, then what `install` made, the other way round.

Workloads stay unless they are asked for. Nothing is deleted that does not carry the label of what `install` makes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from reconciler.agent.emptiness import objects_in, some
from reconciler.agent.ending import end
from reconciler.agent.fleetsync import FINALIZER
from reconciler.agent.identity import PARENT_KIND, Identity, identity_of
from reconciler.agent.install import AGENT_ACCOUNT, DEPLOYER_ACCOUNT, NAMESPACE, base_objects
from reconciler.agent.leadership import Alone
from reconciler.agent.metrics import AgentMetrics
from reconciler.agent.parent import Parent
from reconciler.agent.workloads import Workloads
from reconciler.cluster.answers import NOT_FOUND
from reconciler.cluster.connection import Connection
from reconciler.cluster.delete import delete
from reconciler.cluster.discovery import Discovery, Resource, Served, discover
from reconciler.cluster.flow import Limiter
from reconciler.cluster.patch import merge_patch
from reconciler.cluster.read import get, list_objects
from reconciler.errors import ClusterError, UnavailableError
from reconciler.fleet.model import API_GROUP
from reconciler.plan.model import ObjectKey, key_of

_PART_OF = ("app.kubernetes.io/part-of", "spinfleet")
_RECORDS = ("app.kubernetes.io/component", "release-records")
_RBAC = "rbac.authorization.k8s.io"
_CRD = "CustomResourceDefinition"
_LOOK_EVERY = 0.5
_AT_ONCE = 16
#: Replicas of an installation that has everything that any has.
_SEVERAL = 2
_AGENT = ObjectKey("apps", "Deployment", NAMESPACE, AGENT_ACCOUNT)


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """What is done with one object: `delete`, `keep` or `release` (of a FleetSync: its workloads stay), and why."""

    action: str
    object: str
    reason: str

    def to_json(self) -> dict[str, str]:
        """Give it as JSON."""
        return {"action": self.action, "object": self.object, "reason": self.reason}


@dataclass(kw_only=True, slots=True)
class Uninstaller:
    """Takes Spinfleet out of one cluster. `told` is given each step as it is taken; with `dry_run`, as it would be.

    `delete_workloads` has the FleetSyncs' objects deleted. `force` gives up on FleetSyncs that nobody sees off within `patience`
    seconds: their objects then keep our labels.
    """

    connection: Connection
    discovery: Discovery
    told: Callable[[Step], None]
    delete_workloads: bool = False
    dry_run: bool = False
    force: bool = False
    patience: float = 300.0

    async def run(self) -> None:
        """Do it. Raises ClusterError where a request is refused and UnavailableError where a FleetSync does not go."""
        syncs = self.discovery.find(API_GROUP, PARENT_KIND)
        if syncs is not None:
            items = (await list_objects(self.connection, syncs)).items
            await asyncio.gather(*(self._fleetsync(syncs, item) for item in items))
        for obj in reversed(base_objects(_SEVERAL)):
            key = key_of(obj)
            if key.kind != "Namespace":
                await self._remove(key, obj["apiVersion"])
        for kind in ("RoleBinding", "Role", "ClusterRoleBinding", "ClusterRole"):
            await self._of_tenants(_RBAC, kind)
        await self._of_tenants("", "ServiceAccount", DEPLOYER_ACCOUNT)
        await self._namespace()

    async def _of_tenants(self, group: str, kind: str, name: str = "") -> None:
        """Take away what was made for FleetSyncs of other names and namespaces; of a kind that apps have too, what has this `name`."""
        resource = self.discovery.find(group, kind)
        if resource is None:
            return
        made = {key_of(obj) for obj in base_objects(_SEVERAL)}
        listed = await list_objects(self.connection, resource, label_selector="=".join(_PART_OF))
        for key in map(key_of, listed.items):
            if key not in made and name in {"", key.name}:
                await self._remove(key, resource.api_version)

    async def _fleetsync(self, resource: Resource, obj: Mapping[str, Any]) -> None:
        """Delete a FleetSync and wait until its objects are dealt with: by its agent, or here where none runs."""
        key = key_of(obj)
        count = ((obj.get("status") or {}).get("counts") or {}).get("objects", 0)
        reason = f"its {count} objects {'are deleted' if self.delete_workloads else 'stay, and belong to nobody'}"
        self.told(Step(action="delete" if self.delete_workloads else "release", object=str(key), reason=reason))
        if self.dry_run:
            return
        policy = "Delete" if self.delete_workloads else "Orphan"
        place = {"namespace": key.namespace, "name": key.name}
        await merge_patch(self.connection, resource, {"spec": {"deletionPolicy": policy}}, **place)
        await delete(self.connection, resource, uid=obj["metadata"]["uid"], propagation="Background", **place)
        try:
            async with asyncio.timeout(self.patience):
                if not await self._agent_runs():
                    await self._see_off(resource, key)
                while (await self._live(key, resource)) is not None:  # noqa: ASYNC110 - seldom, short, and over soon
                    await asyncio.sleep(_LOOK_EVERY)
        except TimeoutError:
            await self._give_up(resource, key)

    async def _see_off(self, resource: Resource, key: ObjectKey) -> None:
        """Do what its agent would do. Raises what `end` raises: nothing was lost then, and it may be done again."""
        parent = Parent(connection=self.connection, resource=resource, namespace=key.namespace, name=key.name)
        metrics = AgentMetrics().of(str(key))
        try:
            sync = await parent.read()
        except ClusterError as error:
            if error.status == NOT_FOUND:
                return
            raise
        # As whoever uninstalls: the account that the agent used may be gone.
        identity = replace(identity_of(sync, AGENT_ACCOUNT), user="")
        await end(parent, sync, workloads=self._as(identity, self.discovery), metrics=metrics)

    def _as(self, identity: Identity, discovery: Discovery) -> Workloads:
        served = Served(connection=self.connection, discovery=discovery)
        return Workloads(
            connection=self.connection,
            identity=identity,
            served=served,
            slots=Limiter(highest=_AT_ONCE).share(),
            leadership=Alone(),
        )

    async def _give_up(self, resource: Resource, key: ObjectKey) -> None:
        live = await self._live(key, resource)
        if live is None:
            return
        if not self.force:
            conditions = (live.get("status") or {}).get("conditions") or ()
            why = next((each["message"] for each in conditions if each["type"] == "Ready"), "no agent sees it off")
            raise UnavailableError(
                f"{key} is not gone within {self.patience:g} s: {why}",
                hint="help it on, or give --force: its objects then stay as they are, with Spinfleet's labels",
            )
        parent = Parent(connection=self.connection, resource=resource, namespace=key.namespace, name=key.name)
        await parent.let_go(FINALIZER)
        self.told(Step(action="keep", object=str(key), reason="given up: its objects keep Spinfleet's labels"))

    async def _agent_runs(self) -> bool:
        resource = self.discovery.find(_AGENT.group, _AGENT.kind)
        live = await self._live(_AGENT, resource) if resource is not None else None
        return live is not None and bool((live.get("status") or {}).get("readyReplicas"))

    async def _remove(self, key: ObjectKey, api_version: str) -> None:
        resource = self.discovery.find(key.group, key.kind, api_version)
        live = await self._live(key, resource) if resource is not None else None
        if resource is None or live is None:
            return
        if key.kind != _CRD and not _carries(live, _PART_OF):
            self.told(Step(action="keep", object=str(key), reason="it has not the label of what install makes"))
            return
        self.told(Step(action="delete", object=str(key), reason="made by install"))
        if not self.dry_run:
            await delete(
                self.connection, resource, namespace=key.namespace, name=key.name, uid=live["metadata"]["uid"], propagation="Background"
            )  # fmt: skip

    async def _namespace(self) -> None:
        """Delete the agent's namespace, unless somebody's own objects are in it: a Secret with credentials, say."""
        key = ObjectKey("", "Namespace", "", NAMESPACE)
        resource = self.discovery.find("", "Namespace")
        live = await self._live(key, resource) if resource is not None else None
        if live is None:
            return
        workloads = self._as(Identity(applyset="", manager="", user=""), await discover(self.connection))
        found, hidden = await objects_in(workloads, NAMESPACE)
        made = {key_of(obj) for obj in base_objects(_SEVERAL)}
        others = [str(each) for each, obj in found if each not in made and not _goes_with_it(each, obj)]
        if others or hidden:
            reason = (
                f"it holds what install did not make: {some(others)}" if others else f"you may not list {some(hidden)}"
            )
            self.told(Step(action="keep", object=str(key), reason=reason))
            return
        await self._remove(key, "v1")

    async def _live(self, key: ObjectKey, resource: Resource) -> Mapping[str, Any] | None:
        try:
            return await get(self.connection, resource, namespace=key.namespace, name=key.name)
        except ClusterError as error:
            if error.status == NOT_FOUND:
                return None
            raise


def _goes_with_it(key: ObjectKey, obj: Mapping[str, Any]) -> bool:
    """Tell whether an object is the agent's own, or a FleetSync that is seen off before."""
    leases = key.kind == "Lease" and key.name.startswith("spinfleet")
    return key.group == API_GROUP or leases or _carries(obj, _PART_OF) or _carries(obj, _RECORDS)


def _carries(obj: Mapping[str, Any], label: tuple[str, str]) -> bool:
    return (obj["metadata"].get("labels") or {}).get(label[0]) == label[1]
