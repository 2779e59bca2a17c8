"""A connection to one API server: the kubernetes package reads the credentials, aiohttp carries raw JSON.

Typed objects would cost time and memory and drop fields they do not know; what the API server says is passed on as it is.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import aiohttp

from reconciler.errors import ClusterError, UnavailableError

logger = logging.getLogger(__name__)

APPLY_PATCH = "application/apply-patch+yaml"
MERGE_PATCH = "application/merge-patch+json"
JSON = "application/json"

_LONGEST_RETRY_AFTER = 60.0
_BUSY = frozenset({429, 503})
_UNAUTHORIZED = 401
_SERVER_ERROR = 500
_REDIRECT = range(300, 400)
_SUCCESS = range(200, 300)


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """An API server's answer: HTTP status and the parsed JSON object."""

    status: int
    body: Mapping[str, Any]


@dataclass(kw_only=True, slots=True)
class Connection:
    """Requests to one API server. Open it with `async with`; every call has a deadline.

    429 and 503 are waited out as the server asks (at most 60 s each, `busy_tries` times, for every verb): the request was
    refused before it had an effect. Nothing else is tried again here: only the caller knows what may be repeated.
    """

    configuration: Any
    busy_tries: int = 4
    timeout: float = 30.0
    _session: aiohttp.ClientSession | None = None
    _tls: ssl.SSLContext | bool = True
    _hold_until: float = 0.0
    requests: dict[str, int] = field(default_factory=dict)

    @classmethod
    async def open(cls, kubeconfig: Path | None = None, context: str | None = None) -> Connection:
        """Read credentials: a kubeconfig where one is named, else the pod's own, else the user's kubeconfig.

        Raises UnavailableError where there are none that can be used.
        """
        from kubernetes.aio import config
        from kubernetes.aio.client.configuration import Configuration

        configuration = Configuration()
        try:
            if kubeconfig is None and context is None:
                try:
                    config.load_incluster_config(client_configuration=configuration)
                    return cls(configuration=configuration)
                except config.ConfigException:
                    logger.debug("not in a pod; reading the kubeconfig")
            await config.load_kube_config(
                config_file=str(kubeconfig) if kubeconfig else None, context=context, client_configuration=configuration
            )
        except (config.ConfigException, OSError) as error:
            raise UnavailableError(
                f"no usable cluster credentials: {error}",
                hint="name a kubeconfig with --kubeconfig or KUBECONFIG, and a context with --context",
            ) from error
        return cls(configuration=configuration)

    @property
    def server(self) -> str:
        """The API server's base URL."""
        return str(self.configuration.host).rstrip("/")

    async def __aenter__(self) -> Self:
        self._tls = _tls(self.configuration)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=self._tls),
            read_bufsize=2**21,  # an object may have 1.5 MB; watch events come one to a line
            auto_decompress=True,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: bytes | Mapping[str, Any] | None = None,
        content_type: str = JSON,
        accept: str = JSON,
        impersonate: str = "",
        timeout: float | None = None,  # noqa: ASYNC109 - becomes the deadline of this call
    ) -> Answer:
        """Make a request and give its answer. `path` begins with `/`; `impersonate` is a full user name.

        Raises ClusterError where the server refused it, UnavailableError where no usable answer came: its outcome is unknown then.
        """
        data = json.dumps(body, separators=(",", ":")).encode() if isinstance(body, Mapping) else body
        tries, reloaded = 0, False
        while True:
            await self._wait_while_held()
            headers = await self.headers(accept=accept, impersonate=impersonate)
            if data is not None:
                headers["Content-Type"] = content_type
            answer, retry_after = await self._once(
                method, path, params=params, data=data, headers=headers, deadline=timeout or self.timeout
            )
            if answer.status in _SUCCESS:
                return answer
            if answer.status == _UNAUTHORIZED and not reloaded:
                reloaded = True
                continue  # headers are made anew for each try, and with them an expired token
            if answer.status in _BUSY and tries < self.busy_tries:
                tries += 1
                self._hold(retry_after if retry_after is not None else 0.25 * 2.0**tries)
                continue
            raise refusal(method, path, answer, retry_after)

    async def _once(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None,
        data: bytes | None,
        headers: Mapping[str, str],
        deadline: float,
    ) -> tuple[Answer, float | None]:
        self.requests[method] = self.requests.get(method, 0) + 1
        try:
            async with (
                asyncio.timeout(deadline),
                self.session.request(
                    method, self.server + path, params=params, data=data, headers=headers, allow_redirects=False
                ) as response,
            ):
                raw = await response.read()
                return Answer(status=response.status, body=_parsed(raw, response, method, path)), _retry_after(response)
        except TimeoutError as error:
            raise UnavailableError(f"{method} {path}: no answer within {deadline:g} s") from error
        except aiohttp.ClientError as error:
            raise UnavailableError(f"{method} {path}: {error}") from error

    @property
    def session(self) -> aiohttp.ClientSession:
        """The open session. Raises RuntimeError outside `async with`."""
        if self._session is None:
            raise RuntimeError("the connection is used outside its `async with`")
        return self._session

    async def headers(self, *, accept: str, impersonate: str) -> dict[str, str]:
        """Give the headers of a request: credentials are asked for each time, so that rotated tokens are picked up."""
        headers = {"Accept": accept, "User-Agent": "spinfleet"}
        token = await self.configuration.get_api_key_with_prefix("BearerToken", alias="authorization")
        if token:
            headers["Authorization"] = token
        if impersonate:
            headers["Impersonate-User"] = impersonate
        return headers

    def _hold(self, seconds: float) -> None:
        """Keep every request back: a busy server is busy for all of them. Jitter spreads the return."""
        wait = min(seconds, _LONGEST_RETRY_AFTER) * random.uniform(1.0, 1.25)  # noqa: S311 - spreads load, guards nothing
        self._hold_until = max(self._hold_until, asyncio.get_running_loop().time() + wait)

    async def _wait_while_held(self) -> None:
        loop = asyncio.get_running_loop()
        while (left := self._hold_until - loop.time()) > 0:  # noqa: ASYNC110 - the hold may be prolonged meanwhile
            await asyncio.sleep(left)


def refusal(
    method: str, path: str, answer: Answer, retry_after: float | None = None
) -> ClusterError | UnavailableError:
    """Give the error for an answer that is no success."""
    status = answer.body
    message = str(status.get("message") or f"HTTP {answer.status}")
    if answer.status >= _SERVER_ERROR or answer.status in _BUSY:
        return UnavailableError(f"{method} {path}: {message}", retry_after=retry_after)
    causes = (status.get("details") or {}).get("causes") or ()
    if answer.status == 409 and causes:
        message += "; " + "; ".join(f"{cause.get('field', '')}: {cause.get('message', '')}" for cause in causes[:8])
    return ClusterError(message, status=answer.status, reason=str(status.get("reason") or ""))


def segment(text: str) -> str:
    """Quote one path segment."""
    return quote(text, safe="")


def _parsed(raw: bytes, response: aiohttp.ClientResponse, method: str, path: str) -> Mapping[str, Any]:
    if response.status in _REDIRECT:
        raise UnavailableError(
            f"{method} {path}: redirected to {response.headers.get('Location', '?')}, which is not followed"
        )
    try:
        body = json.loads(raw)
    except ValueError as error:
        if response.status in _SUCCESS:
            raise UnavailableError(
                f"{method} {path}: the answer is not JSON ({response.content_type}, {len(raw)} bytes)"
            ) from error
        return {"message": raw[:300].decode("utf-8", "replace").strip() or response.reason}
    if not isinstance(body, dict):
        raise UnavailableError(f"{method} {path}: the answer is not a JSON object")
    return body


def _retry_after(response: aiohttp.ClientResponse) -> float | None:
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else None


def _tls(configuration: Any) -> ssl.SSLContext | bool:
    if not str(configuration.host).startswith("https:"):
        return True
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert, cadata=configuration.ca_cert_data)
    # Private clusters' own authorities often lack the key usages that Python's strict mode asks for.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, keyfile=configuration.key_file)
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
