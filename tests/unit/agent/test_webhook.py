"""Hooks: only what is signed wakes, and nothing that a request says is used. Over real HTTP."""

from __future__ import annotations

import asyncio
import hmac
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import aiohttp.web
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.agent.webhook import Receiver, receiving, secrets_in, signed

SECRET = b"0123456789abcdef"
OTHER = b"fedcba9876543210"


def signature(body: bytes, secret: bytes = SECRET) -> str:
    return f"sha256={hmac.new(secret, body, 'sha256').hexdigest()}"


class Hooks:
    def __init__(self, port: int, session: aiohttp.ClientSession) -> None:
        self.url, self.session = f"http://127.0.0.1:{port}/hook", session
        self.woken = 0
        self.wake = asyncio.Event()

    async def post(self, body: object, **headers: str) -> tuple[int, str]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.post(self.url, data=body, headers=named) as answer:
            return answer.status, await answer.text()


@asynccontextmanager
async def hooks(folder: Path, secret: bytes | None = SECRET) -> AsyncIterator[Hooks]:
    file = folder / "secret"
    if secret is not None:
        file.write_bytes(secret + b"\n")
    made: list[Hooks] = []

    def wake() -> None:
        made[0].woken += 1
        made[0].wake.set()

    async with receiving(("127.0.0.1", 0), file, wake) as port, aiohttp.ClientSession() as session:
        made.append(Hooks(port, session))
        yield made[0]


@pytest.mark.parametrize("header", ["X-Hub-Signature-256", "X-Signature"])
async def test_a_signed_request_wakes_whatever_it_says(tmp_path: Path, header: str) -> None:
    async with hooks(tmp_path) as there:
        body = b'{"ref": not json at all \x00\xff'
        assert await there.post(body, **{header: signature(body)}) == (202, "looking\n")
        assert there.woken == 1


async def test_unsigned_and_wrongly_signed_requests_wake_nobody(tmp_path: Path) -> None:
    async with hooks(tmp_path) as there:
        assert (await there.post(b"x"))[0] == 401
        for wrong in (
            signature(b"y"),
            signature(b"x", OTHER),
            signature(b"x")[:-1],
            signature(b"x")[7:],
            "sha1=00",
            "é",
        ):
            assert (await there.post(b"x", X_Signature=wrong))[0] == 401, wrong
        assert there.woken == 0


async def test_without_a_secret_nothing_is_genuine(tmp_path: Path) -> None:
    for secret in (None, b"", b"short"):
        async with hooks(tmp_path, secret) as there:
            assert (await there.post(b"", X_Signature=signature(b"", secret or b"")))[0] == 503
            assert there.woken == 0


async def test_a_body_over_a_mebibyte_is_refused_however_it_is_sent(tmp_path: Path) -> None:
    big = b"a" * (1024 * 1024 + 1)

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(big), 65536):
            yield big[start : start + 65536]

    async with hooks(tmp_path) as there:
        answers = []
        for body in (io.BytesIO(big), chunks()):
            try:
                answers.append((await there.post(body, X_Signature=signature(big)))[0])
            except aiohttp.ClientConnectionError:
                answers.append(413)  # hung up on in the middle of the body
        assert answers == [413, 413]
        assert there.woken == 0
        assert (await there.post(io.BytesIO(big[:-1]), X_Signature=signature(big[:-1])))[0] == 202


async def test_a_second_secret_is_taken_while_one_replaces_the_other(tmp_path: Path) -> None:
    async with hooks(tmp_path, SECRET + b"\n" + OTHER) as there:
        assert (await there.post(b"a", X_Signature=signature(b"a", OTHER)))[0] == 202
        (tmp_path / "secret").write_bytes(OTHER)
        assert (await there.post(b"a", X_Signature=signature(b"a", SECRET)))[0] == 401


async def test_a_ping_is_answered_and_wakes_nobody(tmp_path: Path) -> None:
    async with hooks(tmp_path) as there:
        assert await there.post(b"{}", X_Hub_Signature_256=signature(b"{}"), X_GitHub_Event="ping") == (202, "pong\n")
        assert there.woken == 0


async def test_many_hooks_are_one_look_now_and_one_later(tmp_path: Path) -> None:
    async with hooks(tmp_path) as there:
        for _ in range(5):
            assert (await there.post(b"", X_Signature=signature(b"")))[0] == 202
        assert there.woken == 1
        there.wake.clear()
        await asyncio.wait_for(there.wake.wait(), 30)
        assert there.woken == 2


async def test_a_flood_is_turned_away_before_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(SECRET)
    now = [10.5]
    receiver = Receiver(secret_file=tmp_path / "secret", wake=lambda: None, clock=lambda: now[0])
    app = aiohttp.web.Application()
    app.add_routes([aiohttp.web.post("/hook", receiver.answer)])
    runner = aiohttp.web.AppRunner(app, handle_signals=False)
    await runner.setup()
    try:
        await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
        async with aiohttp.ClientSession() as session:
            there = Hooks(runner.addresses[0][1], session)
            statuses = [(await there.post(b"x"))[0] for _ in range(25)]
            assert statuses == [401] * 20 + [429] * 5
            now[0] += 1
            assert (await there.post(b"x", X_Signature=signature(b"x")))[0] == 202
    finally:
        receiver.close()
        await runner.cleanup()


@given(st.binary(max_size=200), st.binary(max_size=200), st.binary(min_size=16, max_size=40))
def test_only_the_same_body_with_the_same_secret_is_genuine(body: bytes, other: bytes, secret: bytes) -> None:
    given_signature = signature(body, secret)
    assert signed(body, given_signature, (OTHER, secret))
    assert signed(other, given_signature, (secret,)) == (other == body)
    assert not signed(body, given_signature, ())


@given(st.text(max_size=100))
def test_no_text_in_place_of_a_signature_passes_or_fails_otherwise(text: str) -> None:
    assert not signed(b"body", text, (SECRET,))


def test_short_secrets_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(b"short\n\n  0123456789abcdef  \n")
    assert secrets_in(tmp_path / "s") == (SECRET,)
    assert secrets_in(tmp_path / "none") == ()
