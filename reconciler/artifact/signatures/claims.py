"""What a candidate says: which bytes were signed, by which signatures, and that they speak of this very artifact. Pure.

Sources: cosign's SIGNATURE_SPEC (simple signing), the DSSE protocol, in-toto's Statement, Sigstore's bundle format.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.artifact.json_text import parse_json
from reconciler.artifact.signatures.log_entry import LogEntry, entry_of_annotation, entry_of_bundle
from reconciler.artifact.signatures.model import Candidate, Storage, base64_of, shown
from reconciler.errors import ArtifactError

SIGNATURE_ANNOTATION = "dev.cosignproject.cosign/signature"
CERTIFICATE_ANNOTATION = "dev.sigstore.cosign/certificate"
LOG_ANNOTATION = "dev.sigstore.cosign/bundle"
BUNDLE_TYPES = frozenset(
    {"application/vnd.dev.sigstore.bundle.v0.3+json", "application/vnd.dev.sigstore.bundle+json;version=0.3"}
)
#: The predicate type under which cosign signs; any other makes a statement about the artifact, not a signature of it.
SIGNATURE_PREDICATE = "https://sigstore.dev/cosign/sign/v1"
_PAYLOAD_TYPE = "application/vnd.in-toto+json"
_STATEMENTS = frozenset({"https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"})
_CLAIM_TYPE = "cosign container image signature"
_MOST_SIGNATURES = 8
_MOST_SUBJECTS = 1024
_LONGEST_SIGNATURE = 8 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A candidate that speaks of the artifact, not verified yet.

    `message` is what the signatures are over; None where they are over the artifact's own manifest. `predicate` is empty for a
    signature. `keyless`: a certificate stands in place of a key. `bundle` is the whole candidate where it is a bundle.
    """

    origin: str
    message: bytes | None
    signatures: tuple[bytes, ...]
    payload: bytes = b""
    envelope: bool = False
    predicate: str = ""
    keyless: bool = False
    entries: tuple[LogEntry, ...] = ()
    bundle: bytes = b""


def claim_of(candidate: Candidate, digest: str) -> Claim:
    """Read a candidate. Raises ArtifactError where it is malformed, of another type, or about another digest."""
    if candidate.storage is Storage.SIMPLE_SIGNING:
        return _simple_signing(candidate, digest)
    if candidate.storage is Storage.ENVELOPE:
        document = _object(parse_json(candidate.content, candidate.origin), candidate.origin)
        return _enveloped(candidate.origin, document, digest)
    return _bundle(candidate, digest)


def pae(payload_type: str, payload: bytes) -> bytes:
    """Give what a DSSE signature is over: the pre-authentication encoding of type and payload."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def _simple_signing(candidate: Candidate, digest: str) -> Claim:
    """A layer with the payload; the signature is over these very bytes, whatever else they hold."""
    origin = candidate.origin
    payload = _object(parse_json(candidate.content, origin), origin)
    critical = _object(payload.get("critical"), origin)
    if critical.get("type") != _CLAIM_TYPE:
        raise _invalid(origin, f"its type is '{shown(critical.get('type'))}', and not {_CLAIM_TYPE!r}")
    said = _object(critical.get("image"), origin).get("docker-manifest-digest")
    if said != digest:
        raise _other_digest(origin, said, digest)
    signature = _base64(candidate.annotations.get(SIGNATURE_ANNOTATION, ""), origin)
    log = candidate.annotations.get(LOG_ANNOTATION)
    return Claim(
        origin=origin,
        message=candidate.content,
        payload=candidate.content,
        signatures=(signature,),
        keyless=CERTIFICATE_ANNOTATION in candidate.annotations,
        entries=() if log is None else (entry_of_annotation(log, origin),),
    )


def _bundle(candidate: Candidate, digest: str) -> Claim:
    origin = candidate.origin
    bundle = _object(parse_json(candidate.content, origin), origin)
    if str(bundle.get("mediaType")) not in BUNDLE_TYPES:
        raise _invalid(origin, f"media type '{shown(bundle.get('mediaType'))}' is not that of a bundle of version 0.3")
    material = _object(bundle.get("verificationMaterial"), origin)
    keyless = "certificate" in material or "x509CertificateChain" in material
    if keyless == ("publicKey" in material):
        raise _invalid(origin, "it names either no key and no certificate, or both")
    logged = material.get("tlogEntries") or []
    if not isinstance(logged, list) or len(logged) > _MOST_SIGNATURES:
        raise _invalid(origin, "its log entries are no list, or too many")
    entries = tuple(entry_of_bundle(each, origin) for each in logged)
    if ("dsseEnvelope" in bundle) == ("messageSignature" in bundle):
        raise _invalid(origin, "it has either no signature, or two kinds of it")
    if "dsseEnvelope" in bundle:
        envelope = _object(bundle["dsseEnvelope"], origin)
        return _enveloped(origin, envelope, digest, keyless=keyless, entries=entries, bundle=candidate.content)
    return _message_signature(origin, bundle, digest, keyless=keyless, entries=entries, content=candidate.content)


def _message_signature(
    origin: str, bundle: Mapping[str, Any], digest: str, *, keyless: bool, entries: tuple[LogEntry, ...], content: bytes
) -> Claim:
    signature = _object(bundle["messageSignature"], origin)
    said = _object(signature.get("messageDigest"), origin)
    if said.get("algorithm") != "SHA2_256":
        raise _invalid(origin, "its digest is not SHA-256")
    named = f"sha256:{_base64(said.get('digest'), origin).hex()}"
    if named != digest:
        raise _other_digest(origin, named, digest)
    return Claim(
        origin=origin,
        message=None,
        signatures=(_base64(signature.get("signature"), origin),),
        keyless=keyless,
        entries=entries,
        bundle=content,
    )


def _enveloped(
    origin: str, envelope: Mapping[str, Any], digest: str, *, keyless: bool = False,
    entries: tuple[LogEntry, ...] = (), bundle: bytes = b"",
) -> Claim:  # fmt: skip
    """A DSSE envelope around an in-toto statement. The signatures are over type and payload together."""
    if envelope.get("payloadType") != _PAYLOAD_TYPE:
        raise _invalid(origin, f"payload type '{shown(envelope.get('payloadType'))}' is not {_PAYLOAD_TYPE}")
    payload = _base64(envelope.get("payload"), origin, longest=len(str(envelope.get("payload"))))
    signatures = envelope.get("signatures")
    if not isinstance(signatures, list) or not 0 < len(signatures) <= _MOST_SIGNATURES:
        raise _invalid(origin, f"its envelope has no signatures, or more than {_MOST_SIGNATURES}")
    return Claim(
        origin=origin,
        message=pae(_PAYLOAD_TYPE, payload),
        payload=payload,
        envelope=True,
        signatures=tuple(_base64(_object(each, origin).get("sig"), origin) for each in signatures),
        predicate=_predicate(origin, payload, digest),
        keyless=keyless,
        entries=entries,
        bundle=bundle,
    )


def _predicate(origin: str, payload: bytes, digest: str) -> str:
    """Give what kind of statement it is, once it is sure to be about this digest; empty for a signature."""
    statement = _object(parse_json(payload, f"{origin}: its statement"), origin)
    if str(statement.get("_type")) not in _STATEMENTS:
        raise _invalid(origin, f"statement type '{shown(statement.get('_type'))}' is not known")
    subjects = statement.get("subject")
    if not isinstance(subjects, list) or not 0 < len(subjects) <= _MOST_SUBJECTS:
        raise _invalid(origin, "its statement is about nothing, or about too much")
    algorithm, _, value = digest.partition(":")
    said = [_object(_object(each, origin).get("digest"), origin).get(algorithm) for each in subjects]
    if value not in said:
        raise _other_digest(origin, f"{algorithm}:{said[0]}", digest)
    predicate = statement.get("predicateType")
    if not isinstance(predicate, str) or not predicate:
        raise _invalid(origin, "its statement has no predicate type")
    return "" if predicate == SIGNATURE_PREDICATE else predicate


def _object(value: Any, origin: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _invalid(origin, "a part of it is missing or no JSON object")
    return value


def _base64(value: Any, origin: str, *, longest: int = _LONGEST_SIGNATURE) -> bytes:
    return base64_of(value, f"{origin}: a signature or digest in it", "artifact.signature-invalid", longest=longest)


def _invalid(origin: str, why: str) -> ArtifactError:
    return ArtifactError("artifact.signature-invalid", f"{origin}: {why}")


def _other_digest(origin: str, said: Any, digest: str) -> ArtifactError:
    return ArtifactError(
        "artifact.signature-digest", f"{origin}: it signs {shown(said)}, and this artifact is {digest}"
    )
