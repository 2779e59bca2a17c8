"""An entry of a transparency log counts where the log's promise and proof hold and it is about this signature, and in no other case."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.artifact.signatures.log_entry import entry_of_annotation, entry_of_bundle, verify_entry
from reconciler.errors import ArtifactError
from reconciler.public_keys import load_public_key
from tests.artifacts import signer
from tests.artifacts.signer import b64
from tests.artifacts.sigstore_instance import START, Log, Sigstore, _sign, hashed_body

KEY, OTHER = signer.Key("release"), signer.Key("other")
MESSAGE = b"what was signed"
SIGNATURE = KEY.sign(MESSAGE)
SIGSTORE = Sigstore()
ROOT = SIGSTORE.trusted_root()
Entry = dict[str, Any]


def said(entry: Entry, *, root: str = ROOT, signature: bytes = SIGNATURE, message: bytes = MESSAGE) -> str:
    """Give why an entry does not count, or an empty string."""
    try:
        verify_entry(entry_of_bundle(entry, "here"), root, load_public_key(KEY.pem), signature, message, "here")
    except ArtifactError as error:
        return f"[{error.code}] {error.message}"
    return ""


def body() -> dict[str, Any]:
    return hashed_body(MESSAGE, SIGNATURE, KEY.pem)


def body_of_rekor_2() -> dict[str, Any]:
    record = {
        "data": {"algorithm": "SHA2_256", "digest": b64(hashlib.sha256(MESSAGE).digest())},
        "signature": {
            "content": b64(SIGNATURE),
            "verifier": {"publicKey": {"rawBytes": b64(load_public_key(KEY.pem).der)}},
        },
    }
    return {"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": {"hashedRekordV002": record}}


def unpromised(entry: Entry) -> Entry:
    """Leave the proof alone to speak for the entry, as Rekor's second API does."""
    return {name: value for name, value in entry.items() if name not in {"inclusionPromise", "integratedTime"}}


@pytest.mark.parametrize("made", [body, body_of_rekor_2])
def test_an_entry_counts_by_its_promise_and_by_its_proof(made: Callable[[], dict[str, Any]]) -> None:
    entry = SIGSTORE.entries.entry(made(), START)
    assert said(entry) == ""
    assert said(unpromised(entry)) == ""
    assert said({name: value for name, value in entry.items() if name != "inclusionProof"}) == ""


@pytest.mark.parametrize("made", [body, body_of_rekor_2])
def test_an_entry_of_another_signature_message_or_key_does_not_count(made: Callable[[], dict[str, Any]]) -> None:
    entry = SIGSTORE.entries.entry(made(), START)
    assert "about something else" in said(entry, signature=KEY.sign(MESSAGE))
    assert "about something else" in said(entry, message=b"another")
    theirs = json.loads(json.dumps(made()).replace(b64(KEY.pem.encode()), b64(OTHER.pem.encode())))
    if made is body_of_rekor_2:
        signed = theirs["spec"]["hashedRekordV002"]["signature"]
        signed["verifier"]["publicKey"]["rawBytes"] = b64(load_public_key(OTHER.pem).der)
    assert "about something else" in said(SIGSTORE.entries.entry(theirs, START))


def noted(text: str, log: Log = SIGSTORE.entries) -> dict[str, str]:
    """Give a checkpoint that the log has signed."""
    return {"envelope": f"{text}\n\u2014 log.example {b64(log.id[:4] + _sign(log.key, text.encode()))}\n"}


def proof(**changes: Any) -> Callable[[Entry], Entry]:
    return lambda entry: {**unpromised(entry), "inclusionProof": {**entry["inclusionProof"], **changes}}


def checkpoint(change: Callable[[str], str], log: Log = SIGSTORE.entries) -> Callable[[Entry], Entry]:
    def changed(entry: Entry) -> Entry:
        text = entry["inclusionProof"]["checkpoint"]["envelope"].partition("\n\n")[0] + "\n"
        return proof(checkpoint=noted(change(text), log))(entry)

    return changed


def put(**changes: Any) -> Callable[[Entry], Entry]:
    return lambda entry: {**entry, **changes}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (proof(rootHash=b64(b"0" * 32)), "does not add up"),
        (proof(hashes=[b64(b"0" * 32)]), "does not add up"),
        (proof(hashes=[]), "does not add up"),
        (proof(logIndex="0"), "does not add up"),
        (proof(logIndex="2"), "does not add up"),
        (proof(treeSize="1"), "does not add up"),
        (proof(treeSize="3"), "does not add up"),
        (proof(treeSize="0"), "does not add up"),
        (proof(hashes=[b64(b"0" * 32)] * 65), "malformed"),
        (proof(hashes="none"), "malformed"),
        (proof(checkpoint=None), "malformed"),
        (proof(checkpoint={"envelope": 7}), "malformed"),
        (proof(checkpoint={"envelope": "no note"}), "another size"),
        (proof(treeSize=-1), "a number in its log entry is none"),
        (proof(treeSize=True), "a number in its log entry is none"),
        (proof(rootHash="!"), "base64"),
        (checkpoint(lambda text: text.replace("\n2\n", "\n3\n")), "another size"),
        (checkpoint(lambda text: "\n".join([*text.split("\n")[:2], b64(b"0" * 32), ""])), "another tree"),
        (checkpoint(lambda text: text, Log()), "not signed by the log"),
        (put(inclusionPromise={}, inclusionProof=None), "missing or too long"),
        (put(inclusionPromise=None, inclusionProof=None), "neither a promise nor a proof"),
        (put(integratedTime="1"), "not the log's"),
        (put(integratedTime=None), "not the log's"),
        (put(logIndex="7"), "not the log's"),
        (put(logId={"keyId": b64(b"another")}), "does not name"),
        (put(logId=None), "missing or too long"),
        (put(canonicalizedBody=b64(b"[]")), "not the log's"),
        (lambda _: "no entry", "no JSON object"),
    ],
)  # fmt: skip
def test_what_does_not_hold_does_not_count(change: Callable[[Entry], Any], words: str) -> None:
    why = said(change(SIGSTORE.entries.entry(body(), START)))
    assert why.startswith("[artifact.signature-log]")
    assert words in why


def test_an_entry_that_the_log_has_signed_and_that_is_no_object_does_not_count() -> None:
    entry = SIGSTORE.entries.entry({"kind": "k", "apiVersion": "v"}, START)
    data = b"[1]"
    entry["canonicalizedBody"] = b64(data)
    entry["inclusionPromise"] = {"signedEntryTimestamp": b64(SIGSTORE.entries.promise(data, START))}
    assert "no JSON object" in said({**entry, "inclusionProof": None})


@pytest.mark.parametrize("odd", [{"publicKey": {}}, 7, {"publicKey": {"rawBytes": "AAAA"}, "logId": {"keyId": ""}}])
def test_a_log_of_the_trust_root_that_can_not_be_read_hides_no_other(odd: Any) -> None:
    root = json.loads(ROOT)
    root["tlogs"].insert(0, odd)
    assert said(SIGSTORE.entries.entry(body(), START), root=json.dumps(root)) == ""
    root["tlogs"] = [odd]
    assert "does not name" in said(SIGSTORE.entries.entry(body(), START), root=json.dumps(root))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "no JSON object"),
        ("{}", "no payload"),
        ('{"Payload": {"logID": "xyz"}}', "names no log"),
        ('{"Payload": {"logID": "00", "body": "!"}}', "base64"),
        ('{"Payload": {"logID": "00", "body": "AAAA", "logIndex": "x"}}', "a number in its log entry is none"),
    ],
)
def test_an_entry_in_an_annotation_that_can_not_be_read_is_a_fault(text: str, words: str) -> None:
    with pytest.raises(ArtifactError) as raised:
        entry_of_annotation(text, "here")
    assert raised.value.code == "artifact.signature-log"
    assert words in raised.value.message


def hashed(leaves: list[bytes]) -> bytes:
    """Give the hash of a tree (RFC 6962, section 2.1)."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    cut = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + hashed(leaves[:cut]) + hashed(leaves[cut:])).digest()


def path(at: int, leaves: list[bytes]) -> list[bytes]:
    """Give the audit path of a leaf (RFC 6962, section 2.1.1)."""
    if len(leaves) == 1:
        return []
    cut = 1 << (len(leaves) - 1).bit_length() - 1
    if at < cut:
        return [*path(at, leaves[:cut]), hashed(leaves[cut:])]
    return [*path(at - cut, leaves[cut:]), hashed(leaves[:cut])]


@given(
    st.integers(1, 70).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size - 1), st.integers(0, size)))
)
def test_a_proof_holds_for_the_place_of_its_leaf_in_a_tree_of_any_size_and_for_no_other(
    drawn: tuple[int, int, int],
) -> None:
    size, at, elsewhere = drawn
    data = json.dumps(body(), separators=(",", ":"), sort_keys=True).encode()
    leaves = [data if each == at else b"%d" % each for each in range(size)]
    root = hashed(leaves)
    shown: Mapping[str, Any] = {
        "logIndex": str(at),
        "rootHash": b64(root),
        "treeSize": str(size),
        "hashes": [b64(each) for each in path(at, leaves)],
        "checkpoint": noted(f"log.example - 1\n{size}\n{b64(root)}\n"),
    }
    entry = {"logId": {"keyId": b64(SIGSTORE.entries.id)}, "canonicalizedBody": b64(data), "inclusionProof": shown}
    assert said(entry) == ""
    if elsewhere != at:
        assert "does not add up" in said({**entry, "inclusionProof": {**shown, "logIndex": str(elsewhere)}})
    assert "about something else" in said(entry, message=b"another")
    other = base64.b64encode(data + b" ").decode()
    assert "does not add up" in said({**entry, "canonicalizedBody": other})
