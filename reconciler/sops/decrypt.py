"""Decrypting a sealed file with age keys, in memory. The file's authentication code is always checked.

The data key stands in the file, encrypted for each age recipient. With it each value was encrypted by AES-256-GCM; the keys
above the value are authenticated with it, so that values can't change places. The code over all values (SHA-512, in the
order of the file) is encrypted too, with the time of the last change (source: getsops/sops, sops.go, aes/cipher.go).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyrage
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from reconciler.errors import InputError
from reconciler.sops.sealed import ENCRYPTED, Path, SealedFile, age_keys, keys_of

#: Where only encrypted values count, the code begins with these bytes, so that it never equals one over all values.
_ONLY_ENCRYPTED = hashlib.sha256(b"sops").digest()
_OTHER_KEY = re.compile(r"^\s*AGE-(SECRET-KEY-[A-Z]+|PLUGIN-[A-Z0-9-]+)-1", re.MULTILINE)
#: From here on Go writes a number with an exponent.
_LEAST_WITH_EXPONENT = 1e21
_INT64 = range(-(2**63), 2**63)
_TRUE, _FALSE = (
    frozenset({"1", "t", "T", "TRUE", "true", "True"}),
    frozenset({"0", "f", "F", "FALSE", "false", "False"}),
)


class NoKeyError(InputError):
    """None of the keys at hand fits: the right one may come."""


@dataclass(frozen=True, slots=True, repr=False)
class Identities:
    """Private age keys; never printed."""

    keys: tuple[Any, ...]

    def __bool__(self) -> bool:
        return bool(self.keys)


def identities(texts: Mapping[str, str]) -> Identities:
    """Give the keys of `*.agekey` files by name: lines of AGE-SECRET-KEY-1…, or one unencrypted OpenSSH private key.

    Raises InputError that names the file, and never what is in it.
    """
    found: list[Any] = []
    for name, text in sorted(texts.items()):
        if _OTHER_KEY.search(text) is not None:
            hint = "make one with age-keygen, without -pq, and add its recipient: sops rotate --in-place --add-age age1… FILE"
            raise InputError(f"{name} holds a post-quantum age key or a plugin's, which can't be used here", hint=hint)
        try:
            found += _identities(text)
        except (pyrage.IdentityError, ValueError) as error:
            hint = "put what age-keygen prints there, or an unencrypted OpenSSH private key"
            raise InputError(f"{name} holds no age key that can be read", hint=hint) from error
    return Identities(tuple(found))


def _identities(text: str) -> Iterable[Any]:
    if "-----BEGIN" in text:
        return [pyrage.ssh.Identity.from_buffer(text.encode())]
    lines = [line.strip() for line in text.splitlines()]
    return [pyrage.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]


def decrypt(file: SealedFile, keys: Identities) -> tuple[Any, ...]:
    """Give the documents in plain. Raises NoKeyError where no key fits, InputError where the file was changed without SOPS."""
    cipher = AESGCM(_data_key(file, keys))
    only = bool(file.metadata.get("mac_only_encrypted"))
    code = hashlib.sha512(_ONLY_ENCRYPTED if only else b"")

    def plain(value: Any, path: Path) -> Any:
        if isinstance(value, dict):
            return {name: plain(below, (*path, name)) for name, below in value.items()}
        if isinstance(value, list):
            return [plain(below, (*path, index)) for index, below in enumerate(value)]
        if value is None:
            return None
        covered = file.rule.covers(keys_of(path))
        if covered and value != "":
            value = _value(file, cipher, value, path)
        if covered or not only:
            code.update(_bytes(value))
        return value

    documents = tuple(plain(document, ()) for document in file.documents)
    written = _open(cipher, file.metadata["mac"], file.metadata["lastmodified"])
    if written is None or not hmac.compare_digest(written[0], code.hexdigest().upper().encode()):
        raise _changed(file, "its authentication code does not fit its values")
    return documents


def _data_key(file: SealedFile, keys: Identities) -> bytes:
    entries = age_keys(file.metadata)
    if keys:
        for entry in entries:
            try:
                key: bytes = pyrage.decrypt(entry["enc"].encode(), list(keys.keys))
            except (pyrage.DecryptError, ValueError):
                continue
            if len(key) == 32:
                return key
    recipients = ", ".join(str(entry.get("recipient"))[:120] for entry in entries[:8])
    raise NoKeyError(
        f"{file.path}: none of the agent's age keys decrypts it; it is encrypted for {recipients}",
        hint="put the key of one of them into the Secret that FleetSync.spec.decryption.secretRef names, as NAME.agekey",
    )


def _value(file: SealedFile, cipher: AESGCM, value: Any, path: Path) -> Any:
    opened = _open(cipher, value, "".join(f"{key}:" for key in keys_of(path)))
    if opened is None:
        raise _changed(file, f"the value at {'.'.join(map(str, path))} does not fit its key and place")
    text, kind = opened
    try:
        return _typed(text, kind)
    except ValueError:
        pass
    # Raised outside the handler: the cause would quote the value.
    raise _changed(file, f"the value at {'.'.join(map(str, path))} is no {kind}")


def _open(cipher: AESGCM, value: Any, authenticated: str) -> tuple[bytes, str] | None:
    """Give an encrypted value in plain, and its type; None where it is not what SOPS wrote at that place."""
    found = ENCRYPTED.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    try:
        data, nonce, tag = (base64.b64decode(part, validate=True) for part in found.groups()[:3])
        return cipher.decrypt(nonce, data + tag, authenticated.encode()), found[4]
    except (InvalidTag, binascii.Error, ValueError):
        return None


def _typed(text: bytes, kind: str) -> Any:
    """Give a value of the type that SOPS noted. Raises ValueError."""
    plain = text.decode()
    match kind:
        case "str" | "bytes" | "time":
            return plain
        case "int":
            return int(plain)
        case "float":
            number = float(plain)
            if number - number != 0:
                raise ValueError(kind)
            # SOPS writes 3.0 as 3, which is what whoever reads its output gets.
            return int(number) if number.is_integer() and abs(number) < _LEAST_WITH_EXPONENT else number
        case "bool" if plain in _TRUE | _FALSE:
            return plain in _TRUE
    raise ValueError(kind)


def _bytes(value: Any) -> bytes:
    """Give a value as it counts in the code: what Go makes of it."""
    if isinstance(value, bool):
        return b"True" if value else b"False"
    if isinstance(value, int) and value in _INT64:
        return str(value).encode()
    if isinstance(value, (int, float)):
        return format(Decimal(repr(float(value))).normalize(), "f").encode()
    return str(value).encode()


def _changed(file: SealedFile, what: str) -> InputError:
    return InputError(
        f"{file.path}: {what}: it was changed, or merged, without SOPS",
        hint="restore it from a commit where it was right, and change it with: sops edit FILE",
    )
