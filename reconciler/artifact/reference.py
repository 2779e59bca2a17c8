"""References to artifacts: registry/repository[:tag][@digest] (source: the OCI distribution and Docker reference grammars)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from reconciler.errors import ArtifactError

_HOST = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*(?::[0-9]{1,5})?|\[[0-9a-fA-F:]+\](?::[0-9]{1,5})?"
)
_PART = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_LONGEST = 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """A parsed reference. `tag` or `digest` may be empty, not both."""

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.registry}/{self.repository}{tag}{digest}"


def parse_reference(text: str) -> Reference:
    """Parse a reference. The registry must be named: nothing is guessed. Raises ArtifactError."""
    if len(text) > _LONGEST:
        raise _bad(text, f"it is longer than {_LONGEST} characters")
    rest, _, digest = text.partition("@")
    if "@" in text and not _DIGEST.fullmatch(digest):
        raise _bad(text, "its digest is not sha256: and 64 lower case hexadecimal digits")
    registry, slash, path = rest.partition("/")
    if (
        not slash
        or not _HOST.fullmatch(registry)
        or not ("." in registry or ":" in registry or registry == "localhost")
    ):
        raise _bad(text, "it does not begin with a registry's host name")
    repository, colon, tag = path.partition(":")
    if not repository or not all(_PART.fullmatch(part) for part in repository.split("/")):
        raise _bad(
            text, "the repository name has characters that are not allowed (lower case letters, digits, . _ - and /)"
        )
    if colon and not _TAG.fullmatch(tag):
        raise _bad(text, "the tag has characters that are not allowed")
    if not tag and not digest:
        raise _bad(text, "it has neither tag nor digest")
    return Reference(registry=registry, repository=repository, tag=tag, digest=digest)


def prefix_matches(prefix: str, reference: Reference) -> bool:
    """Tell whether a registry prefix covers a reference: on a `/`, `:` or `@` boundary."""
    text = str(reference)
    stem = prefix.rstrip("/")
    return text == stem or (text.startswith(stem) and text[len(stem)] in "/:@")


def _bad(text: str, why: str) -> ArtifactError:
    return ArtifactError(
        "artifact.reference", f"{text[:200]!r} is not an artifact reference: {why}", hint="write registry/name@sha256:…"
    )
