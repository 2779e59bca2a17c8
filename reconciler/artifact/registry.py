"""Reading from an OCI registry (source: the OCI distribution specification): manifests and blobs by digest, nothing written.

Every byte of a blob is checked against its descriptor: size while it is read, digest at the end. Credentials go to the configured
host alone, and neither a redirect nor a token service leads to a private address, or to plain HTTP, that was not configured.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import IO, Any
from urllib.parse import urljoin, urlsplit

import aiohttp

from reconciler.artifact.access import Hosts, RegistryAccess, login_for, origin, server
from reconciler.artifact.addresses import ForbiddenAddressError, GuardedResolver, check_literal
from reconciler.artifact.answers import broken, busy_for, check_answer, refused
from reconciler.artifact.challenge import challenge_of, token_of
from reconciler.artifact.json_text import parse_json
from reconciler.artifact.reference import Reference, digest_of
from reconciler.artifact.streaming import Sink
from reconciler.errors import ArtifactError, UnavailableError

MANIFEST_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MAX_MANIFEST = 4 * 1024 * 1024
_MOST_PAGES = 8
_MAX_TOKEN = 64 * 1024
_CHUNK = 1024 * 1024
_HOPS = 5
_TRIES = 3
#: What a registry asks to wait longer for is not waited for here: the whole verification is tried again later.
_WAITED_HERE = 5.0
_QUIET = 5.0
_MOST_TOKENS = 1000
_BLOBS_AT_ONCE = 3
#: A body may take this long and no longer: 64 KiB a second is a registry that can be used.
_SLOWEST = 64 * 1024


@dataclass(slots=True)
class Registries:
    """The clients of all registries, over one session. `hosts` are the servers that were configured."""

    hosts: Hosts
    _session: aiohttp.ClientSession | None = None
    _clients: dict[tuple[str, RegistryAccess], RegistryClient] = field(default_factory=dict)
    _contexts: dict[str, ssl.SSLContext] = field(default_factory=dict)

    async def open(self) -> None:
        """Begin."""
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=30),
            connector=aiohttp.TCPConnector(resolver=GuardedResolver(self.hosts), limit_per_host=8),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )

    async def close(self) -> None:
        """End every connection."""
        if self._session is not None:
            await self._session.close()

    def of(self, registry: str, access: RegistryAccess) -> RegistryClient:
        """Give the client of a registry as it is to be reached."""
        key = registry, access
        if key not in self._clients:
            self._clients[key] = RegistryClient(registries=self, access=access, registry=registry)
        return self._clients[key]

    async def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str],
        params: Mapping[str, str] | None = None,
        own: RegistryAccess | None = None,
    ) -> Any:
        """Send a GET, once, to an address that may be connected to; gives the response, which the caller must release.

        `own` is the entry that is asked by, where the URL is its server's; else the server's own entry counts. Raises UnavailableError.
        """
        assert self._session is not None  # noqa: S101 - opened before anything is asked
        try:
            host = urlsplit(url).hostname or ""
            check_literal(host, server(url), self.hosts)
            sent = {"User-Agent": "spinfleet", "Accept-Encoding": "identity", **headers}
            return await self._session.get(
                url, headers=sent, params=params, allow_redirects=False, ssl=self._tls(own or self.hosts.entry(url))
            )
        except aiohttp.ClientConnectorDNSError as error:
            if isinstance(error.os_error, ForbiddenAddressError):
                raise _forbidden(error.os_error) from error
            raise
        except ForbiddenAddressError as error:
            raise _forbidden(error) from error

    def _tls(self, entry: RegistryAccess | None) -> ssl.SSLContext | bool:
        """Give the TLS settings of a server: its configured authority and no other, else the system's."""
        if entry is None or not entry.ca:
            return True
        if entry.ca not in self._contexts:
            try:
                self._contexts[entry.ca] = ssl.create_default_context(cadata=entry.ca)
            except (ssl.SSLError, ValueError) as error:
                raise UnavailableError(
                    f"the certificate authority configured for {entry.prefix} can't be read: {error}",
                    hint="put PEM certificates into the Secret's ca.crt", code="artifact.unavailable",
                ) from error  # fmt: skip
        return self._contexts[entry.ca]


@dataclass(kw_only=True, slots=True)
class RegistryClient:
    """Reads one registry."""

    registries: Registries
    access: RegistryAccess
    registry: str
    timeout: float = 60.0
    #: For those who keep blobs on disk while they look at them.
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_BLOBS_AT_ONCE))
    _authorization: OrderedDict[str, tuple[str, float]] = field(default_factory=OrderedDict)
    _not_before: float = 0.0
    _why_not: str = ""

    @property
    def base(self) -> str:
        """The URL that paths stand under."""
        return f"{'http' if self.access.plain_http else 'https'}://{self.access.host}"

    async def manifest(self, reference: Reference) -> bytes:
        """Read a manifest; the caller holds it against its digest. Raises ArtifactError and UnavailableError."""
        return await self.document(
            reference.repository, f"manifests/{reference.digest or reference.tag}", MANIFEST_TYPES
        )

    async def document(self, repository: str, path: str, types: Iterable[str]) -> bytes:
        """Read a JSON document of at most 4 MiB below `/v2/<repository>/`: a manifest, or a list of referrers.

        A digest that the registry says of it must be its own. Raises ArtifactError and UnavailableError.
        """
        async with self._get(f"/v2/{repository}/{path}", repository, accept=", ".join(types)) as response:
            data = await _bounded(response, MAX_MANIFEST, "artifact.manifest-too-large", "the manifest")
            said = response.headers.get("Docker-Content-Digest", "")
        if said.startswith(("sha256:", "sha512:")) and digest_of(data, said) != said:
            raise ArtifactError(
                "artifact.digest",
                f"{self.registry} says of a manifest that its digest is {said[:140]}, and it is {digest_of(data, said)}",
                hint="find out whether the registry is broken, or something between changes its answers",
            )
        return data

    async def tags(self, repository: str) -> tuple[str, ...]:
        """Give the tags of a repository as the registry lists them (distribution: GET /v2/<name>/tags/list); 100,000 at most are read.

        Raises ArtifactError and UnavailableError.
        """
        found: list[str] = []
        for page in await self.pages(repository, "tags/list?n=1000", "application/json", most=100):
            value = parse_json(page, "the list of tags")
            names = value.get("tags") if isinstance(value, dict) else None
            # A repository whose tags are all gone has null here.
            found += [name for name in names or () if isinstance(name, str)]
        return tuple(found)

    async def pages(self, repository: str, path: str, media_type: str, *, most: int = _MOST_PAGES) -> list[bytes]:
        """Read a list of one or more pages below `/v2/<repository>/` (Link headers, RFC 8288), `most` at most.

        Raises ArtifactError (too large) and UnavailableError: code `artifact.unsupported` where the answer is no such list.
        """
        found: list[bytes] = []
        following = f"/v2/{repository}/{path}"
        while following:
            if len(found) == most:
                raise ArtifactError(
                    "artifact.too-many-pages", f"{self.registry}: {path} has more than {most} pages",
                    hint="delete what is not needed from the registry",
                )  # fmt: skip
            async with self._get(following, repository, accept=media_type) as response:
                if response.content_type != media_type:
                    raise UnavailableError(f"{self.registry}: {path} is no {media_type}", code="artifact.unsupported")
                found.append(await _bounded(response, MAX_MANIFEST, "artifact.manifest-too-large", "the list"))
                following = _next_page(response, f"/v2/{repository}/{path.partition('?')[0]}")
        return found

    async def blob(self, repository: str, digest: str, size: int, into: IO[bytes]) -> None:
        """Stream a blob into a file. What breaks off is gone on with, as long as there is progress.

        Raises ArtifactError where size or digest are not the descriptor's, and UnavailableError.
        """
        sink = Sink(into=into, digest=digest, size=size)
        for left in reversed(range(_TRIES)):
            before = sink.read
            try:
                async with self._get(
                    f"/v2/{repository}/blobs/{digest}", repository, start=before, size=size
                ) as response:
                    sink.begin(response)
                    async for chunk in response.content.iter_chunked(_CHUNK):
                        await sink.take(chunk)
                    await sink.flush()
                    sink.end()
            except UnavailableError as error:
                if error.code != "artifact.truncated" or sink.read <= before or not left:
                    raise
            else:
                return

    @asynccontextmanager
    async def _get(
        self, path: str, repository: str, *, accept: str = "*/*", start: int = 0, size: int = 0
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Open a GET: signs in once where asked to, follows redirects, waits a little for a busy server. Raises UnavailableError."""
        headers = {"Accept": accept, **({"Range": f"bytes={start}-"} if start else {})}
        answered, where = False, f"{self.registry}{path}"
        try:
            async with asyncio.timeout(self.timeout + size / _SLOWEST):
                response = await self._answered(path, repository, headers)
                answered = True
                try:
                    yield response
                finally:
                    response.release()
        except (aiohttp.ClientError, TimeoutError) as error:
            what, hint = broken(error)
            if answered:
                raise UnavailableError(f"{where}: the answer broke off: {what}", code="artifact.truncated") from error
            if isinstance(error, (aiohttp.ClientConnectionError, TimeoutError)):
                self._pause(_QUIET, what)
            raise UnavailableError(f"{where}: {what}", hint=hint, code="artifact.unavailable") from error
        except ValueError as error:
            raise UnavailableError(f"{where}: {error}"[:300], code="artifact.unavailable") from error

    async def _answered(self, path: str, repository: str, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        """Give the response that has what was asked for. Raises UnavailableError."""
        url, hops, tries, signed_in = self.base + path, 0, 0, False
        while True:
            self._check_pause()
            response: aiohttp.ClientResponse = await self.registries.get(
                url, headers=self._sent(url, repository, headers), own=self._own(url)
            )
            if response.status in {200, 206}:
                return check_answer(response)
            try:
                if response.status in {301, 302, 303, 307, 308} and hops < _HOPS:
                    url, hops = self._redirected(url, response), hops + 1
                    continue
                if response.status == 401 and not signed_in and origin(url) == origin(self.base):
                    signed_in = True
                    await self._sign_in(response, repository)
                    continue
                wait = busy_for(response, tries)
                if wait is None:
                    raise refused(response, path)
                if tries >= _TRIES or wait > _WAITED_HERE:
                    self._pause(wait, f"it answered {response.status}")
                    raise refused(response, path, retry_after=wait)
            finally:
                response.release()
            tries += 1
            await asyncio.sleep(wait)

    def _own(self, url: str) -> RegistryAccess | None:
        """Give this client's entry where a URL is its server's: another entry may name the same server."""
        return self.access if origin(url) == origin(self.base) else None

    def _sent(self, url: str, repository: str, headers: Mapping[str, str]) -> dict[str, str]:
        """Give the headers of a request: who we are is said to the registry itself and to nobody else."""
        known = self._authorization.get(repository)
        if known is None or origin(url) != origin(self.base) or known[1] < time.monotonic():
            return dict(headers)
        return {**headers, "Authorization": known[0]}

    def _redirected(self, url: str, response: aiohttp.ClientResponse) -> str:
        try:
            target = urljoin(url, response.headers.get("Location", ""))
            fault = self.registries.hosts.fault(target) if origin(target) != origin(url) else ""
        except ValueError:
            target, fault = "", "it is not a URL"
        if fault:
            raise UnavailableError(
                f"{self.registry} redirects to an address that is not followed: {fault}",
                hint="where that is right, give the host an entry in the registries", code="artifact.redirect",
            )  # fmt: skip
        return target

    async def _sign_in(self, response: aiohttp.ClientResponse, repository: str) -> None:
        """Get the Authorization that a challenge asks for and keep it for the repository. Raises UnavailableError."""
        challenge = challenge_of(response.headers.getall("WWW-Authenticate", []))
        if challenge is not None and challenge.scheme == "basic" and self.access.username:
            self._authorized(repository, f"Basic {_login(self.access.username, self.access.password)}", float("inf"))
        elif challenge is not None and challenge.scheme == "bearer":
            token, lasts = await self._token(challenge.realm, challenge.service, repository)
            self._authorized(repository, f"Bearer {token}", time.monotonic() + lasts)
        else:
            raise UnavailableError(
                f"{self.registry} asks who we are, and no credentials are configured for it",
                hint="name a Secret in spec.policy.registries", code="artifact.unauthorized",
            )  # fmt: skip

    async def _token(self, realm: str, service: str, repository: str) -> tuple[str, float]:
        hosts = self.registries.hosts
        if fault := hosts.fault(realm):
            raise UnavailableError(
                f"{self.registry} names a token service that is not asked ({realm[:200]!r}): {fault}",
                code="artifact.token",
            )
        login = login_for(realm, self.base, self.access, hosts)
        headers = {"Authorization": f"Basic {_login(*login)}"} if login is not None else {}
        # The scope is ours to name: the least that reading needs.
        params = {"service": service, "scope": f"repository:{repository}:pull"}
        answer = await self.registries.get(realm, params=params, headers=headers, own=self._own(realm))
        try:
            if answer.status != 200:
                withheld = self.access.username and login is None
                raise UnavailableError(
                    f"{self.registry}: its token service {urlsplit(realm).netloc} answers {answer.status}",
                    hint="it was not given the login, as it is another host; give it an entry in the registries"
                    if withheld
                    else "",
                    code="artifact.unauthorized" if answer.status in {401, 403} else "artifact.token",
                )
            return token_of(await _bounded(answer, _MAX_TOKEN, "artifact.token", "the token"), self.registry)
        finally:
            answer.release()

    def _authorized(self, repository: str, header: str, until: float) -> None:
        self._authorization[repository] = header, until
        while len(self._authorization) > _MOST_TOKENS:
            self._authorization.popitem(last=False)

    def _pause(self, seconds: float, why: str) -> None:
        self._not_before, self._why_not = time.monotonic() + seconds, why

    def _check_pause(self) -> None:
        """Leave a registry alone that asked for it or is away: else a thousand apps would each wait for it in turn."""
        left = self._not_before - time.monotonic()
        if left > 0:
            raise UnavailableError(
                f"{self.registry} is left alone for {left:.0f} s: {self._why_not}",
                retry_after=left,
                code="artifact.busy",
            )


async def _bounded(response: aiohttp.ClientResponse, limit: int, code: str, what: str) -> bytes:
    parts, read = [], 0
    async for chunk in response.content.iter_chunked(_CHUNK):
        read += len(chunk)
        if read > limit:
            raise ArtifactError(code, f"{what} has more than {limit} bytes", hint="push the artifact again")
        parts.append(chunk)
    return b"".join(parts)


def _next_page(response: aiohttp.ClientResponse, path: str) -> str:
    """Give the path of the next page, or an empty string; it can only be of the same list."""
    link = response.links.get("next")
    if link is None or "url" not in link:
        return ""
    target = urlsplit(str(link["url"]))
    if target.path != path:
        raise UnavailableError("the registry's next page is of another list", code="artifact.unavailable")
    return f"{target.path}?{target.query}"


def _login(username: str, password: str) -> str:
    return base64.b64encode(f"{username}:{password}".encode()).decode()


def _forbidden(error: ForbiddenAddressError) -> UnavailableError:
    return UnavailableError(
        str(error), hint="name the host in spec.policy.registries if it is to be reached", code="artifact.address"
    )
