"""A registry that fails or lies: what is proven wrong is refused, all else is incomplete and tried again; credentials stay at home."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import wasmtime
from aiohttp import web

from reconciler import data
from reconciler.artifact.access import RegistryAccess
from reconciler.artifact.model import Verdict, VerdictStatus
from reconciler.artifact.registry import _trusted
from reconciler.artifact.verify import Verifier
from reconciler.local.publish import Artifact, assemble_application
from reconciler.manifest import parse

Fault = Callable[[web.Request], Awaitable[web.StreamResponse | None]]


@dataclass
class FaultyRegistry:
    """Serves one artifact, after asking `fault` whether it would rather do something else. Keeps what it was asked."""

    artifact: Artifact
    fault: Fault | None = None
    seen: list[tuple[str, str]] = field(default_factory=list)
    host: str = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append((request.path, request.headers.get("Authorization", "")))
        if self.fault is not None and (other := await self.fault(request)) is not None:
            return other
        if "/manifests/" in request.path:
            return web.Response(body=self.artifact.manifest, content_type="application/vnd.oci.image.manifest.v1+json")
        for blob in self.artifact.blobs:
            if request.path.endswith(blob.digest):
                return web.Response(body=blob.data)
        return web.Response(status=404)

    @property
    def reference(self) -> str:
        return f"{self.host}/acme/app@{self.artifact.digest}"

    def paths(self, part: str) -> list[str]:
        return [path for path, _ in self.seen if part in path]


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


@pytest.fixture
async def registry(serve: Callable[[web.Application], Awaitable[str]]) -> FaultyRegistry:
    wasm = bytes(wasmtime.wat2wasm((data.folder("fleet-example") / "apps" / "greeter" / "greeter.wat").read_text()))
    manifest = b'spin_manifest_version = 2\n[application]\nname = "a"\n[[trigger.http]]\nroute = "/..."\ncomponent = "m"\n[component.m]\nsource = "m.wasm"\n'
    application = parse(manifest, "spin.toml").application
    assert application is not None
    faulty = FaultyRegistry(assemble_application(application, {"m": wasm}))
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", faulty.answer)
    faulty.host = await serve(app)
    return faulty


async def verify(registry: FaultyRegistry, tmp_path: Path, **access: str) -> Verdict:
    entry = RegistryAccess(prefix=registry.host, plain_http=True, **access)
    async with Verifier(registries=[entry], cache=tmp_path / "cache") as verifier:
        return await verifier.verify(registry.reference)


def times(count: int, response: Callable[[web.Request], web.StreamResponse], part: str = "/") -> Fault:
    left = count

    async def fault(request: web.Request) -> web.StreamResponse | None:
        nonlocal left
        if left and part in request.path:
            left -= 1
            return response(request)
        return None

    return fault


async def test_without_faults_it_verifies(registry: FaultyRegistry, tmp_path: Path) -> None:
    assert (await verify(registry, tmp_path)).status is VerdictStatus.VERIFIED


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_a_busy_or_broken_registry_is_waited_out(registry: FaultyRegistry, tmp_path: Path, status: int) -> None:
    registry.fault = times(2, lambda _: web.Response(status=status, headers={"Retry-After": "0"}))
    assert (await verify(registry, tmp_path)).status is VerdictStatus.VERIFIED


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500])
async def test_what_stays_unavailable_is_incomplete_and_never_a_refusal(
    registry: FaultyRegistry, tmp_path: Path, status: int
) -> None:
    registry.fault = times(99, lambda _: web.Response(status=status, headers={"Retry-After": "0"}))
    verdict = await verify(registry, tmp_path)
    assert verdict.status is VerdictStatus.INCOMPLETE
    assert len(registry.seen) < 8


async def test_nobody_at_home_is_incomplete(registry: FaultyRegistry, tmp_path: Path) -> None:
    registry.host = "127.0.0.1:1"
    assert (await verify(registry, tmp_path)).status is VerdictStatus.INCOMPLETE


async def test_another_manifest_than_the_digest_says_is_refused(registry: FaultyRegistry, tmp_path: Path) -> None:
    registry.fault = times(9, lambda _: web.Response(body=registry.artifact.manifest + b" "), "/manifests/")
    verdict = await verify(registry, tmp_path)
    assert (verdict.status, verdict.code) == (VerdictStatus.REFUSED, "artifact.digest")


async def test_other_bytes_of_the_right_size_are_refused(registry: FaultyRegistry, tmp_path: Path) -> None:
    wasm = registry.artifact.blobs[1]
    registry.fault = times(9, lambda _: web.Response(body=b"x" * len(wasm.data)), wasm.digest)
    verdict = await verify(registry, tmp_path)
    assert (verdict.status, verdict.code) == (VerdictStatus.REFUSED, "artifact.digest")


async def test_more_bytes_than_the_descriptor_says_are_refused_and_not_read(
    registry: FaultyRegistry, tmp_path: Path
) -> None:
    wasm = registry.artifact.blobs[1]
    registry.fault = times(9, lambda _: web.Response(body=wasm.data + b"x" * 50_000_000), wasm.digest)
    verdict = await verify(registry, tmp_path)
    assert (verdict.status, verdict.code) == (VerdictStatus.REFUSED, "artifact.size")


async def test_a_truncated_body_is_incomplete(registry: FaultyRegistry, tmp_path: Path) -> None:
    wasm = registry.artifact.blobs[1]
    registry.fault = times(9, lambda _: web.Response(body=wasm.data[:-5]), wasm.digest)
    assert (await verify(registry, tmp_path)).status is VerdictStatus.INCOMPLETE


async def test_a_manifest_without_end_is_refused(registry: FaultyRegistry, tmp_path: Path) -> None:
    registry.fault = times(9, lambda _: web.Response(body=b" " * 5_000_000), "/manifests/")
    verdict = await verify(registry, tmp_path)
    assert (verdict.status, verdict.code) == (VerdictStatus.REFUSED, "artifact.manifest-too-large")


async def test_basic_credentials_are_given_where_they_are_asked_for(registry: FaultyRegistry, tmp_path: Path) -> None:
    wanted = "Basic " + base64.b64encode(b"me:hunter2").decode()

    async def fault(request: web.Request) -> web.StreamResponse | None:
        if request.headers.get("Authorization") == wanted:
            return None
        return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="r"'})

    registry.fault = fault
    assert (await verify(registry, tmp_path, username="me", password="hunter2")).status is VerdictStatus.VERIFIED
    verdict = await verify(registry, tmp_path / "other", username="me", password="wrong")
    assert verdict.status is VerdictStatus.INCOMPLETE
    assert "hunter2" not in json.dumps(verdict.to_json())


async def test_a_token_service_of_the_same_host_gets_the_login_and_gives_a_token(
    registry: FaultyRegistry, tmp_path: Path
) -> None:
    async def fault(request: web.Request) -> web.StreamResponse | None:
        if request.path == "/token":
            assert request.query["scope"] == "repository:acme/app:pull"
            return (
                web.json_response({"token": "t0ken"})
                if request.headers.get("Authorization")
                else web.Response(status=401)
            )
        if request.headers.get("Authorization") == "Bearer t0ken":
            return None
        challenge = f'Bearer realm="http://{registry.host}/token",service="s"'
        return web.Response(status=401, headers={"WWW-Authenticate": challenge})

    registry.fault = fault
    assert (await verify(registry, tmp_path, username="me", password="hunter2")).status is VerdictStatus.VERIFIED


async def test_a_token_service_elsewhere_never_gets_the_login(
    registry: FaultyRegistry, tmp_path: Path, serve: Callable[[web.Application], Awaitable[str]]
) -> None:
    heard: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        heard.append(request.headers.get("Authorization", ""))
        return web.json_response({"token": "x"})

    app = web.Application()
    app.router.add_get("/token", elsewhere)
    port = (await serve(app)).rpartition(":")[2]
    challenge = f'Bearer realm="http://localhost:{port}/token",service="s"'
    registry.fault = times(99, lambda _: web.Response(status=401, headers={"WWW-Authenticate": challenge}))
    verdict = await verify(registry, tmp_path, username="me", password="hunter2")
    assert verdict.status is VerdictStatus.INCOMPLETE
    assert heard == [""]


@pytest.mark.parametrize(
    ("realm", "base", "trusted"),
    [
        ("https://ghcr.io/token", "https://ghcr.io", True),
        ("https://auth.docker.io/token", "https://registry-1.docker.io", True),
        ("https://evil.azurecr.io/token", "https://team.azurecr.io", False),
        ("https://evil.co.uk/token", "https://registry.co.uk", False),
        ("https://9.0.0.5/token", "https://10.0.0.5", False),
        ("https://ghcr.io:8443/token", "https://ghcr.io", False),
        ("http://ghcr.io/token", "https://ghcr.io", False),
        ("https:///token", "https://ghcr.io", False),
    ],
)
def test_the_login_goes_to_the_registrys_own_token_service_only(realm: str, base: str, trusted: bool) -> None:
    assert _trusted(realm, base) is trusted


@pytest.mark.parametrize("location", ["http://[", "http://[::1", "//", "\\\\host"])
async def test_an_address_that_is_none_is_incomplete(registry: FaultyRegistry, tmp_path: Path, location: str) -> None:
    registry.fault = times(99, lambda _: web.Response(status=302, headers={"Location": location}))
    assert (await verify(registry, tmp_path)).status is VerdictStatus.INCOMPLETE


async def test_an_authority_that_is_none_is_incomplete(registry: FaultyRegistry, tmp_path: Path) -> None:
    assert (await verify(registry, tmp_path, ca="nonsense")).status is VerdictStatus.INCOMPLETE


async def test_an_odd_cache_file_is_no_finding(registry: FaultyRegistry, tmp_path: Path) -> None:
    wasm = registry.artifact.blobs[1].digest
    await verify(registry, tmp_path)
    for text in (json.dumps({"key": wasm}), json.dumps({"key": wasm, "kind": 1, "modules": "x"}), "[" * 100_000):
        for path in (tmp_path / "cache").iterdir():
            path.write_text(text)
        registry.seen.clear()
        assert (await verify(registry, tmp_path)).status is VerdictStatus.VERIFIED
        assert len(registry.paths(wasm)) == 1


async def test_a_redirect_elsewhere_is_followed_without_credentials(
    registry: FaultyRegistry, tmp_path: Path, serve: Callable[[web.Application], Awaitable[str]]
) -> None:
    heard: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        heard.append(request.headers.get("Authorization", ""))
        digest = request.path.rpartition("/")[2]
        return web.Response(body=next(blob.data for blob in registry.artifact.blobs if blob.digest == digest))

    app = web.Application()
    app.router.add_get("/{path:.*}", elsewhere)
    other = await serve(app)
    wanted = "Basic " + base64.b64encode(b"me:hunter2").decode()

    async def fault(request: web.Request) -> web.StreamResponse | None:
        if request.headers.get("Authorization") != wanted:
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="r"'})
        if "/blobs/" in request.path:
            return web.Response(status=307, headers={"Location": f"http://{other}{request.path}"})
        return None

    registry.fault = fault
    assert (await verify(registry, tmp_path, username="me", password="hunter2")).status is VerdictStatus.VERIFIED
    assert heard
    assert set(heard) == {""}


async def test_redirects_without_end_are_given_up(registry: FaultyRegistry, tmp_path: Path) -> None:
    registry.fault = times(99, lambda request: web.Response(status=302, headers={"Location": str(request.url)}))
    assert (await verify(registry, tmp_path)).status is VerdictStatus.INCOMPLETE
    assert len(registry.seen) < 10


async def test_a_redirect_to_a_file_is_not_followed(registry: FaultyRegistry, tmp_path: Path) -> None:
    registry.fault = times(99, lambda _: web.Response(status=302, headers={"Location": "file:///etc/passwd"}))
    assert (await verify(registry, tmp_path)).status is VerdictStatus.INCOMPLETE


async def test_twenty_who_ask_at_once_have_it_fetched_once(registry: FaultyRegistry, tmp_path: Path) -> None:
    entry = RegistryAccess(prefix=registry.host, plain_http=True)
    async with Verifier(registries=[entry], cache=tmp_path) as verifier:
        verdicts = await asyncio.gather(*(verifier.verify(registry.reference) for _ in range(20)))
    assert {verdict.status for verdict in verdicts} == {VerdictStatus.VERIFIED}
    assert len(registry.paths("/manifests/")) == 1
    assert len(registry.paths(registry.artifact.blobs[1].digest)) == 1


async def test_a_known_layer_is_not_fetched_again_and_a_broken_cache_is_no_verdict(
    registry: FaultyRegistry, tmp_path: Path
) -> None:
    wasm = registry.artifact.blobs[1].digest
    await verify(registry, tmp_path)
    registry.seen.clear()
    await verify(registry, tmp_path)
    assert registry.paths(wasm) == []
    for path in (tmp_path / "cache").iterdir():
        path.write_text('{"kind": "component", "key": "another"}')
    assert (await verify(registry, tmp_path)).status is VerdictStatus.VERIFIED
    assert len(registry.paths(wasm)) == 1


async def test_a_refusal_is_not_remembered_against_a_repaired_registry(
    registry: FaultyRegistry, tmp_path: Path
) -> None:
    wasm = registry.artifact.blobs[1]
    registry.fault = times(
        1, lambda _: web.Response(body=hashlib.sha256(b"x").digest() * (len(wasm.data) // 32 + 1)), wasm.digest
    )
    assert (await verify(registry, tmp_path)).status is VerdictStatus.REFUSED
    assert (await verify(registry, tmp_path)).status is VerdictStatus.VERIFIED
