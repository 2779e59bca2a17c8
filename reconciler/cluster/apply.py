"""Server-side apply of one object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.cluster.connection import APPLY_PATCH, Connection
from reconciler.cluster.discovery import Resource
from reconciler.errors import UnavailableError

_CREATED = 201


@dataclass(frozen=True, kw_only=True, slots=True)
class Applied:
    """The object as the server returned it, and whether it was created (HTTP 201) by this request."""

    object: Mapping[str, Any]
    created: bool


async def apply(
    connection: Connection,
    resource: Resource,
    body: bytes,
    *,
    namespace: str,
    name: str,
    field_manager: str,
    force: bool,
    impersonate: str = "",
    dry_run: bool = False,
) -> Applied:
    """Apply an object (`body`: its JSON). Unknown and duplicate fields are errors (fieldValidation=Strict).

    Raises ClusterError where the server refuses it: status 409 names the managers and fields of a conflict. Raises
    UnavailableError where the outcome is unknown; applying again is safe.
    """
    params = {"fieldManager": field_manager, "fieldValidation": "Strict", "force": "true" if force else "false"}
    if dry_run:
        params["dryRun"] = "All"
    path = resource.path(namespace, name)
    answer = await connection.request(
        "PATCH", path, params=params, body=body, content_type=APPLY_PATCH, impersonate=impersonate
    )
    live = answer.body
    if live.get("kind") != resource.kind or (live.get("metadata") or {}).get("name") != name:
        raise UnavailableError(f"PATCH {path}: the answer is another object than the one applied")
    return Applied(object=live, created=answer.status == _CREATED)
