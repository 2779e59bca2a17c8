"""Patches of what is there: the FleetSync's own metadata and status, managedFields on a take-over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.cluster.connection import JSON_PATCH, MERGE_PATCH, Connection
from reconciler.cluster.discovery import Resource
from reconciler.errors import UnavailableError


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
    path = resource.path(namespace, name, subresource)
    return await _patch(connection, resource, path, change, MERGE_PATCH, field_manager, impersonate)


async def json_patch(
    connection: Connection,
    resource: Resource,
    operations: Sequence[Mapping[str, Any]],
    *,
    namespace: str,
    name: str,
    subresource: str = "",
    field_manager: str = "spinfleet",
    impersonate: str = "",
) -> Mapping[str, Any]:
    """Carry out the operations in order, or none of them, and give the object as it is then (RFC 6902).

    A `test` operation guards the others: where it fails the server refuses all (ClusterError, status 422).
    """
    path = resource.path(namespace, name, subresource)
    return await _patch(connection, resource, path, list(operations), JSON_PATCH, field_manager, impersonate)


async def _patch(
    connection: Connection,
    resource: Resource,
    path: str,
    body: Mapping[str, Any] | list[Any],
    content_type: str,
    field_manager: str,
    impersonate: str,
) -> Mapping[str, Any]:
    answer = await connection.request(
        "PATCH",
        path,
        params={"fieldManager": field_manager},
        body=body,
        content_type=content_type,
        impersonate=impersonate,
    )
    if answer.body.get("kind") != resource.kind:
        raise UnavailableError(f"PATCH {path}: the answer is of kind {answer.body.get('kind')}")
    return answer.body
