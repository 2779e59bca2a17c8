"""Every request about workloads: as the FleetSync's service account, a bounded number at a time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.agent.identity import Identity
from reconciler.agent.leadership import Leadership, require, require_confirmed
from reconciler.cluster.answers import NOT_FOUND
from reconciler.cluster.apply import Applied, apply
from reconciler.cluster.connection import Connection
from reconciler.cluster.delete import delete
from reconciler.cluster.discovery import Discovery, Resource, Served
from reconciler.cluster.flow import Share
from reconciler.cluster.patch import json_patch, merge_patch
from reconciler.cluster.read import Listed, get, list_metadata, list_objects
from reconciler.errors import ClusterError, UnavailableError
from reconciler.plan.model import ObjectKey
from reconciler.plan.order import has_dependents
from reconciler.plan.sensitive import is_sensitive, without_values


@dataclass(kw_only=True, slots=True)
class Workloads:
    """What the FleetSync's account sees and writes. `slots` bounds the requests in flight, and shares them with other FleetSyncs; `served` is shared as well."""

    connection: Connection
    identity: Identity
    served: Served
    slots: Share
    leadership: Leadership

    @property
    def discovery(self) -> Discovery:
        """What the server serves, as far as is known now."""
        return self.served.discovery

    async def rediscover(self) -> None:
        """Ask anew what the server serves: a definition may have come or gone."""
        await self.served.renew()

    async def live(self, key: ObjectKey, resource: Resource) -> Mapping[str, Any] | None:
        """Read an object; None where it is absent. Raises ClusterError and UnavailableError."""
        try:
            async with self.slots:
                return await get(
                    self.connection, resource, namespace=key.namespace, name=key.name, impersonate=self.identity.user
                )
        except ClusterError as error:
            # A path that is not served is answered with 404 as well, and says nothing about the object.
            if error.status == NOT_FOUND and error.reason == "NotFound":
                return None
            raise

    async def metadata(self, resource: Resource, namespace: str) -> Listed:
        """Read the metadata of all objects of a kind in a namespace."""
        async with self.slots:
            return await list_metadata(self.connection, resource, namespace=namespace, impersonate=self.identity.user)

    async def members(self, resource: Resource, namespace: str = "") -> Listed:
        """Read the members of a kind, in a namespace or wherever they are."""
        async with self.slots:
            return await list_objects(
                self.connection,
                resource,
                namespace=namespace,
                label_selector=self.identity.selector,
                impersonate=self.identity.user,
            )

    async def apply(
        self, key: ObjectKey, resource: Resource, body: bytes, *, force: bool, manager: str = "", dry_run: bool = False
    ) -> Applied:
        """Apply an object, as our field manager unless another is named, or ask what it would be then.

        What the server says against it may quote it: what must not be shown is taken out here, once for all.
        """
        try:
            async with self.slots:
                require(self.leadership)
                return await apply(
                    self.connection,
                    resource,
                    body,
                    namespace=key.namespace,
                    name=key.name,
                    field_manager=manager or self.identity.manager,
                    force=force,
                    impersonate=self.identity.user,
                    dry_run=dry_run,
                )
        except (ClusterError, UnavailableError) as error:
            if is_sensitive(sent := json.loads(body)):
                error.message = without_values(error.message, sent)
                error.args = (error.message,)
                # What it was raised from may quote it as well.
                error.__cause__ = error.__context__ = None
            raise

    async def take_over(
        self, key: ObjectKey, resource: Resource, live: Mapping[str, Any], managed_fields: list[dict[str, Any]]
    ) -> None:
        """Replace who manages which field of an object; status 409 where it has moved on since it was read as `live`."""
        operations = [
            {"op": "replace", "path": "/metadata/managedFields", "value": managed_fields},
            {"op": "replace", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"]},
        ]
        async with self.slots:
            require(self.leadership)
            await json_patch(
                self.connection,
                resource,
                operations,
                namespace=key.namespace,
                name=key.name,
                field_manager=self.identity.manager,
                impersonate=self.identity.user,
            )

    async def merge(self, key: ObjectKey, resource: Resource, change: Mapping[str, Any]) -> None:
        """Merge a change into an object. With metadata.resourceVersion in it, it is refused (409) where the object has moved on."""
        async with self.slots:
            require(self.leadership)
            await merge_patch(
                self.connection,
                resource,
                change,
                namespace=key.namespace,
                name=key.name,
                impersonate=self.identity.user,
            )

    async def delete(self, key: ObjectKey, resource: Resource, *, uid: str, resource_version: str) -> bool:
        """Delete the object of this uid at this resourceVersion. Gives True where it is gone, False where its deletion has begun.

        What may have had others made for it is gone only after them: whoever waits for it waits for all of them.
        """
        async with self.slots:
            await require_confirmed(self.leadership)
            return await delete(
                self.connection,
                resource,
                namespace=key.namespace,
                name=key.name,
                uid=uid,
                resource_version=resource_version,
                propagation="Foreground" if has_dependents(key.group, key.kind) else "Background",
                impersonate=self.identity.user,
            )
