"""Verifies keyless bundles with sigstore-python, in a process of its own: the library is large and what it reads is hostile.

    python -I _keyless.py MEMORY_BYTES CPU_SECONDS

Reads {"trust_root": text, "digest": hex, "bundles": [text, …]} on standard input and writes a list with, for each bundle, {"issuer",
"subject", "payload"} once all of it is verified, else {"error": kind, "message": …}. Nothing is asked of any network.
"""

from __future__ import annotations

import base64
import json
import resource
import sys
from typing import Any

_V1, _V2, _OTHER = "1.3.6.1.4.1.57264.1.1", "1.3.6.1.4.1.57264.1.8", "1.3.6.1.4.1.57264.1.7"
_PUBLIC_INSTANCE = "https%3A%2F%2Ftuf-repo-cdn.sigstore.dev"
_NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname")


def main() -> None:
    """Verify one job."""
    job = json.load(sys.stdin)
    sys.addaudithook(_offline)
    try:
        from sigstore.verify import Verifier
    except ImportError:
        json.dump({"error": "missing", "message": "sigstore is not installed"}, sys.stdout)
        return
    memory, seconds = int(sys.argv[1]), int(sys.argv[2])
    for kind, limit in (
        (resource.RLIMIT_AS, memory), (resource.RLIMIT_CPU, seconds), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0),
    ):  # fmt: skip
        resource.setrlimit(kind, (limit, limit))
    try:
        verifier = Verifier(trusted_root=_trusted_root(job["trust_root"]))
    except Exception as error:  # noqa: BLE001 - whatever the library says of a root: it can't be used
        json.dump({"error": "root", "message": _words(error)}, sys.stdout)
        return
    json.dump([_verify(verifier, text, job["digest"]) for text in job["bundles"]], sys.stdout)


def _offline(event: str, _: object) -> None:
    if event in _NETWORK:
        raise PermissionError("verification is offline")


def _trusted_root(text: str) -> Any:
    """Give the pinned root: the one given, else the public instance's as it came with the library."""
    from importlib.resources import files

    from sigstore.models import TrustedRoot
    from sigstore_models.trustroot.v1 import TrustedRoot as Inner

    data = text or (files("sigstore._store") / _PUBLIC_INSTANCE / "trusted_root.json").read_text(encoding="utf-8")
    return TrustedRoot(Inner.from_json(data))


def _verify(verifier: Any, text: str, digest: str) -> dict[str, str]:
    """Verify one bundle: certificate, its transparency, the log entry or timestamp within its life, and the signature."""
    from sigstore.hashes import Hashed
    from sigstore.models import Bundle
    from sigstore.verify.policy import UnsafeNoOp
    from sigstore_models.common.v1 import HashAlgorithm

    bundle = None
    try:
        bundle = Bundle.from_json(text)
        # Who it is of is judged by the caller, by what the verified certificate says.
        payload = b""
        if bundle._inner.message_signature is not None:  # noqa: SLF001 - the library has no other way to ask
            verifier.verify_artifact(
                Hashed(algorithm=HashAlgorithm.SHA2_256, digest=bytes.fromhex(digest)), bundle, UnsafeNoOp()
            )
        else:
            _, payload = verifier.verify_dsse(bundle, UnsafeNoOp())
        issuer, subject = _identity(bundle.signing_certificate)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - any failure at all means that it is not verified
        return {"error": _kind(bundle, error), "message": _words(error)}
    return {"issuer": issuer, "subject": subject, "payload": base64.b64encode(payload).decode()}


def _identity(certificate: Any) -> tuple[str, str]:
    """Give issuer and subject of a verified certificate. Raises ValueError where they are not one each."""
    from cryptography.x509 import (
        ExtensionNotFound,
        ObjectIdentifier,
        OtherName,
        RFC822Name,
        SubjectAlternativeName,
        UniformResourceIdentifier,
    )  # fmt: skip

    def said(oid: str) -> bytes | None:
        try:
            value: bytes = certificate.extensions.get_extension_for_oid(ObjectIdentifier(oid)).value.value
        except ExtensionNotFound:
            return None
        return value

    issuers = {_utf8_string(each) for each in [said(_V2)] if each is not None}
    issuers |= {each.decode() for each in [said(_V1)] if each is not None}
    names = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
    subjects = [*names.get_values_for_type(RFC822Name), *names.get_values_for_type(UniformResourceIdentifier)]
    others = names.get_values_for_type(OtherName)
    subjects += [_utf8_string(each.value) for each in others if each.type_id.dotted_string == _OTHER]
    if len(issuers) != 1 or len(subjects) != 1 or len(list(names)) != 1:
        raise ValueError("its certificate does not name one issuer and one subject")
    return issuers.pop(), subjects[0]


def _utf8_string(der: bytes) -> str:
    """Read one DER UTF8String."""
    if len(der) < 2 or der[0] != 0x0C:
        raise ValueError("not a UTF8String")
    size, at = der[1], 2
    if size & 0x80:
        width = size & 0x7F
        size, at = int.from_bytes(der[2 : 2 + width], "big"), 2 + width
    if len(der) != at + size:
        raise ValueError("not one UTF8String")
    return der[at:].decode()


def _kind(bundle: Any, error: Exception) -> str:
    """Tell a certificate that was out of date at the signature's time from what is wrong otherwise."""
    try:
        certificate, stamped = bundle.signing_certificate, bundle.verification_material.timestamp_verification_data
        logged = bundle.log_entry._inner.integrated_time  # noqa: SLF001
        times = [] if logged is None else [int(logged)]
        times += [each.tst_info.gen_time.timestamp() for each in (stamped.rfc3161_timestamps if stamped else ())]
        life = certificate.not_valid_before_utc.timestamp(), certificate.not_valid_after_utc.timestamp()
        if any(not life[0] <= at <= life[1] for at in times):
            return "expired"
    except Exception:  # noqa: BLE001 - a bundle that can't even be asked is not out of date
        return "invalid"
    text = str(error)
    of_logs = ("log entry", "verified time", "SCT", "Timestamp Authorities")
    return "log" if any(each in text for each in of_logs) else "invalid"


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]


if __name__ == "__main__":
    main()
