"""A timestamp authority of our own: answers as RFC 3161 has them (a token of CMS, RFC 5652), at any time that is asked for."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.artifacts.signer import b64

_BEGAN = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
_ENDS = dt.datetime(2035, 1, 1, tzinfo=dt.UTC)
_SHA256, _ECDSA_SHA256 = "2.16.840.1.101.3.4.2.1", "1.2.840.10045.4.3.2"
_SIGNED_DATA, _TIMESTAMP = "1.2.840.113549.1.7.2", "1.2.840.113549.1.9.16.1.4"
_CONTENT_TYPE, _MESSAGE_DIGEST, _CERTIFICATE_USED = (
    "1.2.840.113549.1.9.3",
    "1.2.840.113549.1.9.4",
    "1.2.840.113549.1.9.16.2.47",
)


def der(tag: int, *parts: bytes) -> bytes:
    """Write a value of ASN.1."""
    body = b"".join(parts)
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + body


def sequence(*parts: bytes) -> bytes:
    return der(0x30, *parts)


def integer(number: int) -> bytes:
    return der(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def oid(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    out = bytearray([first * 40 + second])
    for number in rest:
        digits = [number & 0x7F]
        while number := number >> 7:
            digits.insert(0, 0x80 | (number & 0x7F))
        out += bytes(digits)
    return der(0x06, bytes(out))


@dataclass
class TimestampAuthority:
    """An authority; `listed` is how a trusted root names it."""

    root_key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def __post_init__(self) -> None:
        self.root = self._certificate("root", self.root_key, x509.BasicConstraints(ca=True, path_length=0))
        self.leaf = self._certificate("timestamps", self.key, x509.BasicConstraints(ca=False, path_length=None))

    def listed(self) -> dict[str, Any]:
        chain = [self.leaf, self.root]
        return {
            "subject": {"organization": "example", "commonName": "timestamps"},
            "uri": "https://timestamps.example",
            "certChain": {
                "certificates": [{"rawBytes": b64(each.public_bytes(serialization.Encoding.DER))} for each in chain]
            },
            "validFor": {"start": "2025-01-01T00:00:00Z"},
        }

    def stamp(self, message: bytes, at: dt.datetime) -> bytes:
        """Give the answer that says that these bytes were there at that time."""
        hashed = sequence(oid(_SHA256))
        info = sequence(
            integer(1),
            oid("1.3.6.1.4.1.57264.2"),
            sequence(hashed, der(0x04, hashlib.sha256(message).digest())),
            integer(7),
            der(0x18, at.strftime("%Y%m%d%H%M%SZ").encode()),
        )
        used = sequence(sequence(sequence(der(0x04, self.leaf.fingerprint(hashes.SHA256())))))
        attributes = sorted(
            sequence(oid(kind), der(0x31, value))
            for kind, value in (
                (_CONTENT_TYPE, oid(_TIMESTAMP)),
                (_MESSAGE_DIGEST, der(0x04, hashlib.sha256(info).digest())),
                (_CERTIFICATE_USED, used),
            )
        )
        signature = self.key.sign(der(0x31, *attributes), ec.ECDSA(hashes.SHA256()))
        signer = sequence(
            integer(1),
            sequence(self.root.subject.public_bytes(), integer(self.leaf.serial_number)),
            hashed,
            der(0xA0, *attributes),
            sequence(oid(_ECDSA_SHA256)),
            der(0x04, signature),
        )
        signed = sequence(
            integer(3),
            der(0x31, hashed),
            sequence(oid(_TIMESTAMP), der(0xA0, der(0x04, info))),
            der(0xA0, self.leaf.public_bytes(serialization.Encoding.DER)),
            der(0x31, signer),
        )
        return sequence(sequence(integer(0)), sequence(oid(_SIGNED_DATA), der(0xA0, signed)))

    def _certificate(
        self, name: str, key: ec.EllipticCurvePrivateKey, constraints: x509.BasicConstraints
    ) -> x509.Certificate:
        def named(text: str) -> x509.Name:
            return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

        usage = x509.KeyUsage(not constraints.ca, *[False] * 4, constraints.ca, constraints.ca, False, False)  # noqa: FBT003 - one or the other
        made = (
            x509.CertificateBuilder()
            .subject_name(named(name))
            .issuer_name(named("root"))
            .public_key(key.public_key())
            .serial_number(1 if constraints.ca else 2)
            .not_valid_before(_BEGAN)
            .not_valid_after(_ENDS)
            .add_extension(constraints, critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.root_key.public_key()), critical=False
            )
        )
        if not constraints.ca:
            made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        return made.sign(self.root_key, hashes.SHA256())
