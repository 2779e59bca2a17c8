"""A real registry behind a proxy that answers as told instead, and what tests do with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import ClientSession, web

from reconciler.artifact.access import RegistryAccess
from reconciler.artifact.model import Verdict
from reconciler.artifact.verify import Verifier
from reconciler.local.publish import Artifact

Fault = Callable[[web.Request], Awaitable[web.StreamResponse | None]]


@dataclass
class FaultyRegistry:
    """Stands before the real registry, and asks `fault` whether it would rather do something else. Keeps what it was asked."""

    artifact: Artifact
    upstream: ClientSession
    repository: str
    fault: Fault | None = None
    seen: list[tuple[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    host: str = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append((request.path, request.headers.get("Authorization", "")))
        self.headers.append(dict(request.headers))
        if self.fault is not None and (other := await self.fault(request)) is not None:
            return other
        wanted = {name: request.headers[name] for name in ("Accept", "Range") if name in request.headers}
        async with self.upstream.get(request.raw_path, headers=wanted) as real:
            kept = {name: value for name, value in real.headers.items() if name in _PASSED_ON}
            return web.Response(status=real.status, headers=kept, body=await real.read())

    @property
    def reference(self) -> str:
        return f"{self.host}/{self.repository}@{self.artifact.digest}"

    def paths(self, part: str) -> list[str]:
        return [path for path, _ in self.seen if part in path]


_PASSED_ON = {"Content-Type", "Docker-Content-Digest", "Content-Range", "Location", "Retry-After", "WWW-Authenticate"}


async def verify(faulty: FaultyRegistry, tmp_path: Path, *others: RegistryAccess, **access: str) -> Verdict:
    entry = RegistryAccess(prefix=faulty.host, plain_http=True, **access)
    async with Verifier(registries=[entry, *others], cache=tmp_path / "cache") as verifier:
        return await verifier.verify(faulty.reference)


def times(count: int, response: Callable[[web.Request], web.StreamResponse], part: str = "/") -> Fault:
    left = count

    async def fault(request: web.Request) -> web.StreamResponse | None:
        nonlocal left
        if left and part in request.path:
            left -= 1
            return response(request)
        return None

    return fault
