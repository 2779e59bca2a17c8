"""How registries are reached: only as the administrator configured it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from reconciler.artifact.reference import Reference, prefix_matches

#: Hosts that answer for another name (source: distribution/reference; Docker Hub's API stands elsewhere than its name says).
_API_HOSTS = {"docker.io": "registry-1.docker.io"}
#: Registries whose token service is known to be another host of theirs.
_TOKEN_HOSTS = {"registry-1.docker.io": "auth.docker.io", "registry.gitlab.com": "gitlab.com"}


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistryAccess:
    """One configured registry. `mirror` (host[:port]) is asked in place of the prefix's host; `ca` is PEM text."""

    prefix: str
    plain_http: bool = False
    mirror: str = ""
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    ca: str = field(default="", repr=False)

    @property
    def host(self) -> str:
        """The `host[:port]` that is really asked."""
        named = self.prefix.partition("/")[0]
        return self.mirror or _API_HOSTS.get(named, named)


def access_for(reference: Reference, entries: Sequence[RegistryAccess]) -> RegistryAccess | None:
    """Give how a reference is reached: the longest matching entry; without any entries, anonymously; None where none allows it."""
    if not entries:
        return RegistryAccess(prefix=reference.registry)
    matching = [entry for entry in entries if reaches(entry.prefix, reference)]
    return max(matching, key=lambda entry: len(entry.prefix), default=None)


def reaches(prefix: str, reference: Reference) -> bool:
    """Tell whether a configured prefix is for a reference. Another port is another server: neither login nor plain HTTP carry over to it."""
    return prefix_matches(prefix, reference) and prefix.partition("/")[0] == reference.registry


@dataclass(frozen=True, slots=True)
class Hosts:
    """The servers that the administrator named, as `host:port`: only they may be private, plain HTTP, or of another authority."""

    named: Mapping[str, RegistryAccess]

    @classmethod
    def of(cls, entries: Iterable[RegistryAccess]) -> Hosts:
        """Take them from the configured registries. Of two entries for one server the one with a login counts."""
        named: dict[str, RegistryAccess] = {}
        for entry in entries:
            key = server(f"{'http' if entry.plain_http else 'https'}://{entry.host}")
            if key not in named or (entry.username and not named[key].username):
                named[key] = entry
        return cls(named)

    def entry(self, url: str) -> RegistryAccess | None:
        """Give the entry of a URL's server, if it has one."""
        return self.named.get(server(url))

    def fault(self, url: str) -> str:
        """Say why a URL that a registry gave may not be followed, or give an empty string."""
        try:
            split = urlsplit(url)
            entry = self.entry(url)
        except ValueError:
            return "it is not a URL"
        if not split.hostname or split.username is not None or split.password is not None or "\\" in url:
            return "it is not a plain URL with a host"
        if split.scheme == "https" and not (entry is not None and entry.plain_http):
            return ""
        if split.scheme == "http" and entry is not None and entry.plain_http:
            return ""
        return f"it is not https (it is {split.scheme[:20] or 'nothing'}), and plain HTTP is not allowed for that host"


def server(url: str) -> str:
    """Give `host:port` of a URL. Raises ValueError where it has none."""
    split = urlsplit(url)
    port = split.port or (80 if split.scheme == "http" else 443)
    host = split.hostname or ""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def origin(url: str) -> str:
    """Give scheme, host and port of a URL: what credentials are for. Raises ValueError where it has none."""
    return f"{urlsplit(url).scheme}://{server(url)}"


def login_for(realm: str, base: str, own: RegistryAccess, hosts: Hosts) -> tuple[str, str] | None:
    """Give the login that a token service may see: its own entry's, or the registry's where it is known to be the registry's own.

    `base` is the registry's URL. A registry names its token service itself, so its word alone sends no login anywhere.
    """
    known = _TOKEN_HOSTS.get(urlsplit(base).netloc)
    if origin(realm) == origin(base) or (known is not None and origin(realm) == origin(f"https://{known}")):
        return (own.username, own.password) if own.username else None
    entry = hosts.entry(realm)
    return (entry.username, entry.password) if entry is not None and entry.username else None
