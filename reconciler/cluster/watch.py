"""Watching a resource: the complete state first, then each change, with no gap between the two."""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from reconciler.cluster.connection import JSON, Answer, Connection, refusal
from reconciler.cluster.discovery import Resource
from reconciler.cluster.read import list_objects
from reconciler.errors import ClusterError, UnavailableError

logger = logging.getLogger(__name__)

#: The server ends a watch after this many seconds, with jitter; reading waits a little longer, so that a half-open
#: connection (no answer, no error) is found out.
_WATCH_SECONDS = (300, 600)
_READ_MARGIN = 30.0
_GONE = 410
_BACKOFF = (0.25, 30.0)


@dataclass(frozen=True, slots=True)
class Complete:
    """The whole state at one moment: whatever is not in it does not exist (any more)."""

    items: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """An object was added or modified."""

    object: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Removed:
    """An object left what is watched: deleted, or its labels match no more."""

    object: Mapping[str, Any]


Event = Complete | Changed | Removed


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """What is watched: everything of a resource, or of one namespace, with these labels, or of this name."""

    resource: Resource
    namespace: str = ""
    label_selector: str = ""
    name: str = ""


async def watch(connection: Connection, selection: Selection, *, impersonate: str = "") -> AsyncIterator[Event]:
    """Yield a Complete, then changes, for ever; after a loss of continuity (410) a new Complete.

    Outages are waited out with backoff. Raises ClusterError where the server refuses the list or the watch (401, 403, 404).
    """
    delay = _BACKOFF[0]
    version = ""
    while True:
        try:
            if not version:
                listed = await list_objects(
                    connection,
                    selection.resource,
                    namespace=selection.namespace,
                    label_selector=selection.label_selector,
                    name=selection.name,
                    impersonate=impersonate,
                )
                version = listed.resource_version
                yield Complete(listed.items)
            async for event, newer in _stream(connection, selection, version, impersonate):
                version, delay = newer, _BACKOFF[0]
                if event is not None:
                    yield event
        except ClusterError as error:
            if error.status != _GONE:
                raise
            logger.info("watch of %s expired; listing again", selection.resource.plural)
            version = ""
        except UnavailableError as error:
            logger.warning("watch of %s interrupted: %s", selection.resource.plural, error.message)
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311 - spreads load, guards nothing
            delay = min(delay * 2, _BACKOFF[1])


async def _stream(
    connection: Connection, selection: Selection, version: str, impersonate: str
) -> AsyncIterator[tuple[Event | None, str]]:
    """Yield each event with the resourceVersion to go on from; bookmarks move only the latter."""
    seconds = random.randint(*_WATCH_SECONDS)  # noqa: S311 - spreads load, guards nothing
    params = {
        "watch": "true",
        "resourceVersion": version,
        "allowWatchBookmarks": "true",
        "timeoutSeconds": str(seconds),
    }
    if selection.label_selector:
        params["labelSelector"] = selection.label_selector
    if selection.name:
        params["fieldSelector"] = f"metadata.name={selection.name}"
    path = selection.resource.path(selection.namespace)
    headers = await connection.headers(accept=JSON, impersonate=impersonate)
    timeout = aiohttp.ClientTimeout(total=seconds + _READ_MARGIN, sock_connect=10)
    connection.requests["WATCH"] = connection.requests.get("WATCH", 0) + 1
    try:
        async with connection.session.get(
            connection.server + path, params=params, headers=headers, timeout=timeout, allow_redirects=False
        ) as response:
            if response.status != 200:
                raise refusal("WATCH", path, Answer(status=response.status, body=await _status(response)))
            while line := await response.content.readline():
                yield _event(line, path)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise UnavailableError(f"WATCH {path}: {type(error).__name__} {error}") from error


def _event(line: bytes, path: str) -> tuple[Event | None, str]:
    try:
        event = json.loads(line)
        kind, obj = event["type"], event["object"]
    except (ValueError, KeyError, TypeError) as error:
        raise UnavailableError(f"WATCH {path}: a truncated event") from error
    if kind == "ERROR":
        raise refusal("WATCH", path, Answer(status=int(obj.get("code") or 500), body=obj))
    version = obj["metadata"]["resourceVersion"]
    if kind == "BOOKMARK":
        return None, version
    return (Removed(obj) if kind == "DELETED" else Changed(obj)), version


async def _status(response: aiohttp.ClientResponse) -> Mapping[str, Any]:
    raw = await response.read()
    try:
        body = json.loads(raw)
    except ValueError:
        body = {}
    return body if isinstance(body, dict) else {}
