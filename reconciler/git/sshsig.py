"""SSH signatures (source: OpenSSH's PROTOCOL.sshsig), as `git commit -S` makes them with gpg.format=ssh. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from reconciler.errors import InputError

BEGIN, END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_MAGIC = b"SSHSIG"
_LONGEST = 32 * 1024
_SMALLEST_RSA = 2048
_DIGESTS = {b"sha256": hashlib.sha256, b"sha512": hashlib.sha512}
_RSA_HASHES: dict[bytes, Callable[[], hashes.HashAlgorithm]] = {
    b"rsa-sha2-256": hashes.SHA256, b"rsa-sha2-512": hashes.SHA512,
}  # fmt: skip
_CURVES: dict[bytes, Callable[[], hashes.HashAlgorithm]] = {
    b"ecdsa-sha2-nistp256": hashes.SHA256, b"ecdsa-sha2-nistp384": hashes.SHA384, b"ecdsa-sha2-nistp521": hashes.SHA512,
}  # fmt: skip
_SK_ED25519, _SK_ECDSA = b"sk-ssh-ed25519@openssh.com", b"sk-ecdsa-sha2-nistp256@openssh.com"
#: Keys in security keys, and the kind that they are of apart from that.
_PLAIN = {_SK_ED25519: b"ssh-ed25519", _SK_ECDSA: b"ecdsa-sha2-nistp256"}
_PRESENCE, _USER_PRESENT = 5, 0x01
Key = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey


@dataclass(frozen=True, slots=True)
class SshSignature:
    """One signature: by which key (its wire form), for which namespace, over which digest.

    `presence` is what a security key adds: its flags and counter (source: OpenSSH's PROTOCOL.u2f).
    """

    key: bytes
    namespace: bytes
    reserved: bytes
    hash_name: bytes
    kind: bytes
    value: bytes
    presence: bytes = b""

    def verifies(self, message: bytes) -> bool:
        """Tell whether it is over this message, by the key that it names; whether that key is trusted is another question."""
        digest = _DIGESTS[self.hash_name](message).digest()
        signed = _MAGIC + b"".join(_string(part) for part in (self.namespace, self.reserved, self.hash_name, digest))
        try:
            key, application = _load(self.key)
            if application is None:
                _check(key, self.kind, self.value, signed)
            else:
                _check(key, _PLAIN[self.kind], self.value, _touched(application, self.presence, signed))
        except (InvalidSignature, InputError, ValueError, KeyError):
            return False
        return True


def parse_signature(text: str) -> SshSignature:
    """Read an armored signature. Raises InputError where it is malformed or of another version."""
    lines = [line.strip() for line in text.strip().splitlines()]
    if len(text) > _LONGEST or len(lines) < 3 or lines[0] != BEGIN or lines[-1] != END:
        raise InputError("it is not one armored SSH signature")
    try:
        blob = base64.b64decode("".join(lines[1:-1]), validate=True)
        if blob[:6] != _MAGIC or struct.unpack(">I", blob[6:10])[0] != 1:
            raise InputError("its SSH signature is of another version")
        key, namespace, reserved, hash_name, signature = _strings(blob[10:], 5)
        kind, value = _strings(signature, 2, rest=True)
        presence = signature[8 + len(kind) + len(value) :]
        if len(presence) != (_PRESENCE if kind in _PLAIN else 0):
            raise InputError("its SSH signature is malformed")
    except (binascii.Error, struct.error, ValueError) as error:
        raise InputError("its SSH signature is malformed") from error
    if hash_name not in _DIGESTS:
        raise InputError("its SSH signature is over a digest other than SHA-256 and SHA-512")
    return SshSignature(
        key=key,
        namespace=namespace,
        reserved=reserved,
        hash_name=hash_name,
        kind=kind,
        value=value,
        presence=presence,
    )


def load_key(blob: bytes) -> Key:
    """Read a key in SSH's wire form. Raises InputError where it is of a kind or size that is not trusted."""
    return _load(blob)[0]


def _load(blob: bytes) -> tuple[Key, bytes | None]:
    """Give a key, and the application that it is bound to where it lies in a security key."""
    application = None
    try:
        (kind,) = _strings(blob, 1, rest=True)
        if kind in _PLAIN:
            *parts, application = _strings(blob, 3 if kind == _SK_ED25519 else 4)
            kind = _PLAIN[kind]
            blob = b"".join(_string(part) for part in (kind, *parts[1:]))
        key = load_ssh_public_key(kind + b" " + base64.b64encode(blob))
    except (ValueError, UnsupportedAlgorithm, struct.error) as error:
        raise InputError(f"the SSH key can't be read: {str(error)[:100]}", hint="use ed25519, ecdsa or rsa") from error
    if not isinstance(key, Key):
        raise InputError(f"SSH keys of type {kind.decode(errors='replace')[:40]} are not supported", hint="use ed25519")
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < _SMALLEST_RSA:
        raise InputError(f"an RSA key of {key.key_size} bits; it must have {_SMALLEST_RSA} or more")
    return key, application


def _touched(application: bytes, presence: bytes, signed: bytes) -> bytes:
    """Give what a security key has signed, if somebody was there to touch it."""
    if not presence[0] & _USER_PRESENT:
        raise ValueError("nobody touched the security key")
    return hashlib.sha256(application).digest() + presence + hashlib.sha256(signed).digest()


def _check(key: Key, kind: bytes, value: bytes, signed: bytes) -> None:
    """Raise InvalidSignature or ValueError unless the signature holds."""
    if isinstance(key, ed25519.Ed25519PublicKey) and kind == b"ssh-ed25519":
        key.verify(value, signed)
    elif isinstance(key, rsa.RSAPublicKey) and kind in _RSA_HASHES:
        key.verify(value, signed, padding.PKCS1v15(), _RSA_HASHES[kind]())
    elif isinstance(key, ec.EllipticCurvePublicKey) and kind == b"ecdsa-sha2-nistp%d" % key.curve.key_size:
        first, second = (int.from_bytes(each, "big", signed=True) for each in _strings(value, 2))
        key.verify(encode_dss_signature(first, second), signed, ec.ECDSA(_CURVES[kind]()))
    else:
        raise ValueError("a signature of another kind than its key")


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _strings(data: bytes, count: int, *, rest: bool = False) -> list[bytes]:
    """Read length-prefixed strings; unless `rest`, nothing may follow."""
    found = []
    for _ in range(count):
        (size,) = struct.unpack(">I", data[:4])
        if len(data) < 4 + size:
            raise ValueError("a string ends too soon")
        found.append(data[4 : 4 + size])
        data = data[4 + size :]
    if data and not rest:
        raise ValueError("something follows")
    return found
