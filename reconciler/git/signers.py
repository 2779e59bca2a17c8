"""Who may sign commits: SSH keys, lines of an allowed_signers file, PEM public keys, and OpenPGP certificates.

Sources: ssh-keygen(1), "ALLOWED SIGNERS"; git-config(1), gpg.ssh.allowedSignersFile.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import serialization

from reconciler.errors import InputError
from reconciler.git.sshsig import load_key
from reconciler.public_keys import load_public_key

NAMESPACE = "git"
_TYPES = (
    "ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com",
)  # fmt: skip
_PGP = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
_OPTION = re.compile(r'([a-z-]+)(?:="([^"]*)")?')
_TIME = re.compile(r"(\d{8})(\d{4}(?:\d{2})?)?Z?")


@dataclass(frozen=True, kw_only=True, slots=True)
class SshSigner:
    """An SSH key that may sign: `name` is its principal or comment; it counts from `after` to `before`, in Unix seconds."""

    name: str
    blob: bytes
    namespaces: tuple[str, ...] = ()
    after: float | None = None
    before: float | None = None

    @property
    def fingerprint(self) -> str:
        """The fingerprint as ssh-keygen prints it."""
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")

    def allowed(self, namespace: str, at: float) -> bool:
        """Tell whether it may sign for a namespace at a time."""
        in_time = (self.after is None or at >= self.after) and (self.before is None or at < self.before)
        return in_time and (not self.namespaces or namespace in self.namespaces)


@dataclass(frozen=True, kw_only=True, slots=True)
class PgpSigner:
    """An OpenPGP certificate that may sign; `certificate` is pysequoia's."""

    name: str
    fingerprint: str
    certificate: Any


Signer = SshSigner | PgpSigner


def signers_of(texts: Iterable[str]) -> tuple[Signer, ...]:
    """Read trusted keys, each text holding one or more. Raises InputError that says which can't be used, and why."""
    found: list[Signer] = []
    for number, text in enumerate(texts, 1):
        try:
            found += _signers(text)
        except InputError as error:
            raise InputError(f"key {number} of source.verify: {error.message}", hint=error.hint) from error
    if not found:
        raise InputError("source.verify names no key", hint="name one, or take verify away")
    return tuple(found)


def _signers(text: str) -> list[Signer]:
    if _PGP in text:
        from reconciler.git.openpgp import certificates_of

        return [
            PgpSigner(name=name, fingerprint=fingerprint, certificate=certificate)
            for name, fingerprint, certificate in certificates_of(text)
        ]
    if "-----BEGIN" in text:
        key = serialization.load_der_public_key(load_public_key(text).der)
        blob = key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).split()[1]
        return [_named(SshSigner(name="", blob=base64.b64decode(blob)))]
    lines = [line.strip() for line in text.splitlines()]
    return [_line(line) for line in lines if line and not line.startswith("#")]


def _line(line: str) -> SshSigner:
    """Read `type key [comment]`, or `principals [options] type key [comment]`."""
    words = _words(line)
    at = next((place for place, word in enumerate(words[:3]) if word in _TYPES), None)
    if at is None or len(words) < at + 2:
        raise InputError(f"{line[:60]!r} is no SSH public key", hint=f"as in ssh-ed25519 AAAA…; of {', '.join(_TYPES)}")
    try:
        blob = base64.b64decode(words[at + 1], validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError(f"the key of {line[:40]!r} is not base64") from error
    load_key(blob)
    name = words[0] if at else " ".join(words[at + 2 :])
    options = _options(words[1]) if at == 2 else {}
    return _named(SshSigner(name=name, blob=blob, **options))


def _words(line: str) -> list[str]:
    """Split at spaces that stand in no quotes."""
    return re.findall(r'(?:[^\s"]|"[^"]*")+', line)


def _options(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in re.findall(r'(?:[^,"]|"[^"]*")+', text):
        option = _OPTION.fullmatch(part)
        name, value = option.groups() if option is not None else (part, None)
        if name == "namespaces" and value:
            found["namespaces"] = tuple(value.split(","))
        elif name in {"valid-after", "valid-before"} and value:
            found[name.removeprefix("valid-")] = _time(value)
        else:
            hint = "namespaces, valid-after and valid-before are; certificates are not"
            raise InputError(f"option {part[:40]!r} is not supported", hint=hint)
    return found


def _time(text: str) -> float:
    """Read YYYYMMDD[HHMM[SS]][Z]. Without Z ssh-keygen takes the machine's time zone; an agent's is UTC."""
    match = _TIME.fullmatch(text)
    try:
        if match is None:
            raise ValueError(text)
        clock = (match[2] or "").ljust(6, "0")
        return dt.datetime.strptime(match[1] + clock, "%Y%m%d%H%M%S").replace(tzinfo=dt.UTC).timestamp()
    except ValueError as error:
        raise InputError(f"{text[:40]!r} is no time", hint="write YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS") from error


def _named(signer: SshSigner) -> SshSigner:
    if signer.name:
        return signer
    return SshSigner(
        name=signer.fingerprint,
        blob=signer.blob,
        namespaces=signer.namespaces,
        after=signer.after,
        before=signer.before,
    )
