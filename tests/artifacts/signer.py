"""Signs as cosign does, in both of its storage formats; held against cosign itself in test_cosign.py."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import nacl.bindings
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from reconciler.artifact.signatures.claims import SIGNATURE_PREDICATE, pae
from reconciler.fleet.signature_rules import SignatureRule, SigningKey
from tests.artifacts.storage import INDEX, MANIFEST, Repository

SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
DSSE = "application/vnd.dsse.envelope.v1+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
IN_TOTO = "application/vnd.in-toto+json"
PROVENANCE = "https://slsa.dev/provenance/v1"


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@dataclass(frozen=True)
class Key:
    """A key pair under a name. Ed25519 signs pre-hashed, as cosign does; it verifies only what is not."""

    name: str
    private: Any = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    prehashed: bool = True

    @classmethod
    def of(cls, kind: str) -> Key:
        makers = {
            "ecdsa": lambda: ec.generate_private_key(ec.SECP256R1()),
            "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
            "ed25519": ed25519.Ed25519PrivateKey.generate,
            "rsa": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
        }
        return cls(kind, makers[kind]())

    @property
    def pem(self) -> str:
        public = self.private.public_key()
        return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()

    @property
    def listed(self) -> SigningKey:
        return SigningKey(name=self.name, pem=self.pem)

    def sign(self, message: bytes) -> bytes:
        if isinstance(self.private, ed25519.Ed25519PrivateKey):
            return _prehashed(self.private, message) if self.prehashed else self.private.sign(message)
        if isinstance(self.private, rsa.RSAPrivateKey):
            return self.private.sign(message, padding.PKCS1v15(), hashes.SHA256())
        return bytes(self.private.sign(message, ec.ECDSA(hashes.SHA256())))


def _prehashed(private: ed25519.Ed25519PrivateKey, message: bytes) -> bytes:
    state = nacl.bindings.crypto_sign_ed25519ph_state()
    nacl.bindings.crypto_sign_ed25519ph_update(state, message)
    pair = private.private_bytes_raw() + private.public_key().public_bytes_raw()
    return bytes(nacl.bindings.crypto_sign_ed25519ph_final_create(state, pair))


def rule(*keys: Key, **more: Any) -> SignatureRule:
    return SignatureRule(match="**", keys=tuple(key.listed for key in keys), **more)


def payload(
    digest: str, *, reference: str = "registry.example/acme/app", kind: str = "cosign container image signature"
) -> bytes:
    critical = {"identity": {"docker-reference": reference}, "image": {"docker-manifest-digest": digest}, "type": kind}
    return json.dumps({"critical": critical, "optional": None}, separators=(",", ":")).encode()


def legacy(
    repository: Repository, digest: str, key: Key, *, said: bytes | None = None, media_type: str = SIMPLE_SIGNING,
    annotations: Mapping[str, str] | None = None,
) -> None:  # fmt: skip
    """Add a layer to the artifact's .sig tag. `said` is the payload, where another than the right one is signed."""
    data = payload(digest) if said is None else said
    signed = {"dev.cosignproject.cosign/signature": b64(key.sign(data)), **(annotations or {})}
    _add_layer(repository, digest, "sig", repository.put_blob(data, media_type, annotations=signed))


def statement(digest: str, predicate: str = SIGNATURE_PREDICATE, *, subjects: Sequence[str] = ()) -> bytes:
    named = [{"name": "", "digest": {"sha256": each.removeprefix("sha256:")}} for each in (subjects or (digest,))]
    value = {"_type": "https://in-toto.io/Statement/v1", "subject": named, "predicateType": predicate, "predicate": {}}
    return json.dumps(value).encode()


def envelope(key: Key, data: bytes, *, payload_type: str = IN_TOTO) -> dict[str, Any]:
    signatures = [{"sig": b64(key.sign(pae(payload_type, data)))}]
    return {"payload": b64(data), "payloadType": payload_type, "signatures": signatures}


def legacy_attestation(repository: Repository, digest: str, key: Key, predicate: str = PROVENANCE) -> None:
    """Add a layer to the artifact's .att tag."""
    data = json.dumps(envelope(key, statement(digest, predicate))).encode()
    descriptor = repository.put_blob(data, DSSE, annotations={"predicateType": predicate})
    _add_layer(repository, digest, "att", descriptor)


def bundle(
    repository: Repository, digest: str, key: Key, *, predicate: str = SIGNATURE_PREDICATE, said: bytes | None = None,
    entries: Sequence[Mapping[str, Any]] = (), **more: Any,
) -> str:  # fmt: skip
    """Add a bundle that refers to the artifact; gives its manifest's digest."""
    value = {
        "mediaType": BUNDLE,
        "verificationMaterial": {"publicKey": {"hint": ""}, **({"tlogEntries": list(entries)} if entries else {})},
        "dsseEnvelope": envelope(key, statement(digest, predicate) if said is None else said),
        **more,
    }
    return refer(repository, digest, json.dumps(value).encode(), predicate=predicate)


def refer(
    repository: Repository, digest: str, content: bytes, *, predicate: str = SIGNATURE_PREDICATE, subject: str = "",
    layer: str = BUNDLE, kind: str = BUNDLE,
) -> str:  # fmt: skip
    """Add a referrer with one layer, and list it under the fallback tag as clients do where the referrers API is missing."""
    annotations = {"dev.sigstore.bundle.content": "dsse-envelope", "dev.sigstore.bundle.predicateType": predicate}
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": kind,
        "config": repository.put_blob(b"{}", "application/vnd.oci.empty.v1+json"),
        "layers": [repository.put_blob(content, layer)],
        "annotations": annotations,
        "subject": {
            "mediaType": MANIFEST,
            "digest": subject or digest,
            "size": len(repository.manifests.get(digest, b"1")),
        },
    }
    made = repository.put_manifest(manifest)
    tag = digest.replace(":", "-")
    listed = repository.tagged(tag)["manifests"] if tag in repository.manifests else []
    entry = {"mediaType": MANIFEST, "digest": made, "size": len(repository.manifests[made]), "artifactType": kind}
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [*listed, {**entry, "annotations": annotations}]}
    repository.put_manifest(index, tag)
    return made


def _add_layer(repository: Repository, digest: str, suffix: str, descriptor: dict[str, Any]) -> None:
    tag = f"{digest.replace(':', '-')}.{suffix}"
    config = repository.put_blob(b"{}", "application/vnd.oci.image.config.v1+json")
    empty = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []}
    manifest = repository.tagged(tag) if tag in repository.manifests else empty
    repository.put_manifest({**manifest, "layers": [*manifest["layers"], descriptor]}, tag)
