"""References to artifacts (the grammar: reconciler.fleet.artifact_reference), and the digests that they name."""

from __future__ import annotations

import hashlib
from typing import Any

from reconciler.errors import ArtifactError
from reconciler.fleet.artifact_reference import Fault, Reference, read
from reconciler.fleet.artifact_reference import covers as prefix_matches

__all__ = ["Reference", "digest_of", "hasher_of", "parse_reference", "prefix_matches"]


def parse_reference(text: str) -> Reference:
    """Parse a reference with tag, digest or both. Raises ArtifactError (`artifact.reference`)."""
    reference = read(text)
    if isinstance(reference, Reference) and not reference.tag and not reference.digest:
        message = f"{text[:200]!r} is not an artifact reference: it has neither tag nor digest"
        raise ArtifactError("artifact.reference", message, hint="write registry/name@sha256:…")
    if isinstance(reference, Fault):
        raise ArtifactError("artifact.reference", reference.message, hint=reference.hint)
    return reference


def hasher_of(digest: str) -> Any:
    """Give a new hash of a digest's algorithm; only sha256 and sha512 come out of the grammar."""
    return hashlib.new(digest.partition(":")[0])


def digest_of(data: bytes, like: str = "sha256:") -> str:
    """Give the digest of some bytes, by the algorithm of another digest."""
    hashed = hasher_of(like)
    hashed.update(data)
    return f"{hashed.name}:{hashed.hexdigest()}"
