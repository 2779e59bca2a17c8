"""Watching a resource: the complete state first, then each change, with no gap between the two."""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from reconciler.cluster.answers import GONE, Answer, StaleServerError, refusal
from reconciler.cluster.connection import JSON, Connection
from reconciler.cluster.discovery import Resource
from reconciler.cluster.read import METADATA_LIST, Trim, list_objects, whole
from reconciler.errors import ClusterError, UnavailableError

logger = logging.getLogger(__name__)

METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"

_BACKOFF = (0.25, 30.0)
#: After so many tries with a resourceVersion that the server says is in the future, its storage has gone back in time.
_STALE_TRIES = 4


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
    """What is watched: everything of a resource, or of one namespace, with these labels, or of this name.

    `accept` METADATA asks for metadata alone; `trim` takes what is to be kept of each object as soon as it is read, so that
    a long list never stands in memory whole.
    """

    resource: Resource
    namespace: str = ""
    label_selector: str = ""
    name: str = ""
    accept: str = JSON
    trim: Trim = whole


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """Seconds: the server ends a watch after `shortest` to `longest`; a watch silent for `silence` is taken for dead.

    The API server sends a bookmark about once a minute on a watch where nothing happens, so two have been missed by then.
    """

    shortest: int = 300
    longest: int = 600
    silence: float = 150.0


_PATIENCE = Patience()
_MARGIN = 30.0


async def watch(
    connection: Connection, selection: Selection, *, impersonate: str = "", patience: Patience = _PATIENCE
) -> AsyncGenerator[Event, None]:
    """Yield a Complete, then changes, for ever; after a loss of continuity (410) a new Complete.

    Outages are waited out with backoff. Raises ClusterError where the server refuses the list or the watch (401, 403, 404).
    """
    version, stale = "", 0
    delay = _BACKOFF[0]
    while True:
        began, moved = _now(), False
        try:
            if not version:
                listed = await _list(connection, selection, impersonate)
                version = listed.resource_version
                yield Complete(listed.items)
            async with aclosing(_stream(connection, selection, version, impersonate, patience)) as stream:
                async for event, newer in stream:
                    version, stale, moved = newer, 0, True
                    if event is not None:
                        yield event
        except ClusterError as error:
            if error.status != GONE:
                raise
            logger.info("watch of %s expired; listing again", selection.resource.plural)
            version = ""
        except UnavailableError as error:
            logger.warning("watch of %s interrupted: %s", selection.resource.plural, error.message)
            stale += isinstance(error, StaleServerError)
            if stale >= _STALE_TRIES:
                version, stale = "", 0
        # A watch that ran its time goes on at once; one that ends as soon as it has begun must not spin.
        if moved or _now() - began >= patience.shortest:
            delay = _BACKOFF[0]
        else:
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311 - spreads load, guards nothing
            delay = min(delay * 2, _BACKOFF[1])


async def _list(connection: Connection, selection: Selection, impersonate: str) -> Any:
    return await list_objects(
        connection,
        selection.resource,
        namespace=selection.namespace,
        label_selector=selection.label_selector,
        name=selection.name,
        impersonate=impersonate,
        accept=METADATA_LIST if selection.accept == METADATA else selection.accept,
        trim=selection.trim,
    )


async def _stream(
    connection: Connection, selection: Selection, version: str, impersonate: str, patience: Patience
) -> AsyncGenerator[tuple[Event | None, str], None]:
    """Yield each event with the resourceVersion to go on from; bookmarks move only the latter."""
    seconds = random.randint(patience.shortest, patience.longest)  # noqa: S311 - spreads load, guards nothing
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
    lines = connection.lines(
        path,
        params=params,
        accept=selection.accept,
        impersonate=impersonate,
        total=seconds + _MARGIN,
        silence=patience.silence,
    )
    async with aclosing(lines):
        async for line in lines:
            yield _event(line, path, selection.trim)


def _event(line: bytes, path: str, trim: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> tuple[Event | None, str]:
    try:
        event = json.loads(line)
        kind, obj = event["type"], event["object"]
        if kind == "ERROR":
            raise refusal("WATCH", path, Answer(status=int(obj.get("code") or 500), body=obj))
        version = obj["metadata"]["resourceVersion"]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise UnavailableError(f"WATCH {path}: a malformed or truncated event") from error
    match kind:
        case "BOOKMARK":
            return None, version
        case "ADDED" | "MODIFIED":
            return Changed(trim(obj)), version
        case "DELETED":
            return Removed(trim(obj)), version
        case _:
            raise UnavailableError(f"WATCH {path}: an event of unknown type {kind!r}")


def _now() -> float:
    return asyncio.get_running_loop().time()
