"""The agent's own small HTTP server: /healthz, /readyz and /metrics."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest


@asynccontextmanager
async def serving(
    listen: tuple[str, int], *, registry: CollectorRegistry, alive: Callable[[], bool], ready: Callable[[], bool]
) -> AsyncIterator[int]:
    """Serve while the context is open; gives the port. `alive` and `ready` are asked at each request.

    Raises OSError where the address is taken.
    """

    async def probe_alive(_: web.Request) -> web.Response:
        return _answer(ok=alive())

    async def probe_ready(_: web.Request) -> web.Response:
        return _answer(ok=ready())

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/healthz", probe_alive), web.get("/readyz", probe_ready), web.get("/metrics", metrics)])
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    try:
        site = web.TCPSite(runner, *listen)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def _answer(*, ok: bool) -> web.Response:
    return web.Response(text="ok\n") if ok else web.Response(text="not yet\n", status=503)
