"""The values of signature verification."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from reconciler.errors import ArtifactError


def shown(value: object, most: int = 80) -> str:
    """Give foreign text as it may stand in a message: bounded, and without what would steer a terminal."""
    return ascii(str(value)[:most])[1:-1]


def base64_of(value: object, what: str, code: str, *, longest: int) -> bytes:
    """Read base64 text of at most so many characters. Raises ArtifactError with the code and the words given."""
    if not isinstance(value, str) or not value or len(value) > longest:
        raise ArtifactError(code, f"{what} is missing or too long")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ArtifactError(code, f"{what} is not base64") from error


class Storage(StrEnum):
    """How a candidate is kept in the registry (sources: cosign's SIGNATURE_SPEC and BUNDLE_SPEC)."""

    SIMPLE_SIGNING = "simple-signing"  # a layer of the tag sha256-….sig, its signature in an annotation
    ENVELOPE = "envelope"  # a layer of the tag sha256-….att: a DSSE envelope
    BUNDLE = "bundle"  # the one layer of a referrer: a Sigstore bundle


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """Bytes that may be a signature of the artifact; `origin` says where they were found. Size and digest are checked."""

    origin: str
    storage: Storage
    content: bytes
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Signer:
    """Who signed. `id` tells signers apart: a key's fingerprint, or issuer and subject; `entry` is the rule's key or identity."""

    id: str
    entry: str
    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, kw_only=True, slots=True)
class Signed:
    """What a rule's signatures were found to be: the distinct signers that counted, and the attestations that were wanted."""

    signers: tuple[Signer, ...]
    attestations: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {
            "signers": [{"id": each.id, "entry": each.entry, "name": each.name} for each in self.signers],
            "attestations": list(self.attestations),
        }


def signed_of(value: Any) -> Signed | None:
    """Read a remembered finding; anything odd about it means that it was never made."""
    try:
        signers = tuple(Signer(id=each["id"], entry=each["entry"], name=each["name"]) for each in value["signers"])
        attestations = tuple(value["attestations"])
    except (KeyError, TypeError):
        return None
    texts = [text for each in signers for text in (each.id, each.entry, each.name)]
    if not signers or not all(isinstance(text, str) for text in (*texts, *attestations)):
        return None
    return Signed(signers=signers, attestations=attestations)
