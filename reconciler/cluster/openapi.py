"""The OpenAPI documents of an API server, one a group and version; their URLs hold a hash of what they are."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from reconciler.cluster.connection import Connection
from reconciler.errors import UnavailableError

#: Requests at once: each is of up to two megabytes.
_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Index:
    """The documents that a server has: their URLs, the server's Kubernetes version, and a digest of all of it."""

    kubernetes: str
    urls: tuple[str, ...]
    digest: str


async def index(connection: Connection) -> Index:
    """Ask which documents there are. Raises ClusterError or UnavailableError where the server does not say."""
    version = (await connection.request("GET", "/version")).body
    paths = (await connection.request("GET", "/openapi/v3")).body.get("paths")
    if not isinstance(paths, Mapping) or not paths:
        raise UnavailableError("GET /openapi/v3: no list of documents", hint="leave --context away")
    urls = tuple(sorted(_url(name, each) for name, each in paths.items() if name.startswith(("api/", "apis/"))))
    # Some distributions write 34+ for the minor version.
    kubernetes = f"{version.get('major')}.{str(version.get('minor')).rstrip('+')}"
    digest = hashlib.sha256("\n".join((kubernetes, *urls)).encode()).hexdigest()
    return Index(kubernetes, urls, digest)


def _url(name: str, entry: Any) -> str:
    url = entry.get("serverRelativeURL") if isinstance(entry, Mapping) else None
    if not isinstance(url, str) or not url.startswith(f"/openapi/v3/{name}"):
        raise UnavailableError(f"GET /openapi/v3: {name} has no URL of this server")
    return url


async def documents(connection: Connection, found: Index) -> list[Mapping[str, Any]]:
    """Give the documents of an index. Raises ClusterError or UnavailableError where one of them is not given."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(url: str) -> Mapping[str, Any]:
        parts = urlsplit(url)
        async with gate:
            answer = await connection.request("GET", parts.path, params=dict(parse_qsl(parts.query)))
        return answer.body

    return await asyncio.gather(*(one(url) for url in found.urls))
