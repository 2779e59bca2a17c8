"""Whatever stands where a signature should be: it is read, or it is an error of the artifact; and signers are counted as a matching."""

from __future__ import annotations

import itertools
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.artifact.signatures.claims import LOG_ANNOTATION, SIGNATURE_ANNOTATION, claim_of
from reconciler.artifact.signatures.log_entry import entry_of_bundle, verify_entry
from reconciler.artifact.signatures.model import Candidate, Signer, Storage
from reconciler.artifact.signatures.signers import distinct
from reconciler.errors import ArtifactError
from reconciler.public_keys import load_public_key
from tests.artifacts import signer

DIGEST = "sha256:" + "a" * 64
KEY = signer.Key("release")
NAMES = [
    "mediaType", "verificationMaterial", "publicKey", "certificate", "tlogEntries", "dsseEnvelope", "messageSignature", "payload",
    "payloadType", "signatures", "sig", "messageDigest", "algorithm", "digest", "signature", "critical", "image", "type", "subject",
    "docker-manifest-digest", "logIndex", "logId", "keyId", "inclusionPromise", "inclusionProof", "hashes", "checkpoint", "envelope",
    "canonicalizedBody", "integratedTime", "signedEntryTimestamp", "treeSize", "rootHash", "Payload", "body", "spec", "kind",
]  # fmt: skip
TEXTS = st.sampled_from(
    [
        signer.BUNDLE,
        signer.IN_TOTO,
        DIGEST,
        "AAAA",
        "SHA2_256",
        "cosign container image signature",
        "",
        "1",
        "\u00b2",
        "-1",
    ]
)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXTS, st.text(max_size=8), st.just("\ud800")
)
VALUES = st.recursive(
    LEAVES,
    lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(st.sampled_from(NAMES), below, max_size=5)),
    max_leaves=20,
)


@given(st.sampled_from(list(Storage)), VALUES, VALUES, st.text(max_size=20))
def test_a_candidate_is_read_or_is_an_error_of_its_own(storage: Storage, value: Any, log: Any, signature: str) -> None:
    annotations = {SIGNATURE_ANNOTATION: signature, LOG_ANNOTATION: json.dumps(log)}
    candidate = Candidate(origin="it", storage=storage, content=json.dumps(value).encode(), annotations=annotations)
    with suppress(ArtifactError):
        claim_of(candidate, DIGEST)


@given(st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8), VALUES, st.binary(max_size=64))
def test_a_log_entry_never_counts_by_accident(value: dict[str, Any], root: Any, signature: bytes) -> None:
    with pytest.raises(ArtifactError):
        verify_entry(
            entry_of_bundle(value, "it"), json.dumps(root), load_public_key(KEY.pem), signature, b"message", "it"
        )


@given(st.binary(max_size=128), st.binary(max_size=64))
def test_no_bytes_are_a_signature(signature: bytes, message: bytes) -> None:
    assert not load_public_key(KEY.pem).verifies(signature, message)
    assert not load_public_key(ED.pem).verifies(signature, message)


ED = signer.Key.of("ed25519")
PAIRS = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("1234")), max_size=8)


@given(PAIRS)
def test_as_many_signers_count_as_can_each_have_an_entry_of_their_own(pairs: list[tuple[str, str]]) -> None:
    found = distinct(Signer(id=who, entry=entry, name=who) for who, entry in pairs)
    assert len({each.id for each in found}) == len({each.entry for each in found}) == len(found)
    assert {(each.id, each.entry) for each in found} <= set(pairs)
    best = max(
        size
        for size in range(len(set(pairs)) + 1)
        for chosen in itertools.combinations(sorted(set(pairs)), size)
        if len({who for who, _ in chosen}) == len({entry for _, entry in chosen}) == size
    )
    assert len(found) == best
