"""Deleting one object, and only the one that was meant."""

from __future__ import annotations

from typing import Any

from reconciler.cluster.answers import NOT_FOUND
from reconciler.cluster.connection import Connection
from reconciler.cluster.discovery import Resource
from reconciler.errors import ClusterError, UnavailableError


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
    another object of that name has come, or the object has changed: look again. Raises UnavailableError where the outcome
    is unknown; deleting again is safe.
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
    path = resource.path(namespace, name)
    try:
        answer = await connection.request("DELETE", path, body=options, impersonate=impersonate)
    except ClusterError as error:
        # A path that is not served is answered with 404 as well, and says nothing about the object.
        if error.status == NOT_FOUND and error.reason == "NotFound":
            return True
        raise
    kind = answer.body.get("kind")
    if kind not in {"Status", resource.kind}:
        raise UnavailableError(f"DELETE {path}: the answer is of kind {kind}")
    return bool(kind == "Status")
