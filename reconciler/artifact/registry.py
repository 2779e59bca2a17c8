"""Reading from an OCI registry (source: the OCI distribution specification): manifests and blobs by digest, nothing written.

Every byte is checked against its descriptor: size first, digest at the end. Credentials go to the configured host alone.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import IO, Any
from urllib.parse import urljoin, urlsplit

import aiohttp

from reconciler.artifact.access import RegistryAccess
from reconciler.artifact.reference import Reference
from reconciler.errors import ArtifactError, UnavailableError

MANIFEST_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MAX_MANIFEST = 4 * 1024 * 1024
_MAX_TOKEN = 64 * 1024
_CHUNK = 1024 * 1024
_HOPS = 5
#: Registries whose token service is known to be another host of theirs.
_TOKEN_HOSTS = {"registry-1.docker.io": "auth.docker.io", "registry.gitlab.com": "gitlab.com"}
_TRIES = 3
_LONGEST_WAIT = 60.0
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


@dataclass(slots=True)
class Registries:
    """The clients of all registries, over one session."""

    _session: aiohttp.ClientSession | None = None
    _clients: dict[tuple[str, RegistryAccess], RegistryClient] = field(default_factory=dict)

    async def open(self) -> None:
        """Begin."""
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=30))

    async def close(self) -> None:
        """End every connection."""
        if self._session is not None:
            await self._session.close()

    def of(self, registry: str, access: RegistryAccess) -> RegistryClient:
        """Give the client of a registry as it is to be reached."""
        assert self._session is not None  # noqa: S101 - opened before anything is asked
        key = registry, access
        if key not in self._clients:
            self._clients[key] = RegistryClient(session=self._session, access=access, registry=registry)
        return self._clients[key]


@dataclass(kw_only=True, slots=True)
class RegistryClient:
    """Reads one registry through a shared session."""

    session: aiohttp.ClientSession
    access: RegistryAccess
    registry: str
    timeout: float = 60.0
    _authorization: dict[str, str] = field(default_factory=dict)

    @property
    def base(self) -> str:
        """The URL that paths stand under."""
        scheme = "http" if self.access.plain_http else "https"
        return f"{scheme}://{self.access.mirror or self.registry}"

    async def manifest(self, reference: Reference) -> bytes:
        """Read a manifest; the caller checks its digest. Raises ArtifactError (too large) and UnavailableError."""
        path = f"/v2/{reference.repository}/manifests/{reference.digest or reference.tag}"
        async with self._get(path, reference.repository, accept=", ".join(MANIFEST_TYPES)) as response:
            return await _bounded(response, MAX_MANIFEST, "artifact.manifest-too-large", "the manifest")

    async def blob(self, repository: str, digest: str, size: int, into: IO[bytes]) -> None:
        """Stream a blob into a file. Raises ArtifactError where size or digest are not the descriptor's, and UnavailableError."""
        hashed, read = hashlib.sha256(), 0
        async with self._get(f"/v2/{repository}/blobs/{digest}", repository, accept="*/*") as response:
            async for chunk in response.content.iter_chunked(_CHUNK):
                read += len(chunk)
                if read > size:
                    raise ArtifactError(
                        "artifact.size", f"blob {digest} has more than the {size} bytes its descriptor says"
                    )
                # Hashing a chunk of 1 MiB takes under a millisecond: the loop is not held up.
                hashed.update(chunk)
                into.write(chunk)
        if read < size:
            raise _unavailable(f"blob {digest}: the answer ended after {read} of {size} bytes")
        if f"sha256:{hashed.hexdigest()}" != digest:
            raise ArtifactError("artifact.digest", f"blob {digest} has other content than its digest says")

    @asynccontextmanager
    async def _get(self, path: str, repository: str, *, accept: str) -> AsyncIterator[aiohttp.ClientResponse]:
        """Open a GET: signs in once where asked to, follows redirects, waits out a busy server."""
        url, hops, tries, signed_in = self.base + path, 0, 0, False
        try:
            while True:
                async with asyncio.timeout(self.timeout), self._open(url, accept) as response:
                    if response.status == 200:
                        yield response
                        return
                    if response.status in {301, 302, 303, 307, 308} and hops < _HOPS:
                        url, hops = self._redirected(url, response), hops + 1
                        continue
                    if response.status == 401 and not signed_in and _origin(url) == _origin(self.base):
                        signed_in = True
                        self._authorization[_origin(url)] = await self._sign_in(response, repository)
                        continue
                    wait = _busy(response)
                    if wait is None or tries >= _TRIES:
                        raise _refused(response, path)
                tries += 1
                await asyncio.sleep(wait)
        except TimeoutError as error:
            raise _unavailable(f"{self.registry}{path}: no answer within {self.timeout:g} s") from error
        except aiohttp.ClientError as error:
            raise _unavailable(f"{self.registry}{path}: {type(error).__name__} {error}") from error

    def _open(self, url: str, accept: str) -> Any:
        headers = {"Accept": accept, "User-Agent": "spinfleet", "Accept-Encoding": "identity"}
        if authorization := self._authorization.get(_origin(url)):
            headers["Authorization"] = authorization
        return self.session.get(url, headers=headers, allow_redirects=False, ssl=self._tls())

    def _tls(self) -> ssl.SSLContext | bool:
        """Give the TLS settings: the configured authority, else the system's."""
        return ssl.create_default_context(cadata=self.access.ca) if self.access.ca else True

    def _redirected(self, url: str, response: aiohttp.ClientResponse) -> str:
        target = urljoin(url, response.headers.get("Location", ""))
        scheme = urlsplit(target).scheme
        if scheme != "https" and not (scheme == "http" and self.access.plain_http):
            raise _unavailable(f"{self.registry} redirects to a {scheme} address, which is not followed")
        return target

    async def _sign_in(self, response: aiohttp.ClientResponse, repository: str) -> str:
        """Give the Authorization header that a challenge asks for (source: the distribution token specification)."""
        challenge = response.headers.get("WWW-Authenticate", "")
        scheme, _, rest = challenge.partition(" ")
        login = base64.b64encode(f"{self.access.username}:{self.access.password}".encode()).decode()
        if scheme.lower() == "basic" and self.access.username:
            return f"Basic {login}"
        if scheme.lower() != "bearer":
            raise _unavailable(
                f"{self.registry} asks who we are, and no credentials are configured for it",
                hint="name a Secret in spec.policy.registries",
            )
        fields = dict(_CHALLENGE.findall(rest))
        realm = fields.get("realm", "")
        if urlsplit(realm).scheme != "https" and not (self.access.plain_http and urlsplit(realm).scheme == "http"):
            raise _unavailable(f"{self.registry} names a token service that is not https: {realm[:200]}")
        # A registry names its token service itself: the login goes there only where that is known to be right.
        headers = {"Authorization": f"Basic {login}"} if self.access.username and _trusted(realm, self.base) else {}
        params = {"service": fields.get("service", ""), "scope": f"repository:{repository}:pull"}
        async with self.session.get(
            realm, params=params, headers=headers, allow_redirects=False, ssl=self._tls()
        ) as answer:
            if answer.status != 200:
                raise _unavailable(f"{self.registry}: its token service answers {answer.status}")
            data = await _bounded(answer, _MAX_TOKEN, "artifact.token", "the token")
        try:
            body = json.loads(data)
            return f"Bearer {body.get('token') or body['access_token']}"
        except (ValueError, KeyError, AttributeError) as error:
            raise _unavailable(f"{self.registry}: its token service gives no token") from error


async def _bounded(response: aiohttp.ClientResponse, limit: int, code: str, what: str) -> bytes:
    parts, read = [], 0
    async for chunk in response.content.iter_chunked(_CHUNK):
        read += len(chunk)
        if read > limit:
            raise ArtifactError(code, f"{what} has more than {limit} bytes")
        parts.append(chunk)
    return b"".join(parts)


def _busy(response: aiohttp.ClientResponse) -> float | None:
    """Give how long to wait before the next try; None where trying again now is no use."""
    if response.status != 429 and response.status < 500:
        return None
    asked = response.headers.get("Retry-After", "")
    return min(float(asked), _LONGEST_WAIT) if asked.isdecimal() else 1.0


def _refused(response: aiohttp.ClientResponse, path: str) -> UnavailableError:
    words = {401: "not signed in", 403: "not allowed", 404: "not found", 429: "too many requests"}
    return _unavailable(
        f"{urlsplit(str(response.url)).netloc}{path}: {words.get(response.status, f'HTTP {response.status}')}",
        hint="check that it was pushed and may be read",
    )


def _unavailable(message: str, *, hint: str = "") -> UnavailableError:
    return UnavailableError(message, hint=hint, code="artifact.unavailable")


def _origin(url: str) -> str:
    split = urlsplit(url)
    return f"{split.scheme}://{split.netloc}"


def _trusted(realm: str, base: str) -> bool:
    """Tell whether a token service may see the login: the registry's own origin, or the one it is known to use."""
    known = _TOKEN_HOSTS.get(urlsplit(base).netloc)
    return _origin(realm) == _origin(base) or (known is not None and _origin(realm) == f"https://{known}")
