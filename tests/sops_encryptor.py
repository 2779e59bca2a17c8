"""SOPS' format from the other side, for tests: encrypts documents with age. `sops decrypt` reads what this writes."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pyrage
import yaml
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

CHANGED = "2026-01-02T03:04:05Z"


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the shape that PyYAML calls
        return True


def _bytes(value: Any) -> bytes:
    if isinstance(value, bool):
        return b"True" if value else b"False"
    if isinstance(value, float):
        return format(Decimal(repr(value)).normalize(), "f").encode()
    return str(value).encode()


def _sealed(cipher: AESGCM, value: Any, authenticated: str) -> str:
    kind = {bool: "bool", int: "int", float: "float"}.get(type(value), "str")
    nonce = os.urandom(32)
    out = cipher.encrypt(nonce, _bytes(value), authenticated.encode())
    data, iv, tag = (base64.b64encode(part).decode() for part in (out[:-16], nonce, out[-16:]))
    return f"ENC[AES256_GCM,data:{data},iv:{iv},tag:{tag},type:{kind}]"


def armoured(data: bytes) -> str:
    text = base64.b64encode(data).decode()
    lines = "\n".join(text[at : at + 64] for at in range(0, len(text), 64))
    return f"-----BEGIN AGE ENCRYPTED FILE-----\n{lines}\n-----END AGE ENCRYPTED FILE-----\n"


def encrypt(
    documents: Sequence[Any], recipients: Sequence[Any], *, keys: Sequence[str] = (), mac_only: bool = False
) -> list[Any]:
    """Give the documents with every value below one of `keys` encrypted (all, where none is named), and their `sops` entries."""
    key = os.urandom(32)
    cipher = AESGCM(key)
    code = hashlib.sha512(hashlib.sha256(b"sops").digest() if mac_only else b"")

    def walk(value: Any, path: tuple[str, ...]) -> Any:
        if isinstance(value, dict):
            return {name: walk(below, (*path, name)) for name, below in value.items()}
        if isinstance(value, list):
            return [walk(below, path) for below in value]
        if value is None:
            return None
        covered = not keys or any(part in keys for part in path)
        if covered or not mac_only:
            code.update(_bytes(value))
        return _sealed(cipher, value, "".join(f"{part}:" for part in path)) if covered and value != "" else value

    walked = [walk(document, ()) for document in documents]
    metadata: dict[str, Any] = {
        "age": [{"recipient": str(each), "enc": armoured(pyrage.encrypt(key, [each]))} for each in recipients],
        "lastmodified": CHANGED,
        "mac": _sealed(cipher, code.hexdigest().upper(), CHANGED),
        "version": "3.13.3",
    }
    if keys:
        metadata["encrypted_regex"] = f"^({'|'.join(keys)})$"
    else:
        metadata["encrypted_regex"] = ""
        metadata["unencrypted_suffix"] = "_unencrypted"
    if mac_only:
        metadata["mac_only_encrypted"] = True
    metadata = {name: value for name, value in metadata.items() if value != ""}
    return [{**document, "sops": metadata} for document in walked]


def as_yaml(documents: Sequence[Any]) -> str:
    """Give documents as YAML text."""
    return yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**6)
