"""A registry that fails or lies: what is proven wrong is refused, all else is incomplete and tried again; credentials stay at home."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from aiohttp import web

from reconciler.artifact.access import Hosts, RegistryAccess, login_for
from reconciler.artifact.model import Expected, Outcome, VerdictStatus
from reconciler.artifact.verify import Verifier
from reconciler.local.publish import Artifact
from tests.faults.registries import FaultyRegistry, times, verify

pytestmark = pytest.mark.cluster


async def test_without_faults_it_verifies(faulty: FaultyRegistry, tmp_path: Path) -> None:
    assert (await verify(faulty, tmp_path)).status is VerdictStatus.VERIFIED


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_a_busy_or_broken_registry_is_waited_out(faulty: FaultyRegistry, tmp_path: Path, status: int) -> None:
    faulty.fault = times(2, lambda _: web.Response(status=status, headers={"Retry-After": "0"}))
    assert (await verify(faulty, tmp_path)).status is VerdictStatus.VERIFIED


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500])
async def test_what_stays_unavailable_is_incomplete_and_never_a_refusal(
    faulty: FaultyRegistry, tmp_path: Path, status: int
) -> None:
    faulty.fault = times(99, lambda _: web.Response(status=status, headers={"Retry-After": "0"}))
    verdict = await verify(faulty, tmp_path)
    assert verdict.status is VerdictStatus.INCOMPLETE
    assert len(faulty.seen) < 8


@pytest.mark.parametrize("status", [400, 405, 406])
async def test_a_registry_that_does_not_know_the_request_is_incomplete(
    faulty: FaultyRegistry, tmp_path: Path, status: int
) -> None:
    faulty.fault = times(99, lambda _: web.Response(status=status))
    verdict = await verify(faulty, tmp_path)
    assert (verdict.status, verdict.code) == (VerdictStatus.INCOMPLETE, "artifact.unsupported")


async def test_nobody_at_home_is_incomplete(faulty: FaultyRegistry, tmp_path: Path) -> None:
    faulty.host = "127.0.0.1:1"
    verdict = await verify(faulty, tmp_path)
    assert (verdict.status, verdict.code) == (VerdictStatus.INCOMPLETE, "artifact.unavailable")
    assert verdict.message.endswith("no connection: connection refused")
    assert verdict.hint == "check the address, and whether the registry is up"


async def test_a_registry_without_tls_is_told_as_one(faulty: FaultyRegistry, tmp_path: Path) -> None:
    async with Verifier(registries=[RegistryAccess(prefix=faulty.host)], cache=tmp_path) as verifier:
        verdict = await verifier.verify(faulty.reference)
    assert (verdict.status, verdict.code) == (VerdictStatus.INCOMPLETE, "artifact.unavailable")
    assert verdict.message.endswith("it does not speak TLS")
    assert "plainHTTP" in verdict.hint


async def test_another_manifest_than_the_digest_says_is_refused(faulty: FaultyRegistry, tmp_path: Path) -> None:
    faulty.fault = times(9, lambda _: web.Response(body=faulty.artifact.manifest + b" "), "/manifests/")
    verdict = await verify(faulty, tmp_path)
    assert (verdict.status, verdict.code) == (VerdictStatus.REFUSED, "artifact.digest")


async def test_other_bytes_of_the_right_size_are_refused(faulty: FaultyRegistry, tmp_path: Path) -> None:
    wasm = faulty.artifact.blobs[1]
    faulty.fault = times(9, lambda _: web.Response(body=b"x" * len(wasm.data)), wasm.digest)
    verdict = await verify(faulty, tmp_path)
    assert (verdict.status, verdict.code) == (VerdictStatus.REFUSED, "artifact.digest")


async def test_more_bytes_than_the_descriptor_says_are_refused_and_not_read(
    faulty: FaultyRegistry, tmp_path: Path
) -> None:
    wasm = faulty.artifact.blobs[1]
    faulty.fault = times(9, lambda _: web.Response(body=wasm.data + b"x" * 50_000_000), wasm.digest)
    verdict = await verify(faulty, tmp_path)
    assert (verdict.status, verdict.code) == (VerdictStatus.REFUSED, "artifact.size")


async def test_a_truncated_body_is_incomplete(faulty: FaultyRegistry, tmp_path: Path) -> None:
    wasm = faulty.artifact.blobs[1]
    faulty.fault = times(9, lambda _: web.Response(body=wasm.data[:-5]), wasm.digest)
    assert (await verify(faulty, tmp_path)).status is VerdictStatus.INCOMPLETE


async def test_a_manifest_without_end_is_refused(faulty: FaultyRegistry, tmp_path: Path) -> None:
    faulty.fault = times(9, lambda _: web.Response(body=b" " * 5_000_000), "/manifests/")
    verdict = await verify(faulty, tmp_path)
    assert (verdict.status, verdict.code) == (VerdictStatus.REFUSED, "artifact.manifest-too-large")


async def test_basic_credentials_are_given_where_they_are_asked_for(faulty: FaultyRegistry, tmp_path: Path) -> None:
    wanted = "Basic " + base64.b64encode(b"me:hunter2").decode()

    async def fault(request: web.Request) -> web.StreamResponse | None:
        if request.headers.get("Authorization") == wanted:
            return None
        return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="r"'})

    faulty.fault = fault
    assert (await verify(faulty, tmp_path, username="me", password="hunter2")).status is VerdictStatus.VERIFIED
    verdict = await verify(faulty, tmp_path / "other", username="me", password="wrong")
    assert verdict.status is VerdictStatus.INCOMPLETE
    assert "hunter2" not in json.dumps(verdict.to_json())


async def test_a_token_service_of_the_same_host_gets_the_login_and_gives_a_token(
    faulty: FaultyRegistry, tmp_path: Path
) -> None:
    async def fault(request: web.Request) -> web.StreamResponse | None:
        if request.path == "/token":
            assert request.query["scope"] == f"repository:{faulty.repository}:pull"
            return (
                web.json_response({"token": "t0ken"})
                if request.headers.get("Authorization")
                else web.Response(status=401)
            )
        if request.headers.get("Authorization") == "Bearer t0ken":
            return None
        challenge = f'Bearer realm="http://{faulty.host}/token",service="s"'
        return web.Response(status=401, headers={"WWW-Authenticate": challenge})

    faulty.fault = fault
    assert (await verify(faulty, tmp_path, username="me", password="hunter2")).status is VerdictStatus.VERIFIED


async def test_a_token_service_elsewhere_never_gets_the_login(
    faulty: FaultyRegistry, tmp_path: Path, serve: Callable[[web.Application], Awaitable[str]]
) -> None:
    heard: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        heard.append(request.headers.get("Authorization", ""))
        return web.json_response({"token": "x"})

    app = web.Application()
    app.router.add_get("/token", elsewhere)
    other = await serve(app)
    challenge = f'Bearer realm="http://{other}/token",service="s"'
    faulty.fault = times(99, lambda _: web.Response(status=401, headers={"WWW-Authenticate": challenge}))
    verdict = await verify(faulty, tmp_path, username="me", password="hunter2")
    assert (verdict.status, verdict.code) == (VerdictStatus.INCOMPLETE, "artifact.token")
    assert heard == []
    named = RegistryAccess(prefix=other, plain_http=True)
    verdict = await verify(faulty, tmp_path, named, username="me", password="hunter2")
    assert (verdict.status, verdict.code) == (VerdictStatus.INCOMPLETE, "artifact.unauthorized")
    assert heard == [""]


async def test_a_token_service_elsewhere_gets_the_login_that_is_configured_for_it(
    faulty: FaultyRegistry, tmp_path: Path, serve: Callable[[web.Application], Awaitable[str]]
) -> None:
    wanted = "Basic " + base64.b64encode(b"robot:other").decode()

    async def elsewhere(request: web.Request) -> web.Response:
        return (
            web.json_response({"access_token": "t0ken"})
            if request.headers.get("Authorization") == wanted
            else web.Response(status=403)
        )

    app = web.Application()
    app.router.add_get("/token", elsewhere)
    other = await serve(app)

    async def fault(request: web.Request) -> web.StreamResponse | None:
        if request.headers.get("Authorization") == "Bearer t0ken":
            return None
        challenge = f'Bearer realm="http://{other}/token",service="s"'
        return web.Response(status=401, headers={"WWW-Authenticate": challenge})

    faulty.fault = fault
    named = RegistryAccess(prefix=other, plain_http=True, username="robot", password="other")
    assert (await verify(faulty, tmp_path, named, username="me", password="hunter2")).status is VerdictStatus.VERIFIED


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
    own = RegistryAccess(prefix=base.partition("//")[2], username="me", password="hunter2")
    assert (login_for(realm, base, own, Hosts.of([own])) is not None) is trusted


@pytest.mark.parametrize("location", ["http://[", "http://[::1", "//", "\\\\host"])
async def test_an_address_that_is_none_is_incomplete(faulty: FaultyRegistry, tmp_path: Path, location: str) -> None:
    faulty.fault = times(99, lambda _: web.Response(status=302, headers={"Location": location}))
    assert (await verify(faulty, tmp_path)).status is VerdictStatus.INCOMPLETE


async def test_an_authority_that_is_none_is_incomplete(faulty: FaultyRegistry, tmp_path: Path) -> None:
    assert (await verify(faulty, tmp_path, ca="nonsense")).status is VerdictStatus.INCOMPLETE


async def test_an_odd_cache_file_is_no_finding(faulty: FaultyRegistry, tmp_path: Path) -> None:
    wasm = faulty.artifact.blobs[1].digest
    await verify(faulty, tmp_path)
    for text in (json.dumps({"key": wasm}), json.dumps({"key": wasm, "kind": 1, "modules": "x"}), "[" * 100_000):
        for path in (tmp_path / "cache").iterdir():
            path.write_text(text)
        faulty.seen.clear()
        assert (await verify(faulty, tmp_path)).status is VerdictStatus.VERIFIED
        assert len(faulty.paths(wasm)) == 1


async def test_a_redirect_elsewhere_is_followed_without_credentials(
    faulty: FaultyRegistry, tmp_path: Path, serve: Callable[[web.Application], Awaitable[str]]
) -> None:
    heard: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        heard.append(request.headers.get("Authorization", ""))
        digest = request.path.rpartition("/")[2]
        return web.Response(body=next(blob.data for blob in faulty.artifact.blobs if blob.digest == digest))

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

    faulty.fault = fault
    verdict = await verify(faulty, tmp_path, username="me", password="hunter2")
    assert (verdict.status, verdict.code, heard) == (VerdictStatus.INCOMPLETE, "artifact.redirect", [])
    named = RegistryAccess(prefix=other, plain_http=True)
    verdict = await verify(faulty, tmp_path, named, username="me", password="hunter2")
    assert verdict.status is VerdictStatus.VERIFIED
    assert heard
    assert set(heard) == {""}


async def test_redirects_without_end_are_given_up(faulty: FaultyRegistry, tmp_path: Path) -> None:
    faulty.fault = times(99, lambda request: web.Response(status=302, headers={"Location": str(request.url)}))
    assert (await verify(faulty, tmp_path)).status is VerdictStatus.INCOMPLETE
    assert len(faulty.seen) < 10


async def test_a_redirect_to_a_file_is_not_followed(faulty: FaultyRegistry, tmp_path: Path) -> None:
    faulty.fault = times(99, lambda _: web.Response(status=302, headers={"Location": "file:///etc/passwd"}))
    assert (await verify(faulty, tmp_path)).status is VerdictStatus.INCOMPLETE


async def test_twenty_who_ask_at_once_have_it_fetched_once(faulty: FaultyRegistry, tmp_path: Path) -> None:
    entry = RegistryAccess(prefix=faulty.host, plain_http=True)
    async with Verifier(registries=[entry], cache=tmp_path) as verifier:
        verdicts = await asyncio.gather(*(verifier.verify(faulty.reference) for _ in range(20)))
    assert {verdict.status for verdict in verdicts} == {VerdictStatus.VERIFIED}
    assert len(faulty.paths("/manifests/")) == 1
    assert len(faulty.paths(faulty.artifact.blobs[1].digest)) == 1


async def test_a_known_layer_is_not_fetched_again_and_a_broken_cache_is_no_verdict(
    faulty: FaultyRegistry, tmp_path: Path
) -> None:
    wasm = faulty.artifact.blobs[1].digest
    await verify(faulty, tmp_path)
    faulty.seen.clear()
    await verify(faulty, tmp_path)
    assert faulty.paths(wasm) == []
    for path in (tmp_path / "cache").iterdir():
        path.write_text('{"kind": "component", "key": "another"}')
    assert (await verify(faulty, tmp_path)).status is VerdictStatus.VERIFIED
    assert len(faulty.paths(wasm)) == 1


async def test_a_refusal_is_not_remembered_against_a_repaired_registry(faulty: FaultyRegistry, tmp_path: Path) -> None:
    wasm = faulty.artifact.blobs[1]
    faulty.fault = times(
        1, lambda _: web.Response(body=hashlib.sha256(b"x").digest() * (len(wasm.data) // 32 + 1)), wasm.digest
    )
    assert (await verify(faulty, tmp_path)).status is VerdictStatus.REFUSED
    assert (await verify(faulty, tmp_path)).status is VerdictStatus.VERIFIED


async def _streamed(request: web.Request, parts: list[bytes], **headers: str) -> web.StreamResponse:
    """Send a body in chunks, without its length."""
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    for part in parts:
        await response.write(part)
    await response.write_eof()
    return response


async def test_a_body_without_its_length_is_read_to_its_end_and_no_further(
    faulty: FaultyRegistry, tmp_path: Path
) -> None:
    wasm = faulty.artifact.blobs[1]
    more = 0

    async def fault(request: web.Request) -> web.StreamResponse | None:
        parts = [wasm.data[:100], wasm.data[100:], *[b"x" * 100_000] * more]
        return await _streamed(request, parts) if request.path.endswith(wasm.digest) else None

    faulty.fault = fault
    assert (await verify(faulty, tmp_path)).status is VerdictStatus.VERIFIED
    more = 50
    verdict = await verify(faulty, tmp_path / "other")
    assert (verdict.status, verdict.code) == (VerdictStatus.REFUSED, "artifact.size")


async def test_what_breaks_off_is_gone_on_with(faulty: FaultyRegistry, tmp_path: Path) -> None:
    wasm = faulty.artifact.blobs[1]
    faulty.fault = times(1, lambda _: web.Response(body=wasm.data[:500]), wasm.digest)
    assert (await verify(faulty, tmp_path)).status is VerdictStatus.VERIFIED
    asked = [headers.get("Range") for (path, _), headers in zip(faulty.seen, faulty.headers, strict=True) if path.endswith(wasm.digest)]  # fmt: skip
    assert asked == [None, "bytes=500-"]


@pytest.mark.parametrize("part", ["bytes 0-499/1000", "bytes 900-999/1000", "nonsense", ""])
async def test_another_part_than_was_asked_for_is_not_put_together(
    faulty: FaultyRegistry, tmp_path: Path, part: str
) -> None:
    wasm = faulty.artifact.blobs[1]

    async def fault(request: web.Request) -> web.StreamResponse | None:
        if not request.path.endswith(wasm.digest):
            return None
        if "Range" not in request.headers:
            return web.Response(body=wasm.data[:500])
        return web.Response(status=206, body=wasm.data[500:], headers={"Content-Range": part})

    faulty.fault = fault
    verdict = await verify(faulty, tmp_path)
    assert (verdict.status, verdict.code) == (VerdictStatus.INCOMPLETE, "artifact.truncated")


async def test_a_registry_that_knows_no_parts_begins_anew(faulty: FaultyRegistry, tmp_path: Path) -> None:
    wasm = faulty.artifact.blobs[1]
    lengths = iter([500, len(wasm.data)])

    async def fault(request: web.Request) -> web.StreamResponse | None:
        return web.Response(body=wasm.data[: next(lengths)]) if request.path.endswith(wasm.digest) else None

    faulty.fault = fault
    assert (await verify(faulty, tmp_path)).status is VerdictStatus.VERIFIED


@pytest.mark.parametrize("part", ["/manifests/", "/blobs/"])
async def test_packed_bytes_are_not_unpacked(faulty: FaultyRegistry, tmp_path: Path, part: str) -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    faulty.fault = times(99, lambda _: web.Response(body=bomb, headers={"Content-Encoding": "gzip"}), part)
    verdict = await verify(faulty, tmp_path)
    assert (verdict.status, verdict.code) == (VerdictStatus.INCOMPLETE, "artifact.encoding")


@pytest.mark.parametrize(
    "headers",
    [{f"X-{number}": "y" * 4000 for number in range(200)}, {"X": "y" * 100_000}, {"Content-Length": "10, 20"}],
)
async def test_a_flood_of_headers_is_incomplete(
    faulty: FaultyRegistry, tmp_path: Path, headers: dict[str, str]
) -> None:
    head = "HTTP/1.1 200 OK\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n{}"

    async def raw(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head.encode())
        writer.close()

    async with await asyncio.start_server(raw, "127.0.0.1", 0) as server:
        faulty.host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        verdict = await verify(faulty, tmp_path)
    assert (verdict.status, verdict.code) == (VerdictStatus.INCOMPLETE, "artifact.unavailable")
    assert len(verdict.message) < 1000


async def test_a_manifest_of_one_byte_too_many_is_refused(faulty: FaultyRegistry, tmp_path: Path) -> None:
    body = b" " * (4 * 1024 * 1024 + 1)

    async def fault(request: web.Request) -> web.StreamResponse | None:
        return await _streamed(request, [body[:-1], body[-1:]]) if "/manifests/" in request.path else None

    faulty.fault = fault
    assert (await verify(faulty, tmp_path)).code == "artifact.manifest-too-large"
    body = body[:-1]
    assert (await verify(faulty, tmp_path)).code == "artifact.digest"


@pytest.mark.parametrize("size", [9 * 10**18, 2**63, 10**40, -1])
async def test_a_descriptor_that_says_it_is_huge_is_refused_before_anything_of_it_is_read(
    faulty: FaultyRegistry, tmp_path: Path, size: int
) -> None:
    document = json.loads(faulty.artifact.manifest)
    document["layers"][0]["size"] = size
    manifest = json.dumps(document).encode()
    faulty.fault = times(9, lambda _: web.Response(body=manifest), "/manifests/")
    faulty.artifact = Artifact(manifest, faulty.artifact.blobs)
    verdict = await verify(faulty, tmp_path)
    assert verdict.status is VerdictStatus.REFUSED
    assert faulty.paths("/blobs/") == []


async def test_a_registry_that_lies_of_its_digest_is_refused(faulty: FaultyRegistry, tmp_path: Path) -> None:
    other = "sha256:" + "d" * 64
    lie = {"Docker-Content-Digest": other}
    faulty.fault = times(9, lambda _: web.Response(body=faulty.artifact.manifest, headers=lie), "/manifests/")
    verdict = await verify(faulty, tmp_path)
    assert (verdict.status, verdict.code) == (VerdictStatus.REFUSED, "artifact.digest")
    assert verdict.steps[2].outcome is Outcome.REFUSED


async def test_a_registry_that_asks_for_patience_is_left_alone(faulty: FaultyRegistry, tmp_path: Path) -> None:
    faulty.fault = times(9, lambda _: web.Response(status=429, headers={"Retry-After": "86400"}))
    async with Verifier(registries=[RegistryAccess(prefix=faulty.host, plain_http=True)], cache=tmp_path) as verifier:
        first = await verifier.verify(faulty.reference)
        second = await verifier.verify(faulty.reference)
    assert (first.code, first.retry_after) == ("artifact.busy", 60.0)
    assert (second.code, second.status) == ("artifact.busy", VerdictStatus.INCOMPLETE)
    assert second.retry_after is not None
    assert second.retry_after <= 60.0
    assert len(faulty.seen) == 1


async def test_a_date_to_come_back_at_is_understood(faulty: FaultyRegistry, tmp_path: Path) -> None:
    when = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    faulty.fault = times(9, lambda _: web.Response(status=503, headers={"Retry-After": when}))
    verdict = await verify(faulty, tmp_path)
    assert verdict.retry_after is not None
    assert 20 < verdict.retry_after <= 30


async def test_a_registry_that_does_not_answer_is_left_alone_for_a_while(
    faulty: FaultyRegistry, tmp_path: Path
) -> None:
    async def fault(_: web.Request) -> web.StreamResponse | None:
        await asyncio.sleep(60)
        return None

    faulty.fault = fault
    async with Verifier(registries=[RegistryAccess(prefix=faulty.host, plain_http=True)], cache=tmp_path) as verifier:
        source = await verifier._reference(faulty.reference, Expected())
        source.value.client.timeout = 0.2
        first, second = await verifier.verify(faulty.reference), await verifier.verify(faulty.reference)
    assert (first.code, second.code) == ("artifact.unavailable", "artifact.busy")
    assert len(faulty.seen) == 1


async def test_a_body_that_comes_too_slowly_is_given_up(
    faulty: FaultyRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fault(request: web.Request) -> web.StreamResponse | None:
        if "/blobs/" not in request.path:
            return None
        response = web.StreamResponse()
        await response.prepare(request)
        with suppress(ConnectionError):
            while True:
                await response.write(b"x")
                await asyncio.sleep(0.05)
        return response

    faulty.fault = fault
    monkeypatch.setattr("reconciler.artifact.registry._SLOWEST", 2**40)
    async with Verifier(registries=[RegistryAccess(prefix=faulty.host, plain_http=True)], cache=tmp_path) as verifier:
        source = await verifier._reference(faulty.reference, Expected())
        source.value.client.timeout = 0.5
        verdict = await verifier.verify(faulty.reference)
    assert (verdict.status, verdict.code) == (VerdictStatus.INCOMPLETE, "artifact.truncated")


@pytest.mark.parametrize(
    "realm",
    [
        "http://169.254.169.254/latest/meta-data/", "https://169.254.169.254/token", "https://127.0.0.1:1/token", "https://[::1]/token",
        "https://localhost:1/token", "file:///etc/passwd", "https://user:pass@ghcr.io/token", "https:///token", "//ghcr.io/token", "", "http://[",
        "https://[::ffff:127.0.0.1]/token",
    ],
)  # fmt: skip
async def test_a_token_service_inside_is_never_asked(faulty: FaultyRegistry, tmp_path: Path, realm: str) -> None:
    challenge = f'Bearer realm="{realm}",service="s"'
    faulty.fault = times(99, lambda _: web.Response(status=401, headers={"WWW-Authenticate": challenge}))
    verdict = await verify(faulty, tmp_path, username="me", password="hunter2")
    assert verdict.status is VerdictStatus.INCOMPLETE
    assert verdict.code in {"artifact.token", "artifact.address"}
    _nothing_told(faulty)


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f.1", "017700000001"])
async def test_odd_spellings_of_an_address_are_no_way_around(faulty: FaultyRegistry, tmp_path: Path, host: str) -> None:
    connected: list[object] = []

    async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.append(writer.get_extra_info("peername"))
        writer.close()

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        challenge = f'Bearer realm="https://{host}:{server.sockets[0].getsockname()[1]}/token",service="s"'
        faulty.fault = times(99, lambda _: web.Response(status=401, headers={"WWW-Authenticate": challenge}))
        verdict = await verify(faulty, tmp_path, username="me", password="hunter2")
    assert verdict.code in {"artifact.address", "artifact.unavailable"}
    assert connected == []
    _nothing_told(faulty)


def _nothing_told(faulty: FaultyRegistry) -> None:
    login = base64.b64encode(b"me:hunter2").decode()
    assert all("hunter2" not in line and login not in line for _, line in faulty.seen)


@pytest.mark.parametrize(
    "location",
    [
        "https://169.254.169.254/",
        "https://127.0.0.1:1/",
        "https://localhost:1/",
        "https://[::1]:1/",
        "http://localhost:1/",
    ],
)
async def test_a_redirect_inside_is_not_followed(faulty: FaultyRegistry, tmp_path: Path, location: str) -> None:
    faulty.fault = times(99, lambda _: web.Response(status=307, headers={"Location": location}))
    verdict = await verify(faulty, tmp_path)
    assert verdict.status is VerdictStatus.INCOMPLETE
    assert verdict.code in {"artifact.redirect", "artifact.address"}


async def test_a_registry_inside_that_nobody_configured_is_not_asked(faulty: FaultyRegistry, tmp_path: Path) -> None:
    async with Verifier(registries=(), cache=tmp_path) as verifier:
        verdict = await verifier.verify(faulty.reference)
    assert (verdict.status, verdict.code) == (VerdictStatus.INCOMPLETE, "artifact.address")
    assert faulty.seen == []


async def test_cookies_are_not_kept(faulty: FaultyRegistry, tmp_path: Path) -> None:
    async def fault(request: web.Request) -> web.StreamResponse | None:
        if "/manifests/" not in request.path:
            return None
        response = web.Response(body=faulty.artifact.manifest)
        response.set_cookie("session", "abc")
        return response

    faulty.fault = fault
    assert (await verify(faulty, tmp_path)).status is VerdictStatus.VERIFIED
    assert all("Cookie" not in headers for headers in faulty.headers)


async def test_one_registry_that_gives_wrong_bytes_does_not_spoil_another(
    faulty: FaultyRegistry, registry: str, tmp_path: Path
) -> None:
    wasm = faulty.artifact.blobs[1]
    faulty.fault = times(99, lambda _: web.Response(body=b"x" * len(wasm.data)), wasm.digest)
    entries = [RegistryAccess(prefix=host, plain_http=True) for host in (faulty.host, registry)]
    async with Verifier(registries=entries, cache=tmp_path) as verifier:
        bad, good = await asyncio.gather(
            verifier.verify(faulty.reference),
            verifier.verify(f"{registry}/{faulty.repository}@{faulty.artifact.digest}"),
        )
    assert good.status is VerdictStatus.VERIFIED
    # Whoever came second may have found the layer already proven by the other.
    assert bad.status is VerdictStatus.VERIFIED or bad.code == "artifact.digest"
