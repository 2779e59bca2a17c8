"""The webhook receiver: a signed POST from a Git host has the agent look now, instead of at its interval.

Nothing that a request says is used but its signature: a body is read to a bound, compared, and dropped, so that neither its form nor
its words can do anything. What a forger could gain at most is nothing, and what a replay gains is a fetch that would come anyway.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

logger = logging.getLogger(__name__)

PATH = "/hook"
#: Where hosts put `sha256=<hex of HMAC-SHA256 over the body>`: GitHub (and Gitea, Forgejo), then everything else.
SIGNATURE_HEADERS = ("X-Hub-Signature-256", "X-Signature")
_MOST_BYTES = 1024 * 1024
_SLOWEST_BODY = 10.0
_AT_ONCE = 8
_SHORTEST_SECRET = 16
#: Requests in one second that are looked at at all, and seconds between two looks at Git that hooks may cause.
_A_SECOND = 20
_BETWEEN = 2.0


def signed(body: bytes, signature: str, secrets: tuple[bytes, ...]) -> bool:
    """Tell whether a signature is that of a body with one of the secrets. Takes the same time whatever is wrong with it."""
    given = signature.strip().encode("utf-8", "replace")
    found = False
    for secret in secrets:
        expected = f"sha256={hmac.new(secret, body, 'sha256').hexdigest()}".encode()
        found |= hmac.compare_digest(expected, given)
    return found


def secrets_in(file: Path) -> tuple[bytes, ...]:
    """Read the shared secrets, one a line: two of them while one takes the place of the other.

    Shorter ones than 16 bytes could be guessed and do not count. A file that can't be read holds none.
    """
    try:
        lines = file.read_bytes().splitlines()
    except OSError:
        return ()
    return tuple(line for line in (each.strip() for each in lines) if len(line) >= _SHORTEST_SECRET)


@dataclass(kw_only=True, slots=True)
class Receiver:
    """Answers hooks. `wake` is called when one of them is genuine, at most once in two seconds."""

    secret_file: Path
    wake: Callable[[], None]
    clock: Callable[[], float] = time.monotonic
    _second: int = 0
    _in_second: int = 0
    _last_wake: float = float("-inf")
    _later: asyncio.TimerHandle | None = None
    _reading: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

    async def answer(self, request: web.Request) -> web.Response:
        """Answer one request. 202: genuine; 401: not signed, or wrongly; 413: too large; 429: too many; 503: no secret is set."""
        if not self._admitted():
            return _said(429, "too many requests")
        signature = next((request.headers[name] for name in SIGNATURE_HEADERS if name in request.headers), "")
        if not signature:
            return _said(401, f"not signed: no {' or '.join(SIGNATURE_HEADERS)}")
        if (request.content_length or 0) > _MOST_BYTES:
            return _said(413, f"more than {_MOST_BYTES} bytes")
        secrets = secrets_in(self.secret_file)
        if not secrets:
            return _said(503, f"no secret of at least {_SHORTEST_SECRET} bytes is set")
        async with self._reading:
            try:
                body = await asyncio.wait_for(_read(request), _SLOWEST_BODY)
            except TimeoutError:
                return _said(408, "the body took too long")
        if body is None:
            return _said(413, f"more than {_MOST_BYTES} bytes")
        if not signed(body, signature, secrets):
            logger.warning("a webhook request with a wrong signature was refused")
            return _said(401, "the signature is not that of the body with the shared secret")
        if request.headers.get("X-GitHub-Event", "push") == "ping":
            return _said(202, "pong")
        self._wake()
        return _said(202, "looking")

    def _admitted(self) -> bool:
        second = int(self.clock())
        if second != self._second:
            self._second, self._in_second = second, 0
        self._in_second += 1
        return self._in_second <= _A_SECOND

    def _wake(self) -> None:
        """Wake now, or once when the pause since the last time is over."""
        wait = self._last_wake + _BETWEEN - self.clock()
        if wait <= 0:
            self._woken()
        elif self._later is None:
            self._later = asyncio.get_running_loop().call_later(wait, self._woken)

    def _woken(self) -> None:
        self._later, self._last_wake = None, self.clock()
        self.wake()

    def close(self) -> None:
        """Wake nobody any more."""
        if self._later is not None:
            self._later.cancel()
            self._later = None


async def _read(request: web.Request) -> bytes | None:
    """Read a body; None where it is longer than allowed, whatever its headers say."""
    body = bytearray()
    async for chunk in request.content.iter_chunked(64 * 1024):
        body += chunk
        if len(body) > _MOST_BYTES:
            return None
    return bytes(body)


def _said(status: int, text: str) -> web.Response:
    response = web.Response(status=status, text=f"{text}\n")
    if status >= 400:
        # What is left of a refused body is not read.
        response.force_close()
    return response


@asynccontextmanager
async def receiving(listen: tuple[str, int], secret_file: Path, wake: Callable[[], None]) -> AsyncIterator[int]:
    """Receive hooks while the context is open; gives the port. Raises OSError where the address is taken."""
    receiver = Receiver(secret_file=secret_file, wake=wake)
    app = web.Application(client_max_size=_MOST_BYTES)
    app.add_routes([web.post(PATH, receiver.answer)])
    runner = web.AppRunner(app, access_log=None, handle_signals=False, max_line_size=4096, max_field_size=4096)
    await runner.setup()
    try:
        await web.TCPSite(runner, *listen).start()
        yield runner.addresses[0][1]
    finally:
        receiver.close()
        await runner.cleanup()
