"""Merge patches: of the FleetSync's own metadata and status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.cluster.connection import MERGE_PATCH, Connection
from reconciler.cluster.discovery import Resource


async def merge_patch(
    connection: Connection,
    resource: Resource,
    change: Mapping[str, Any],
    *,
    namespace: str,
    name: str,
    subresource: str = "",
    field_manager: str = "spinfleet",
    impersonate: str = "",
) -> Mapping[str, Any]:
    """Merge `change` into an object and give it as it is then (RFC 7396; null removes).

    With metadata.resourceVersion in `change` the server refuses it (ClusterError, status 409) where the object has moved on.
    """
    answer = await connection.request(
        "PATCH",
        resource.path(namespace, name, subresource),
        params={"fieldManager": field_manager},
        body=change,
        content_type=MERGE_PATCH,
        impersonate=impersonate,
    )
    return answer.body
