"""A proxy before the real API server that answers as told instead, or breaks off."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import wasmtime
import yaml
from aiohttp import ClientSession, TCPConnector, web

from reconciler import data
from reconciler.cluster.connection import Connection
from reconciler.cluster.credentials import Credentials
from reconciler.local.controlplane import ControlPlane
from reconciler.local.publish import Artifact, assemble_application, push
from reconciler.manifest import parse
from tests.faults.registries import FaultyRegistry

Behaviour = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Fault:
    """What is done with the next `times` requests of a method whose path and query contain `where`."""

    method: str
    where: str
    behaviour: Behaviour
    times: int


@dataclass(slots=True)
class FaultProxy:
    """`seen` has the method and path of each request; `headers` the headers of the last one."""

    upstream: ClientSession
    server: str
    url: str = ""
    faults: list[Fault] = field(default_factory=list)
    seen: list[tuple[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def on(self, method: str, where: str, behaviour: Behaviour, *, times: int = 1) -> None:
        """Have requests answered by `behaviour`."""
        self.faults.append(Fault(method, where, behaviour, times))

    def answer(self, method: str, where: str, status: int, body: Any = None, *, times: int = 1, **headers: str) -> None:
        """Have requests answered with a status and a body: JSON, or text as it stands."""

        async def behaviour(_request: web.Request) -> web.StreamResponse:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            if isinstance(body, str):
                return web.Response(status=status, text=body, headers=named)
            return web.json_response(body, status=status, headers=named)

        self.on(method, where, behaviour, times=times)

    def count(self, method: str, where: str = "") -> int:
        """How many such requests came."""
        return sum(1 for each, path in self.seen if each == method and where in path)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.seen.append((request.method, str(request.rel_url)))
        self.headers = dict(request.headers)
        for fault in self.faults:
            if fault.times and fault.method == request.method and fault.where in str(request.rel_url):
                fault.times -= 1
                return await fault.behaviour(request)
        return await self.forward(request)

    async def forward(self, request: web.Request, *, lines: int | None = None) -> web.StreamResponse:
        """Hand a request on; with `lines`, break the connection off after so many lines of the answer."""
        headers = {name: value for name, value in request.headers.items() if name not in {"Host", "Content-Length"}}
        headers["Accept-Encoding"] = "identity"
        url = self.server + request.path_qs
        async with self.upstream.request(
            request.method, url, data=await request.read() or None, headers=headers, allow_redirects=False
        ) as answer:
            response = web.StreamResponse(
                status=answer.status, headers={"Content-Type": answer.headers["Content-Type"]}
            )
            await response.prepare(request)
            count = 0
            while lines is None or count < lines:
                line = await answer.content.readline()
                if not line:
                    await response.write_eof()
                    return response
                await response.write(line)
                count += 1
        drop(request)
        return response

    async def fall_silent(self, request: web.Request) -> web.StreamResponse:
        """Accept a request and never say a word more: a half-open connection."""
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        await self.over.wait()
        return response


def drop(request: web.Request) -> None:
    """Break a connection off."""
    assert request.transport is not None
    request.transport.abort()


@pytest.fixture
async def proxy(control_plane: ControlPlane) -> AsyncIterator[FaultProxy]:
    """A proxy that passes everything on as the administrator until it is told otherwise."""
    tls = (await Credentials.read(control_plane.kubeconfig)).tls()
    async with ClientSession(connector=TCPConnector(ssl=tls, limit=0), read_bufsize=2**21) as upstream:
        proxy = FaultProxy(upstream=upstream, server=control_plane.server)
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{path:.*}", proxy.serve)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        proxy.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield proxy
        proxy.over.set()
        await runner.cleanup()


@pytest.fixture
def proxied_kubeconfig(proxy: FaultProxy, tmp_path: Path) -> Path:
    """A kubeconfig whose server is the proxy, with a token file beside it."""
    (tmp_path / "token").write_text("first", encoding="utf-8")
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": proxy.url}}],
        "users": [{"name": "u", "user": {"tokenFile": "token"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


@pytest.fixture
async def through_proxy(proxied_kubeconfig: Path) -> AsyncIterator[Connection]:
    """A connection through the proxy."""
    async with await Connection.open(proxied_kubeconfig) as connection:
        yield connection


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[web.Application], Awaitable[str]]]:
    runners = []

    async def start(app: web.Application) -> str:
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        runners.append(runner)
        return f"127.0.0.1:{runner.addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.fixture(scope="session")
def artifact() -> Artifact:
    wasm = bytes(wasmtime.wat2wasm((data.folder("fleet-example") / "apps" / "greeter" / "greeter.wat").read_text()))
    manifest = b'spin_manifest_version = 2\n[application]\nname = "a"\n[[trigger.http]]\nroute = "/..."\ncomponent = "m"\n[component.m]\nsource = "m.wasm"\n'
    application = parse(manifest, "spin.toml").application
    assert application is not None
    return assemble_application(application, {"m": wasm})


@pytest.fixture
async def faulty(
    serve: Callable[[web.Application], Awaitable[str]], registry: str, artifact: Artifact
) -> AsyncIterator[FaultyRegistry]:
    repository = f"faults-{secrets.token_hex(4)}/app"
    await asyncio.to_thread(push, artifact, registry, repository)
    async with ClientSession(f"http://{registry}") as upstream:
        proxy = FaultyRegistry(artifact, upstream, repository)
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", proxy.answer)
        proxy.host = await serve(app)
        yield proxy
