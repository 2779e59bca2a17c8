"""Reading: one object, or a complete list."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.cluster.answers import GONE
from reconciler.cluster.connection import JSON, Connection
from reconciler.cluster.discovery import Resource
from reconciler.errors import ClusterError, UnavailableError

METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_PAGE = "500"
_RESTARTS = 3

Trim = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def whole(obj: Mapping[str, Any]) -> Mapping[str, Any]:
    """Keep an object as it is."""
    return obj


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """A complete list and the resourceVersion it stands at."""

    items: tuple[Mapping[str, Any], ...]
    resource_version: str


async def get(
    connection: Connection, resource: Resource, *, namespace: str, name: str, impersonate: str = ""
) -> Mapping[str, Any]:
    """Read one object. Raises ClusterError (status 404 where it is absent) and UnavailableError."""
    path = resource.path(namespace, name)
    body = (await connection.request("GET", path, impersonate=impersonate)).body
    if body.get("kind") != resource.kind:
        raise UnavailableError(f"GET {path}: the answer is of kind {body.get('kind')}")
    return body


async def list_objects(
    connection: Connection,
    resource: Resource,
    *,
    namespace: str = "",
    label_selector: str = "",
    name: str = "",
    impersonate: str = "",
    accept: str = JSON,
    trim: Trim = whole,
) -> Listed:
    """Read a complete list, page by page. Pages of an expired list are thrown away and it begins anew.

    `name` selects the one object of that name: unlike a GET, an empty list says at which resourceVersion it is absent.
    `trim` takes what is to be kept of each object, so that a long list never stands in memory whole.
    Raises ClusterError where it is refused and UnavailableError where it could not be read whole.
    """
    path = resource.path(namespace)
    params = {"limit": _PAGE}
    if label_selector:
        params["labelSelector"] = label_selector
    if name:
        params["fieldSelector"] = f"metadata.name={name}"
    kind = "PartialObjectMetadataList" if accept == METADATA_LIST else f"{resource.kind}List"
    for _ in range(_RESTARTS):
        items: list[Mapping[str, Any]] = []
        version = ""
        try:
            async for body in _pages(connection, path, dict(params), accept=accept, kind=kind, impersonate=impersonate):
                # Items of a list come without their kind.
                items += [
                    trim({"apiVersion": resource.api_version, "kind": resource.kind, **item})
                    for item in body["items"] or ()
                ]
                version = body["metadata"]["resourceVersion"]
        except ClusterError as error:
            if error.status != GONE:
                raise
        else:
            return Listed(items=tuple(items), resource_version=version)
    raise UnavailableError(f"GET {path}: the list expired {_RESTARTS} times while it was read")


async def list_metadata(
    connection: Connection, resource: Resource, *, namespace: str = "", label_selector: str = "", impersonate: str = ""
) -> Listed:
    """Read the metadata of a complete list: less to send where the specs are not needed."""
    return await list_objects(
        connection,
        resource,
        namespace=namespace,
        label_selector=label_selector,
        impersonate=impersonate,
        accept=METADATA_LIST,
    )


async def _pages(
    connection: Connection, path: str, params: dict[str, str], *, accept: str, kind: str, impersonate: str
) -> AsyncIterator[Mapping[str, Any]]:
    while True:
        body = (await connection.request("GET", path, params=params, accept=accept, impersonate=impersonate)).body
        if body.get("kind") != kind:
            raise UnavailableError(f"GET {path}: the answer is {body.get('kind')}, not {kind}")
        # An empty list of metadata has null for its items; one without the field is no list.
        if "items" not in body or not isinstance(body["items"] or [], list):
            raise UnavailableError(f"GET {path}: the answer has no items")
        if not isinstance(body.get("metadata"), dict) or not body["metadata"].get("resourceVersion"):
            raise UnavailableError(f"GET {path}: the list does not say at which resourceVersion it stands")
        yield body
        if not body["metadata"].get("continue"):
            return
        params["continue"] = body["metadata"]["continue"]
