"""Applying a handful of objects in order, for installation: definitions are waited for before what is of their kind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from reconciler.cluster.apply import apply
from reconciler.cluster.connection import Connection
from reconciler.cluster.discovery import Discovery, discover
from reconciler.errors import UnavailableError
from reconciler.plan.model import key_of

_MANAGER = "spinfleet-install"
_SERVED_WITHIN = 30.0


async def apply_objects(
    objects: Iterable[Mapping[str, Any]],
    *,
    kubeconfig: Path | None,
    context: str | None = None,
    told: Callable[[str], None],
) -> None:
    """Apply objects in the order given. Raises ClusterError where one is refused and UnavailableError where a kind does not come."""
    async with await Connection.open(kubeconfig, context) as connection:
        discovery = await discover(connection)
        for obj in objects:
            key = key_of(obj)
            discovery = await _serving(connection, discovery, obj)
            resource = discovery.find(key.group, key.kind, obj["apiVersion"])
            assert resource is not None  # noqa: S101 - _serving has seen to it
            applied = await apply(
                connection,
                resource,
                json.dumps(obj).encode(),
                namespace=key.namespace,
                name=key.name,
                field_manager=_MANAGER,
                force=True,
            )
            told(f"{key} {'created' if applied.created else 'configured'}")


async def _serving(connection: Connection, discovery: Discovery, obj: Mapping[str, Any]) -> Discovery:
    """Wait until an object's kind is served: its definition may have been applied a moment ago."""
    key = key_of(obj)
    try:
        async with asyncio.timeout(_SERVED_WITHIN):
            while discovery.find(key.group, key.kind, obj["apiVersion"]) is None:
                await asyncio.sleep(0.2)
                discovery = await discover(connection)
    except TimeoutError as error:
        raise UnavailableError(
            f"the API server does not serve {key.kind} of {obj['apiVersion']}", hint="install its definition first"
        ) from error
    return discovery
