"""A Sigstore of our own: authorities of certificates and timestamps, a certificate log and an entry log, with their trusted root.

It makes what Fulcio and Rekor (its first API) make, and sigstore-python takes it for theirs under this root (test_keyless.py).
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.artifacts import signer
from tests.artifacts.signer import b64
from tests.artifacts.storage import Repository
from tests.artifacts.timestamp_authority import TimestampAuthority

GITHUB = "https://token.actions.githubusercontent.com"
RELEASE = "https://github.com/acme/shop/.github/workflows/release.yaml@refs/tags/v1"
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def spki(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _sign(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    return key.sign(data, ec.ECDSA(hashes.SHA256()))


@dataclass
class Log:
    """A transparency log of two entries: one of somebody else's, and the one that is asked for."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=_key)

    @property
    def id(self) -> bytes:
        return hashlib.sha256(spki(self.key)).digest()

    def entry(self, body: Mapping[str, Any], at: dt.datetime, **changes: Any) -> dict[str, Any]:
        """Give an entry as bundles have it, with promise and proof."""
        data = json.dumps(body, separators=(",", ":"), sort_keys=True).encode()
        sibling = hashlib.sha256(b"\0somebody else's").digest()
        root = hashlib.sha256(b"\1" + sibling + hashlib.sha256(b"\0" + data).digest()).digest()
        text = f"log.example - 1\n2\n{b64(root)}\n"
        note = f"{text}\n\u2014 log.example {b64(self.id[:4] + _sign(self.key, text.encode()))}\n"
        proof = {
            "logIndex": "1",
            "rootHash": b64(root),
            "treeSize": "2",
            "hashes": [b64(sibling)],
            "checkpoint": {"envelope": note},
        }
        return {
            "logIndex": "1",
            "logId": {"keyId": b64(self.id)},
            "kindVersion": {"kind": body["kind"], "version": body["apiVersion"]},
            "integratedTime": str(int(at.timestamp())),
            "inclusionPromise": {"signedEntryTimestamp": b64(self.promise(data, at))},
            "inclusionProof": proof,
            "canonicalizedBody": b64(data),
            **changes,
        }

    def promise(self, data: bytes, at: dt.datetime) -> bytes:
        fields = {"body": b64(data), "integratedTime": int(at.timestamp()), "logID": self.id.hex(), "logIndex": 1}
        return _sign(self.key, json.dumps(fields, separators=(",", ":"), sort_keys=True).encode())

    def annotation(self, body: Mapping[str, Any], at: dt.datetime) -> str:
        """Give an entry as cosign's legacy storage has it."""
        data = json.dumps(body, separators=(",", ":"), sort_keys=True).encode()
        payload = {"body": b64(data), "integratedTime": int(at.timestamp()), "logIndex": 1, "logID": self.id.hex()}
        return json.dumps({"SignedEntryTimestamp": b64(self.promise(data, at)), "Payload": payload})

    def listed(self) -> dict[str, Any]:
        """Give it as trusted roots have it."""
        key = {
            "rawBytes": b64(spki(self.key)),
            "keyDetails": "PKIX_ECDSA_P256_SHA_256",
            "validFor": {"start": "2025-01-01T00:00:00Z"},
        }
        return {
            "baseUrl": "https://log.example",
            "hashAlgorithm": "SHA2_256",
            "publicKey": key,
            "logId": {"keyId": b64(self.id)},
        }


def dsse_body(envelope: Mapping[str, Any], verifier: bytes) -> dict[str, Any]:
    payload = base64.b64decode(envelope["payload"])
    signatures = [{"signature": each["sig"], "verifier": b64(verifier)} for each in envelope["signatures"]]
    hashed = {"algorithm": "sha256", "value": hashlib.sha256(json.dumps(envelope).encode()).hexdigest()}
    said = {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()}
    return {
        "apiVersion": "0.0.1",
        "kind": "dsse",
        "spec": {"envelopeHash": hashed, "payloadHash": said, "signatures": signatures},
    }


def hashed_body(data: bytes, signature: bytes, pem: str) -> dict[str, Any]:
    said = {"hash": {"algorithm": "sha256", "value": hashlib.sha256(data).hexdigest()}}
    made = {"content": b64(signature), "publicKey": {"content": b64(pem.encode())}}
    return {"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": {"data": said, "signature": made}}


@dataclass
class Sigstore:
    """An instance. `keyless` signs as somebody whom it vouches for."""

    authority: ec.EllipticCurvePrivateKey = field(default_factory=_key)
    certificates: Log = field(default_factory=Log)
    entries: Log = field(default_factory=Log)
    timestamps: TimestampAuthority = field(default_factory=TimestampAuthority)

    def trusted_root(self, *, timestamps: bool = False) -> str:
        root = self._root().public_bytes(serialization.Encoding.DER)
        authority = {
            "subject": {"organization": "example", "commonName": "authority"},
            "uri": "https://authority.example",
            "certChain": {"certificates": [{"rawBytes": b64(root)}]},
            "validFor": {"start": "2025-01-01T00:00:00Z"},
        }
        return json.dumps(
            {
                "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
                "tlogs": [self.entries.listed()],
                "certificateAuthorities": [authority],
                "ctlogs": [self.certificates.listed()],
                "timestampAuthorities": [self.timestamps.listed()] if timestamps else [],
            }
        )

    def keyless(
        self, repository: Repository, digest: str, *, subject: str = RELEASE, issuer: str = GITHUB, said: bytes | None = None,
        logged: dt.timedelta = dt.timedelta(minutes=1), sct: bool = True, changes: Mapping[str, Any] | None = None,
        stamped: dt.timedelta | None = None, stamper: TimestampAuthority | None = None, stamps: bytes | None = None,
    ) -> str:  # fmt: skip
        """Add a keyless bundle, its entry logged so long after its certificate of ten minutes began.

        With `stamped` its signature (or what `stamps` gives) has a timestamp of that time, and its entry promises no time, as in Rekor's
        second API.
        """
        key = signer.Key("keyless", _key())
        certificate = self.certificate(key.private, subject, issuer, sct=sct)
        envelope = signer.envelope(key, signer.statement(digest) if said is None else said)
        body = dsse_body(envelope, certificate.public_bytes(serialization.Encoding.PEM))
        untimed = {"integratedTime": None, "inclusionPromise": None} if stamped is not None else {}
        entry = self.entries.entry(body, START + logged, **(changes or untimed))
        material: dict[str, Any] = {
            "certificate": {"rawBytes": b64(certificate.public_bytes(serialization.Encoding.DER))},
            "tlogEntries": [entry],
        }
        if stamped is not None:
            signature = base64.b64decode(envelope["signatures"][0]["sig"])
            stamp = (stamper or self.timestamps).stamp(stamps or signature, START + stamped)
            material["timestampVerificationData"] = {"rfc3161Timestamps": [{"signedTimestamp": b64(stamp)}]}
        value = {"mediaType": signer.BUNDLE, "verificationMaterial": material, "dsseEnvelope": envelope}
        return signer.refer(repository, digest, json.dumps(value).encode())

    def certificate(
        self, key: ec.EllipticCurvePrivateKey, subject: str, issuer: str, *, sct: bool = True
    ) -> x509.Certificate:
        builder = self._leaf(key, subject, issuer)
        if not sct:
            return builder.sign(self.authority, hashes.SHA256())
        tbs = builder.sign(self.authority, hashes.SHA256()).tbs_certificate_bytes
        # RFC 6962, section 3.2: what the log signs of a precertificate, and the list that goes into the certificate.
        at = struct.pack(">Q", int(START.timestamp() * 1000))
        issuer_hash = hashlib.sha256(spki(self.authority)).digest()
        signed = b"\0\0" + at + b"\0\1" + issuer_hash + struct.pack(">I", len(tbs))[1:] + tbs + b"\0\0"
        signature = _sign(self.certificates.key, signed)
        stamp = b"\0" + self.certificates.id + at + b"\0\0" + b"\4\3" + struct.pack(">H", len(signature)) + signature
        listed = struct.pack(">HH", len(stamp) + 2, len(stamp)) + stamp
        octets = b"\4" + bytes([len(listed)] if len(listed) < 128 else [0x81, len(listed)]) + listed
        oid = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
        return builder.add_extension(x509.UnrecognizedExtension(oid, octets), critical=False).sign(
            self.authority, hashes.SHA256()
        )

    def _leaf(self, key: ec.EllipticCurvePrivateKey, subject: str, issuer: str) -> x509.CertificateBuilder:
        name = x509.RFC822Name(subject) if "://" not in subject else x509.UniformResourceIdentifier(subject)
        der = issuer.encode()
        fulcio = "1.3.6.1.4.1.57264.1"
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self._root().subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(START)
            .not_valid_after(START + dt.timedelta(minutes=10))
            .add_extension(x509.KeyUsage(True, *[False] * 8), critical=True)  # noqa: FBT003 - digital signature, and nothing else
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.authority.public_key()), critical=False
            )
            .add_extension(x509.SubjectAlternativeName([name]), critical=True)
            .add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier(f"{fulcio}.1"), der), critical=False)
            .add_extension(
                x509.UnrecognizedExtension(x509.ObjectIdentifier(f"{fulcio}.8"), b"\x0c" + bytes([len(der)]) + der),
                critical=False,
            )
        )

    def _root(self) -> x509.Certificate:
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "example"),
                x509.NameAttribute(NameOID.COMMON_NAME, "authority"),
            ]
        )
        public = self.authority.public_key()
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)  # noqa: FBT003 - signs certificates
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(public)
            .serial_number(1)
            .not_valid_before(START - dt.timedelta(days=300))
            .not_valid_after(START + dt.timedelta(days=3650))
            .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .sign(self.authority, hashes.SHA256())
        )
