"""Deleting one object, and only the one that was meant."""

from __future__ import annotations

from typing import Any

from reconciler.cluster.connection import Connection
from reconciler.cluster.discovery import Resource
from reconciler.errors import ClusterError

_NOT_FOUND = 404


async def delete(
    connection: Connection,
    resource: Resource,
    *,
    namespace: str,
    name: str,
    uid: str,
    resource_version: str = "",
    propagation: str = "Foreground",
    impersonate: str = "",
) -> bool:
    """Delete the object of this uid (and resourceVersion, where the decision rests on its content).

    Gives True where it is gone already, False where its deletion has begun. Raises ClusterError with status 409 where
    another object of that name has come, or the object has changed: look again.
    """
    preconditions: dict[str, Any] = {"uid": uid}
    if resource_version:
        preconditions["resourceVersion"] = resource_version
    options = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": propagation,
        "preconditions": preconditions,
    }
    try:
        answer = await connection.request(
            "DELETE", resource.path(namespace, name), body=options, impersonate=impersonate
        )
    except ClusterError as error:
        if error.status == _NOT_FOUND:
            return True
        raise
    return answer.body.get("kind") == "Status"
