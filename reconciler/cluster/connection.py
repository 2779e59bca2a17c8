"""A connection to one API server: the kubernetes package reads the credentials, aiohttp carries raw JSON.

Typed objects would cost time and memory and drop fields they do not know; what the API server says is passed on as it is.
"""

from __future__ import annotations

import asyncio
import asyncio.sslproto
import json
from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode

import aiohttp
from yarl import URL

from reconciler.cluster.answers import BUSY, OK, UNAUTHORIZED, Answer, parse, refusal, retry_after
from reconciler.cluster.credentials import Credentials
from reconciler.cluster.flow import Hold
from reconciler.errors import UnavailableError

APPLY_PATCH = "application/apply-patch+yaml"
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
JSON = "application/json"

#: An object may have 1.5 MB, and a watch event comes whole in one line: aiohttp takes lines of up to twice this.
_BUFFER = 2**21
_CONNECT_SECONDS = 10.0

#: What asyncio reads into, kept for each TLS connection: 256 KiB by itself, and each watch has a connection that is silent mostly. A
#: record of TLS has 16 KiB, so that little is read in more steps.
TLS_BUFFER = 32 * 1024
asyncio.sslproto.SSLProtocol.max_size = TLS_BUFFER


@dataclass(kw_only=True, slots=True)
class Connection:
    """Requests to one API server. Open it with `async with`; every try of a call has a deadline.

    429 and 503 are waited out as the server asks (at most 60 s each, `busy_tries` times, for every verb, and by the requests of
    the same user alone): the request was refused before it had an effect. A 401 has the credentials read anew, once. Nothing else is tried again here: only the
    caller knows what may be repeated.
    """

    credentials: Credentials
    busy_tries: int = 4
    timeout: float = 30.0
    requests: dict[str, int] = field(default_factory=dict)
    holds: defaultdict[str, Hold] = field(default_factory=lambda: defaultdict(Hold))
    _session: aiohttp.ClientSession | None = None

    @classmethod
    async def open(cls, kubeconfig: Path | None = None, context: str | None = None) -> Connection:
        """Read credentials: a kubeconfig where one is named, else the pod's own, else the user's kubeconfig.

        Raises UnavailableError where there are none that can be used.
        """
        return cls(credentials=await Credentials.read(kubeconfig, context))

    @property
    def server(self) -> str:
        """The API server's base URL."""
        return self.credentials.server

    @property
    def authority(self) -> bytes:
        """The PEM text of the authority that the server's certificate is checked against; empty: the system's."""
        return self.credentials.authority()

    async def __aenter__(self) -> Self:
        secure = self.server.startswith("https:")
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=self.credentials.tls() if secure else True),
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=_BUFFER,
            # Every request brings a deadline of its own; a second timer for each would only cost time.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: bytes | Mapping[str, Any] | list[Any] | None = None,
        content_type: str = JSON,
        accept: str = JSON,
        impersonate: str = "",
        timeout: float | None = None,  # noqa: ASYNC109 - becomes the deadline of each try
    ) -> Answer:
        """Make a request and give its answer. `path` begins with `/`; `impersonate` is a full user name.

        Raises ClusterError where the server refused it, UnavailableError where no usable answer came: its outcome is unknown then.
        """
        data = body if body is None or isinstance(body, bytes) else json.dumps(body, separators=(",", ":")).encode()
        deadline = timeout or self.timeout
        tries, renewed = 0, False
        while True:
            await self.holds[impersonate].passed()
            generation = self.credentials.generation
            headers = await self._headers(accept=accept, impersonate=impersonate)
            if data is not None:
                headers["Content-Type"] = content_type
            answer, wait = await self._once(
                method, self._url(path, params), data=data, headers=headers, deadline=deadline
            )
            if answer.status in OK:
                return answer
            if answer.status == UNAUTHORIZED and not renewed:
                renewed = True
                await self.credentials.renew(generation)
            elif answer.status in BUSY and tries < self.busy_tries:
                tries += 1
                self.holds[impersonate].for_seconds(wait if wait is not None else 0.25 * 2.0**tries)
            else:
                raise refusal(method, path, answer, wait)

    async def lines(
        self,
        path: str,
        *,
        params: Mapping[str, str],
        accept: str = JSON,
        impersonate: str = "",
        total: float,
        silence: float,
    ) -> AsyncGenerator[bytes, None]:
        """GET a stream and yield its lines as they come; it ends when the server ends it.

        Raises ClusterError where it is refused, and UnavailableError where nothing comes for `silence` seconds (a half-open
        connection never says that it is dead), after `total` seconds, or where the connection breaks.
        """
        times = aiohttp.ClientTimeout(total=total, sock_connect=_CONNECT_SECONDS, sock_read=silence)
        call, url = f"WATCH {path}", self._url(path, params)
        try:
            async with await self._open_stream(call, url, accept, impersonate, times) as response:
                while line := await response.content.readline():
                    yield line
        except TimeoutError as error:
            raise UnavailableError(f"{call}: silent for longer than it may be") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:  # ValueError: a line longer than any object can be
            raise UnavailableError(f"{call}: {_told(error)}") from error

    async def _open_stream(
        self, call: str, url: URL, accept: str, impersonate: str, times: aiohttp.ClientTimeout
    ) -> aiohttp.ClientResponse:
        """Give a response whose body is still to be read; a 401 has the credentials read anew, once."""
        renewed = False
        while True:
            await self.holds[impersonate].passed()
            generation = self.credentials.generation
            headers = await self._headers(accept=accept, impersonate=impersonate)
            self._count("WATCH")
            response: aiohttp.ClientResponse = await self._ask("GET", url, headers=headers, timeout=times)
            if response.status in OK:
                return response
            async with response:
                answer, wait = await _answer(response, call)
            if answer.status == UNAUTHORIZED and not renewed:
                renewed = True
                await self.credentials.renew(generation)
                continue
            if answer.status in BUSY:
                self.holds[impersonate].for_seconds(wait if wait is not None else 1.0)
            raise refusal("WATCH", url.path, answer, wait)

    async def _once(
        self, method: str, url: URL, *, data: bytes | None, headers: Mapping[str, str], deadline: float
    ) -> tuple[Answer, float | None]:
        self._count(method)
        call = f"{method} {url.path}"
        try:
            async with asyncio.timeout(deadline), self._ask(method, url, data=data, headers=headers) as response:
                return await _answer(response, call)
        except TimeoutError as error:
            raise UnavailableError(f"{call}: no answer within {deadline:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise UnavailableError(f"{call}: {_told(error)}") from error

    def _ask(self, method: str, url: URL, **options: Any) -> Any:
        if self._session is None:
            raise RuntimeError("the connection is used outside its `async with`")
        configuration = self.credentials.configuration
        if configuration.proxy:
            options["proxy"] = configuration.proxy
        if configuration.tls_server_name:
            options["server_hostname"] = configuration.tls_server_name
        return self._session.request(method, url, allow_redirects=False, **options)

    def _url(self, path: str, params: Mapping[str, str] | None) -> URL:
        return URL(f"{self.server}{path}{'?' + urlencode(params) if params else ''}", encoded=True)

    async def _headers(self, *, accept: str, impersonate: str) -> dict[str, str]:
        headers = {"Accept": accept, "User-Agent": "spinfleet"}
        if token := await self.credentials.authorization():
            headers["Authorization"] = token
        if impersonate:
            headers["Impersonate-User"] = impersonate
        return headers

    def _count(self, verb: str) -> None:
        self.requests[verb] = self.requests.get(verb, 0) + 1


async def _answer(response: aiohttp.ClientResponse, call: str) -> tuple[Answer, float | None]:
    raw = await response.read()
    body = parse(raw, status=response.status, content_type=response.content_type, call=call)
    return Answer(status=response.status, body=body), retry_after(response.headers.get("Retry-After", ""))


def segment(text: str) -> str:
    """Quote one path segment."""
    return quote(text, safe="")


def _told(error: Exception) -> str:
    return str(error) or type(error).__name__
