"""Public keys as people hand them out (PEM, SubjectPublicKeyInfo) and the signatures they verify. Pure.

What counts as a signature is what cosign makes with such keys: ECDSA in DER, RSA with PKCS #1 v1.5, and both Ed25519 of RFC 8032: pure,
and pre-hashed (Ed25519ph), which cosign 2.4 and later use for everything but blobs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from reconciler.errors import InputError

_LONGEST = 16 * 1024
_SMALLEST_RSA, _LARGEST_RSA = 2048, 16384
#: The hash that a curve is used with first, and SHA-256, which cosign's legacy storage uses with every key.
_HASHES: dict[str, tuple[hashes.HashAlgorithm, ...]] = {
    "secp256r1": (hashes.SHA256(),),
    "secp384r1": (hashes.SHA384(), hashes.SHA256()),
    "secp521r1": (hashes.SHA512(), hashes.SHA256()),
}

_Key = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that may be trusted. Two keys are equal where their bytes are; `fingerprint` is SHA-256 over the SPKI, in hex."""

    der: bytes

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the key's SubjectPublicKeyInfo, in hexadecimal digits."""
        return hashlib.sha256(self.der).hexdigest()

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Tell whether the signature over the message was made with this key."""
        key = serialization.load_der_public_key(self.der)
        if isinstance(key, ed25519.Ed25519PublicKey):
            return _passes(key.verify, signature, message) or _prehashed(key, signature, message)
        if isinstance(key, rsa.RSAPublicKey):
            return _passes(key.verify, signature, message, padding.PKCS1v15(), hashes.SHA256())
        if isinstance(key, ec.EllipticCurvePublicKey):
            return any(_passes(key.verify, signature, message, ec.ECDSA(each)) for each in _HASHES[key.curve.name])
        return False


def load_public_key(pem: bytes | str) -> PublicKey:
    """Read one PEM public key. Raises InputError that says what is wrong with it."""
    data = pem.encode() if isinstance(pem, str) else pem
    if len(data) > _LONGEST:
        raise InputError(f"it has {len(data)} bytes, and a public key has at most {_LONGEST}")
    if b"PRIVATE KEY" in data:
        raise InputError("it holds a private key: it is compromised by being here", hint="make a new pair of keys")
    if data.count(b"-----BEGIN ") != 1 or b"-----BEGIN PUBLIC KEY-----" not in data:
        raise InputError(
            "it is not one PEM public key (-----BEGIN PUBLIC KEY-----)", hint="as `cosign public-key` prints it"
        )
    try:
        key = serialization.load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InputError(f"its public key can't be read: {str(error)[:100]}") from error
    return from_key(key)


def from_key(key: object) -> PublicKey:
    """Give the value of a loaded key. Raises InputError where its kind or size is not one that can be trusted."""
    if not isinstance(key, _Key):
        raise InputError("its public key is not ECDSA, Ed25519 or RSA")
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name not in _HASHES:
        raise InputError(f"curve {key.curve.name} is not used for signing here", hint="use P-256, P-384 or P-521")
    if isinstance(key, rsa.RSAPublicKey) and not _SMALLEST_RSA <= key.key_size <= _LARGEST_RSA:
        raise InputError(
            f"an RSA key of {key.key_size} bits; it must have {_SMALLEST_RSA} to {_LARGEST_RSA}", hint="make a new key"
        )
    return PublicKey(
        key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo),
    )


def load_der_key(der: bytes) -> PublicKey:
    """Read one DER public key (SPKI). Raises InputError."""
    try:
        return from_key(serialization.load_der_public_key(der[:_LONGEST]))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InputError(f"its public key can't be read: {str(error)[:100]}") from error


def _prehashed(key: ed25519.Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    """Tell whether an Ed25519ph signature holds; cryptography has only the pure kind."""
    from nacl.bindings import (
        crypto_sign_ed25519ph_final_verify,
        crypto_sign_ed25519ph_state,
        crypto_sign_ed25519ph_update,
    )
    from nacl.exceptions import CryptoError

    state = crypto_sign_ed25519ph_state()
    crypto_sign_ed25519ph_update(state, message)
    try:
        return bool(crypto_sign_ed25519ph_final_verify(state, signature, key.public_bytes_raw()))
    except (CryptoError, ValueError):
        return False


def _passes(verify: Callable[..., None], *arguments: object) -> bool:
    try:
        verify(*arguments)
    except (InvalidSignature, ValueError):
        return False
    return True
