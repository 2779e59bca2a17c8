"""What an account may do, asked beforehand."""

from __future__ import annotations

from reconciler.cluster.connection import Connection
from reconciler.cluster.discovery import Resource
from reconciler.errors import UnavailableError


async def may(
    connection: Connection, resource: Resource, verb: str, *, namespace: str = "", impersonate: str = ""
) -> bool:
    """Tell whether the account (or whom it impersonates) may do `verb` in a namespace, or everywhere where it is empty."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {
            "resourceAttributes": {
                "group": resource.group,
                "version": resource.version,
                "resource": resource.plural,
                "verb": verb,
                "namespace": namespace,
            }
        },
    }
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    answer = await connection.request("POST", path, body=review, impersonate=impersonate)
    status = answer.body.get("status")
    if not isinstance(status, dict) or not isinstance(status.get("allowed"), bool):
        raise UnavailableError(f"POST {path}: the answer is no access review")
    return bool(status["allowed"])
