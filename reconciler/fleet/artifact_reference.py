"""References to artifacts, as fleet documents write them and the agent reads them: one grammar for both.

Source: distribution/reference (grammar, normalisation) and opencontainers/go-digest (algorithms). Where Docker would fill something
in or read two spellings as one place, nothing is guessed: the one spelling that every tool reads alike is asked for.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

LONGEST = 1024
_LONGEST_REPOSITORY = 255
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_PORT = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)
_PART = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*", re.ASCII)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", re.ASCII)
_HEX = re.compile(r"[0-9a-f]*", re.ASCII)
#: Algorithms of digests and the hexadecimal digits of each (source: the OCI image specification, "Registered algorithms").
ALGORITHMS = {"sha256": 64, "sha512": 128}
_HUB = "docker.io"
_OLD_HUB = frozenset({"index.docker.io", "registry-1.docker.io"})
_FULL = "write host/name@sha256:…, as in ghcr.io/acme/checkout@sha256:…"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """A parsed reference. `registry` is `host[:port]`; `tag` or `digest` (`sha256:…`) may be empty."""

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    @property
    def name(self) -> str:
        """Registry and repository, without tag and digest."""
        return f"{self.registry}/{self.repository}"

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.name}{tag}{digest}"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a reference."""

    code: str
    message: str
    hint: str


def read(text: str) -> Reference | Fault:
    """Read a reference, or say why it is none (code `app.artifact`)."""
    if len(text) > LONGEST:
        return _fault(text, f"it is longer than {LONGEST} characters")
    rest, at, digest = text.partition("@")
    if at and (wrong := digest_fault(digest)):
        return _fault(text, wrong, "copy it from what spin registry push prints")
    registry, slash, path = rest.partition("/")
    if "://" in text:
        return _fault(text, "it is a URL", "leave the scheme away")
    if not slash or not ("." in registry or ":" in registry or registry == "localhost"):
        message = "it does not begin with a registry's host name: the registry must be named, there is no default"
        return _fault(text, message, _FULL if slash else f"is {_HUB}/library/… meant?")
    if wrong := _host_fault(registry):
        return _fault(text, wrong)
    repository, colon, tag = path.partition(":")
    if not all(_PART.fullmatch(part) for part in repository.split("/")):
        message = "the repository name has what is not allowed (lower case letters and digits, joined by . _ __ - or /)"
        return _fault(text, message)
    if len(repository) > _LONGEST_REPOSITORY:
        return _fault(text, f"the repository name is longer than {_LONGEST_REPOSITORY} characters")
    if colon and not _TAG.fullmatch(tag):
        return _fault(text, "the tag has characters that are not allowed")
    if registry == _HUB and "/" not in repository:
        return _fault(text, f"on {_HUB} a name has two parts", f"write {_HUB}/library/{repository}")
    return Reference(registry=registry, repository=repository, tag=tag, digest=digest)


def digest_fault(digest: str) -> str:
    """Say why a text is no digest that can be checked, or give an empty string."""
    algorithm, colon, encoded = digest.partition(":")
    digits = ALGORITHMS.get(algorithm)
    if not colon:
        return "its digest has no algorithm (sha256:…)"
    if digits is None:
        return f"its digest's algorithm {algorithm[:20]!r} is not one of {', '.join(ALGORITHMS)}"
    if len(encoded) != digits or _HEX.fullmatch(encoded) is None:
        return f"its digest is not {algorithm}: and {digits} lower case hexadecimal digits"
    return ""


def _host_fault(registry: str) -> str:
    """Say why `host[:port]` can't be used, or give an empty string. Two spellings of one host are one too many for an allow-list."""
    if registry != registry.lower():
        return "its host name has capital letters: hosts are compared as they are written"
    if registry in _OLD_HUB:
        return f"{registry} is an older name of {_HUB}: write {_HUB}"
    host, port = _split_port(registry)
    if port is not None and not (_PORT.fullmatch(port) and int(port) <= 65535):
        return f"{port[:10]!r} is not a port"
    if host.startswith("["):
        try:
            plain = str(ipaddress.IPv6Address(host[1:-1])) if host.endswith("]") and "%" not in host else ""
        except ValueError:
            return "its IPv6 address can't be read"
        return "" if host == f"[{plain}]" and "." not in plain else "its IPv6 address is not in its one short form"
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        return "its host name is not one"
    if labels[-1].isdigit():
        # Resolvers read 127.1 and 0177.0.0.1 as addresses as well.
        try:
            ipaddress.IPv4Address(host)
        except ValueError:
            return "its IPv4 address is not four decimal numbers"
    return ""


def _split_port(registry: str) -> tuple[str, str | None]:
    if registry.startswith("["):
        host, bracket, rest = registry.partition("]")
        return host + bracket, rest[1:] if rest.startswith(":") else (rest or None)
    host, colon, port = registry.partition(":")
    return host, port if colon else None


def reference_fault(text: str, artifacts: Mapping[str, Any]) -> Fault | None:
    """Say what is wrong with an artifact's reference under the fleet's `artifacts` rules, or give None."""
    reference = read(text)
    if isinstance(reference, Fault):
        return reference
    if not reference.digest and artifacts.get("requireDigest", True):
        message = "the artifact has no digest, so what runs could change without a commit"
        return Fault("app.no-digest", message, "add @sha256:…, or set artifacts.requireDigest: false in the Fleet")
    if not reference.digest and not reference.tag:
        return _fault(text, "it has neither tag nor digest")
    registries = artifacts.get("registries")
    if registries is not None and not allowed(reference, registries):
        where = f"push it to one of: {', '.join(registries)}; or " if registries else ""
        hint = f"{where}extend artifacts.registries in the Fleet"
        return Fault("app.registry", f"{reference.name} is not in the fleet's artifacts.registries", hint)
    return None


def covers(prefix: str, reference: Reference) -> bool:
    """Tell whether a registry prefix has a reference: it ends on a `/`, `:` or `@`, and never between a host and its port.

    Another port is another server.
    """
    text, stem = str(reference), prefix.rstrip("/")
    if len(stem) < len(reference.registry):
        return False
    return text == stem or (text.startswith(stem) and text[len(stem)] in "/:@")


def allowed(reference: Reference, prefixes: Iterable[str]) -> bool:
    """Tell whether one of the prefixes has the reference."""
    return any(covers(prefix, reference) for prefix in prefixes)


def _fault(text: str, why: str, hint: str = _FULL) -> Fault:
    return Fault("app.artifact", f"{text[:200]!r} is not an artifact reference: {why}", hint)
