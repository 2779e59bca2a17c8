"""OpenPGP signatures of commits, through Sequoia (extra `gpg`): which algorithms count, expiry and revocation are its policy."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from reconciler.errors import InputError

BEGIN = "-----BEGIN PGP SIGNATURE-----"
_LONGEST = 64 * 1024


def certificates_of(text: str) -> list[tuple[str, str, Any]]:
    """Read certificates; gives name, fingerprint and value of each. Raises InputError, also where the extra is not installed."""
    try:
        import pysequoia
    except ImportError as error:
        raise InputError(
            "an OpenPGP key, and pysequoia is not installed", hint="install spinfleet with its `gpg` extra"
        ) from error
    if "PRIVATE KEY BLOCK" in text:
        raise InputError("it holds a private key: it is compromised by being here", hint="export the public key")
    try:
        found = pysequoia.Cert.split_bytes(text.encode())
        named = [(_name(each), each.fingerprint, each) for each in found]
    except Exception as error:  # the library raises what it likes
        raise InputError(
            f"its OpenPGP key can't be read: {str(error)[:200]}", hint="gpg --armor --export KEY"
        ) from error
    if not named:
        raise InputError("there is no OpenPGP key in it", hint="gpg --armor --export KEY")
    return named


def signed_by(signature: str, message: bytes, certificates: Sequence[Any]) -> str:
    """Give the fingerprint of the certificate that has signed a message. Raises InputError where none of them has, with the reason.

    A key that has expired or was revoked since does not count either, as git has it: what it signs may be dated back.
    """
    import pysequoia

    if len(signature) > _LONGEST:
        raise InputError("its OpenPGP signature is too long")
    try:
        # By itself the library takes what a key signed before it was revoked, if it was only retired.
        standing = [each for each in certificates if not each.is_revoked]
        found = pysequoia.verify(
            bytes=message, store=lambda _: standing, signature=pysequoia.Sig.from_bytes(signature.encode())
        )
        fingerprint = str(next(iter(found.valid_sigs)).certificate)
        expires = next(each.expiration for each in standing if each.fingerprint.lower() == fingerprint.lower())
    except Exception as error:
        words = " ".join(str(error).partition("Stack backtrace")[0].split())[:200]
        revoked = "; a key that is named was revoked" if any(each.is_revoked for each in certificates) else ""
        raise InputError(f"its OpenPGP signature does not hold: {words}{revoked}") from error
    if expires is not None and expires < datetime.now(UTC):
        raise InputError(
            f"its OpenPGP key {fingerprint} expired at {expires:%Y-%m-%d}",
            hint="extend it and name it anew in spec.source.verify (gpg --quick-set-expire)",
        )
    return fingerprint


def _name(certificate: Any) -> str:
    names = certificate.user_ids
    return str(names[0]) if names else str(certificate.fingerprint)
