"""Entries of a transparency log (Rekor) for signatures made with a key: verified offline with the log's key from the trust root. Pure.

Sources: Rekor's signed entry timestamp and entry types hashedrekord and dsse, RFC 6962 (inclusion), the checkpoint of
transparency-dev's signed notes. Entries of keyless signatures are sigstore-python's business (keyless.py).
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.artifact.json_text import parse_json
from reconciler.artifact.signatures.model import base64_of
from reconciler.errors import ArtifactError, InputError
from reconciler.public_keys import PublicKey, load_der_key, load_public_key

_LONGEST = 256 * 1024
_MOST_HASHES = 64
#: Hashes as entries name them, in the old and the new spelling.
_HASHES = {
    "sha256": hashlib.sha256, "sha384": hashlib.sha384, "sha512": hashlib.sha512,
    "SHA2_256": hashlib.sha256, "SHA2_384": hashlib.sha384, "SHA2_512": hashlib.sha512,
}  # fmt: skip
_NOTE_SIGNATURE = re.compile("\u2014 ([^ \n]{1,256}) ([A-Za-z0-9+/=]{1,4096})")


@dataclass(frozen=True, kw_only=True, slots=True)
class Inclusion:
    """Proof that an entry is in a log of `tree_size` entries whose root is signed in `checkpoint`."""

    log_index: int
    tree_size: int
    root_hash: bytes
    hashes: tuple[bytes, ...]
    checkpoint: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LogEntry:
    """An entry: what was logged (`body`), in which log, and the log's promise or proof. `integrated` is in Unix seconds."""

    body: bytes
    log_id: bytes
    log_index: int
    integrated: int | None
    promise: bytes
    inclusion: Inclusion | None


def entry_of_annotation(text: str, origin: str) -> LogEntry:
    """Read the entry that cosign's legacy storage keeps in an annotation. Raises ArtifactError."""
    value = _parsed(text.encode(errors="replace"), origin)
    payload = value.get("Payload")
    if not isinstance(payload, dict):
        raise _fault(origin, "its log entry has no payload")
    try:
        log_id = bytes.fromhex(str(payload.get("logID")))
    except ValueError as error:
        raise _fault(origin, "its log entry names no log") from error
    return LogEntry(
        body=_base64(payload.get("body"), origin),
        log_id=log_id,
        log_index=_whole(payload.get("logIndex"), origin),
        integrated=_whole(payload.get("integratedTime"), origin),
        promise=_base64(value.get("SignedEntryTimestamp"), origin),
        inclusion=None,
    )


def entry_of_bundle(value: Any, origin: str) -> LogEntry:
    """Read an entry as bundles have it: protobuf's JSON, whole numbers as text. Raises ArtifactError."""
    if not isinstance(value, dict):
        raise _fault(origin, "a log entry is no JSON object")
    promise, proof = value.get("inclusionPromise"), value.get("inclusionProof")
    log_id = value.get("logId")
    integrated = value.get("integratedTime")
    return LogEntry(
        body=_base64(value.get("canonicalizedBody"), origin),
        log_id=_base64(log_id.get("keyId") if isinstance(log_id, dict) else None, origin),
        log_index=_whole(value.get("logIndex", "0"), origin),
        integrated=None if integrated is None else _whole(integrated, origin),
        promise=_base64(promise.get("signedEntryTimestamp"), origin) if isinstance(promise, dict) else b"",
        inclusion=_inclusion(proof, origin) if isinstance(proof, dict) else None,
    )


def verify_entry(
    entry: LogEntry, trust_root: str, key: PublicKey, signature: bytes, message: bytes, origin: str
) -> None:
    """Verify that a trusted log has logged this signature by this key over this message. Raises ArtifactError."""
    # 1. The log is one that the trust root names.
    log = _log(trust_root, entry.log_id, origin)
    # 2. The log has promised to take the entry in, or proves that it has: whatever is there must hold.
    if not entry.promise and entry.inclusion is None:
        raise _fault(origin, "its log entry has neither a promise nor a proof")
    if entry.promise and (entry.integrated is None or not log.verifies(entry.promise, _promised(entry))):
        raise _fault(origin, "the promise of its log entry is not the log's")
    if entry.inclusion is not None:
        _verify_inclusion(entry, entry.inclusion, log, origin)
    # 3. What was logged is this signature, and no other.
    logged = _parsed(entry.body, origin)
    if not _is_about(logged, key, signature, message):
        raise _fault(origin, "its log entry is about something else")


def _log(trust_root: str, log_id: bytes, origin: str) -> PublicKey:
    """Give the key of the log, by the id that the trust root gives it or that its key has."""
    root = _parsed(trust_root.encode(), "the trust root")
    logs = root.get("tlogs")
    for log in logs if isinstance(logs, list) else ():
        try:
            key = load_der_key(base64.b64decode(log["publicKey"]["rawBytes"]))
            if base64.b64decode(log["logId"]["keyId"]) == log_id:
                return key
        except (KeyError, TypeError, ValueError, InputError):
            continue
    raise _fault(origin, "its log entry is of a log that the trust root does not name")


def _promised(entry: LogEntry) -> bytes:
    """Give what the log signs at once: four fields as canonical JSON (RFC 8785; ASCII text and whole numbers only)."""
    fields = {
        "body": base64.b64encode(entry.body).decode(),
        "integratedTime": entry.integrated,
        "logID": entry.log_id.hex(),
        "logIndex": entry.log_index,
    }
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


def _verify_inclusion(entry: LogEntry, proof: Inclusion, log: PublicKey, origin: str) -> None:
    leaf = hashlib.sha256(b"\0" + entry.body).digest()
    if _root(leaf, proof) != proof.root_hash:
        raise _fault(origin, "the proof of its log entry does not add up")
    text, separator, signatures = proof.checkpoint.partition("\n\n")
    lines = text.split("\n")
    if not separator or len(lines) < 3 or lines[1] != str(proof.tree_size):
        raise _fault(origin, "the checkpoint of its log entry is of another size")
    if _base64(lines[2], origin) != proof.root_hash:
        raise _fault(origin, "the checkpoint of its log entry is of another tree")
    # A note's signature begins with four bytes that hint at the key; the key itself decides.
    signed = [_base64(found[1], origin)[4:] for found in _NOTE_SIGNATURE.findall(signatures)[:8]]
    if not any(log.verifies(each, (text + "\n").encode(errors="replace")) for each in signed):
        raise _fault(origin, "the checkpoint of its log entry is not signed by the log")


def _root(leaf: bytes, proof: Inclusion) -> bytes | None:
    """Give the root that a proof leads to (RFC 9162, section 2.1.3.2); None where it is too short or too long."""
    at, last, found = proof.log_index, proof.tree_size - 1, leaf
    if not 0 <= at <= last:
        return None
    for each in proof.hashes:
        if last == 0:
            return None
        if at & 1 or at == last:
            found = hashlib.sha256(b"\1" + each + found).digest()
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            found = hashlib.sha256(b"\1" + found + each).digest()
        at, last = at >> 1, last >> 1
    return found if last == 0 else None


def _is_about(logged: Mapping[str, Any], key: PublicKey, signature: bytes, message: bytes) -> bool:
    """Tell whether an entry's body names exactly this signature, key and message."""
    check = _BODIES.get((str(logged.get("kind")), str(logged.get("apiVersion"))))
    try:
        return check is not None and check(logged["spec"], key, signature, message)
    except (KeyError, TypeError, ValueError, IndexError):
        return False


def _hashed_1(spec: Any, key: PublicKey, signature: bytes, message: bytes) -> bool:
    said, found = spec["data"]["hash"], spec["signature"]
    same = said["value"] == _HASHES[said["algorithm"]](message).hexdigest()
    return same and _same(found["content"], signature) and _key_is(found["publicKey"]["content"], key)


def _hashed_2(spec: Any, key: PublicKey, signature: bytes, message: bytes) -> bool:
    record = spec["hashedRekordV002"]
    said, found = record["data"], record["signature"]
    same = _same(said["digest"], _HASHES[said["algorithm"]](message).digest())
    return same and _same(found["content"], signature) and _same(found["verifier"]["publicKey"]["rawBytes"], key.der)


def _enveloped(spec: Any, key: PublicKey, signature: bytes, message: bytes) -> bool:
    said = spec["payloadHash"]
    same = bool(said["value"] == _HASHES[said["algorithm"]](_payload(message)).hexdigest())
    return same and any(_same(e["signature"], signature) and _key_is(e["verifier"], key) for e in spec["signatures"])


_BODIES: Mapping[tuple[str, str], Callable[[Any, PublicKey, bytes, bytes], bool]] = {
    ("hashedrekord", "0.0.1"): _hashed_1,
    ("hashedrekord", "0.0.2"): _hashed_2,
    ("dsse", "0.0.1"): _enveloped,
}


def _payload(message: bytes) -> bytes:
    """Give the payload back out of a pre-authentication encoding."""
    if not message.startswith(b"DSSEv1 "):
        raise ValueError("not an envelope's message")
    return message.split(b" ", 4)[4]


def _same(text: Any, value: bytes) -> bool:
    return base64.b64decode(text, validate=True) == value


def _key_is(text: Any, key: PublicKey) -> bool:
    try:
        return load_public_key(base64.b64decode(text, validate=True)) == key
    except InputError:
        return False


def _inclusion(value: Mapping[str, Any], origin: str) -> Inclusion:
    hashes, checkpoint = value.get("hashes") or [], value.get("checkpoint")
    envelope = checkpoint.get("envelope") if isinstance(checkpoint, dict) else None
    if not isinstance(hashes, list) or len(hashes) > _MOST_HASHES or not isinstance(envelope, str):
        raise _fault(origin, "the proof of its log entry is malformed")
    return Inclusion(
        log_index=_whole(value.get("logIndex", "0"), origin),
        tree_size=_whole(value.get("treeSize"), origin),
        root_hash=_base64(value.get("rootHash"), origin),
        hashes=_hashes(hashes, origin),
        checkpoint=envelope,
    )


def _hashes(values: Sequence[Any], origin: str) -> tuple[bytes, ...]:
    return tuple(_base64(each, origin) for each in values)


def _parsed(data: bytes, origin: str) -> Mapping[str, Any]:
    value = parse_json(data, f"{origin}: its log entry")
    if not isinstance(value, dict):
        raise _fault(origin, "its log entry is no JSON object")
    return value


def _whole(value: Any, origin: str) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63:
        return value
    raise _fault(origin, "a number in its log entry is none")


def _base64(value: Any, origin: str) -> bytes:
    return base64_of(value, f"{origin}: a part of its log entry", "artifact.signature-log", longest=_LONGEST)


def _fault(origin: str, why: str) -> ArtifactError:
    return ArtifactError("artifact.signature-log", f"{origin}: {why}")
