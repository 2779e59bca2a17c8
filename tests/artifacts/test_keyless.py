"""Keyless signatures, verified offline by sigstore-python under a pinned root: who signed, vouched for by whom, and when."""

from __future__ import annotations

import base64
import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.artifact.model import Verdict, VerdictStatus
from reconciler.artifact.signatures import keyless
from reconciler.errors import UnavailableError
from reconciler.fleet.signature_rules import SignatureRule, SignerIdentity
from tests.artifacts import signer
from tests.artifacts.conftest import verify
from tests.artifacts.sigstore_instance import GITHUB, RELEASE, START, Sigstore, dsse_body, hashed_body
from tests.artifacts.storage import Repository
from tests.artifacts.timestamp_authority import TimestampAuthority

pytest.importorskip("sigstore", reason="the keyless extra is not installed")

pytestmark = pytest.mark.usefixtures("known")


@pytest.fixture(scope="module")
def sigstore() -> Sigstore:
    return Sigstore()


def rule(sigstore: Sigstore, *, subject: str = RELEASE, issuer: str = GITHUB, **more: Any) -> SignatureRule:
    identity = SignerIdentity(issuer=issuer, subject=subject)
    return SignatureRule(**{"match": "**", "identities": (identity,), "trust_root": sigstore.trusted_root(), **more})


def code(verdict: Verdict) -> str:
    assert verdict.status is VerdictStatus.REFUSED, verdict
    assert verdict.hint
    assert not verdict.signers
    return verdict.code


async def test_a_named_identity_counts(repository: Repository, digest: str, sigstore: Sigstore, tmp_path: Path) -> None:
    sigstore.keyless(repository, digest)
    verdict = await verify(repository, digest, tmp_path, rule(sigstore))
    assert verdict.status is VerdictStatus.VERIFIED, verdict.message
    assert verdict.signers == (f"{RELEASE} ({GITHUB})",)


async def test_an_address_signs_too(repository: Repository, digest: str, sigstore: Sigstore, tmp_path: Path) -> None:
    sigstore.keyless(repository, digest, subject="release@acme.example", issuer="https://accounts.example")
    wanted = rule(sigstore, subject="release@acme.example", issuer="https://accounts.example")
    assert (await verify(repository, digest, tmp_path, wanted)).status is VerdictStatus.VERIFIED


async def test_a_pattern_covers_whole_subjects_only(
    repository: Repository, digest: str, sigstore: Sigstore, tmp_path: Path
) -> None:
    sigstore.keyless(repository, digest, subject=f"https://evil.example/{RELEASE}")
    pattern = SignerIdentity(issuer=GITHUB, subject_pattern="https://github.com/acme/*/.github/workflows/*@refs/tags/*")
    wanted = rule(sigstore, identities=(pattern,))
    assert code(await verify(repository, digest, tmp_path / "1", wanted)) == "artifact.signature-identity"
    sigstore.keyless(repository, digest)
    assert (await verify(repository, digest, tmp_path / "2", wanted)).status is VerdictStatus.VERIFIED


@pytest.mark.parametrize(
    "signed",
    [
        {"issuer": "https://evil.example"},
        {"issuer": f"{GITHUB}/"},
        {"subject": RELEASE.replace("acme", "evil")},
        {"subject": f"{RELEASE}0"},
    ],
)
async def test_another_issuer_or_subject_does_not_count_and_is_told(
    repository: Repository, digest: str, sigstore: Sigstore, tmp_path: Path, signed: dict[str, str]
) -> None:
    sigstore.keyless(repository, digest, **signed)
    verdict = await verify(repository, digest, tmp_path, rule(sigstore))
    assert code(verdict) == "artifact.signature-identity"
    assert next(iter(signed.values())) in verdict.message


@pytest.mark.parametrize("minutes", [-1, 11, 60 * 24 * 30])
async def test_a_signature_logged_outside_its_certificates_life_is_expired(
    repository: Repository, digest: str, sigstore: Sigstore, tmp_path: Path, minutes: int
) -> None:
    sigstore.keyless(repository, digest, logged=dt.timedelta(minutes=minutes))
    assert code(await verify(repository, digest, tmp_path, rule(sigstore))) == "artifact.signature-expired"


@pytest.mark.parametrize(
    "changes",
    [
        {"integratedTime": str(int(START.timestamp()) + 120)},
        {"inclusionPromise": {"signedEntryTimestamp": "AAAA"}},
        {"inclusionPromise": None},
        {"inclusionProof": None},
        {"canonicalizedBody": base64.b64encode(b'{"apiVersion":"0.0.1","kind":"dsse","spec":{}}').decode()},
        {"logId": {"keyId": base64.b64encode(b"another log").decode()}},
        {"logIndex": "7"},
    ],
    ids=["time", "promise", "no promise", "no proof", "body", "log", "index"],
)
async def test_a_log_entry_that_does_not_hold_makes_the_signature_count_for_nothing(
    repository: Repository, digest: str, sigstore: Sigstore, tmp_path: Path, changes: dict[str, Any]
) -> None:
    sigstore.keyless(repository, digest, changes=changes)
    assert code(await verify(repository, digest, tmp_path, rule(sigstore))) in {
        "artifact.signature-log",
        "artifact.signature-invalid",
    }


async def test_a_timestamp_from_within_the_certificates_life_does_where_the_log_promises_no_time(
    repository: Repository, digest: str, sigstore: Sigstore, tmp_path: Path
) -> None:
    sigstore.keyless(repository, digest, stamped=dt.timedelta(minutes=9))
    wanted = rule(sigstore, trust_root=sigstore.trusted_root(timestamps=True))
    verdict = await verify(repository, digest, tmp_path, wanted)
    assert verdict.status is VerdictStatus.VERIFIED, verdict.message


@pytest.mark.parametrize("minutes", [-1, 11])
async def test_a_timestamp_from_outside_the_certificates_life_makes_it_expired(
    repository: Repository, digest: str, sigstore: Sigstore, tmp_path: Path, minutes: int
) -> None:
    sigstore.keyless(repository, digest, stamped=dt.timedelta(minutes=minutes))
    wanted = rule(sigstore, trust_root=sigstore.trusted_root(timestamps=True))
    assert code(await verify(repository, digest, tmp_path, wanted)) == "artifact.signature-expired"


@pytest.mark.parametrize(
    ("made", "named"),
    [({"stamper": TimestampAuthority()}, True), ({"stamps": b"another signature"}, True), ({}, False)],
    ids=["by another authority", "of another signature", "by an authority that the root does not name"],
)
async def test_a_timestamp_that_proves_nothing_does_not_count(
    repository: Repository, digest: str, sigstore: Sigstore, tmp_path: Path, made: dict[str, Any], named: bool
) -> None:
    sigstore.keyless(repository, digest, stamped=dt.timedelta(minutes=1), **made)
    wanted = rule(sigstore, trust_root=sigstore.trusted_root(timestamps=named))
    assert code(await verify(repository, digest, tmp_path, wanted)) == "artifact.signature-log"


async def test_a_certificate_that_no_log_has_seen_does_not_count(
    repository: Repository, digest: str, sigstore: Sigstore, tmp_path: Path
) -> None:
    sigstore.keyless(repository, digest, sct=False)
    assert code(await verify(repository, digest, tmp_path, rule(sigstore))) == "artifact.signature-log"


async def test_another_instances_signatures_do_not_count(
    repository: Repository, digest: str, sigstore: Sigstore, tmp_path: Path
) -> None:
    Sigstore().keyless(repository, digest)
    assert code(await verify(repository, digest, tmp_path, rule(sigstore))) in {
        "artifact.signature-invalid",
        "artifact.signature-log",
    }


async def test_without_a_root_the_public_instances_counts_and_ours_does_not(
    repository: Repository, digest: str, sigstore: Sigstore, tmp_path: Path
) -> None:
    sigstore.keyless(repository, digest)
    verdict = await verify(repository, digest, tmp_path, rule(sigstore, trust_root=""))
    assert code(verdict) in {"artifact.signature-invalid", "artifact.signature-log"}


async def test_a_statement_about_another_artifact_does_not_count(
    repository: Repository, digest: str, sigstore: Sigstore, tmp_path: Path
) -> None:
    sigstore.keyless(repository, digest, said=signer.statement("sha256:" + "6" * 64))
    assert code(await verify(repository, digest, tmp_path, rule(sigstore))) == "artifact.signature-digest"


async def test_a_keyless_signature_does_not_count_as_one_by_a_key_nor_the_other_way_round(
    repository: Repository, digest: str, sigstore: Sigstore, tmp_path: Path
) -> None:
    key = signer.Key("release")
    sigstore.keyless(repository, digest)
    assert code(await verify(repository, digest, tmp_path / "1", signer.rule(key))) == "artifact.signature-key"
    for name in [name for name in repository.manifests if name != digest]:
        del repository.manifests[name]
    signer.bundle(repository, digest, key)
    assert code(await verify(repository, digest, tmp_path / "2", rule(sigstore))) == "artifact.signature-key"


async def test_a_key_and_an_identity_are_two_signers_and_one_workflow_is_one(
    repository: Repository, digest: str, sigstore: Sigstore, tmp_path: Path
) -> None:
    key = signer.Key("release")
    sigstore.keyless(repository, digest)
    sigstore.keyless(repository, digest)
    two = rule(sigstore, keys=(key.listed,), require=2)
    assert code(await verify(repository, digest, tmp_path / "1", two)) == "artifact.signature-too-few"
    signer.bundle(repository, digest, key)
    verdict = await verify(repository, digest, tmp_path / "2", two)
    assert verdict.status is VerdictStatus.VERIFIED, verdict.message
    assert len(verdict.signers) == 2


async def test_one_pattern_counts_once_however_many_it_covers(
    repository: Repository, digest: str, sigstore: Sigstore, tmp_path: Path
) -> None:
    sigstore.keyless(repository, digest)
    sigstore.keyless(repository, digest, subject=RELEASE.replace("v1", "v2"))
    pattern = SignerIdentity(issuer=GITHUB, subject_pattern=RELEASE.replace("v1", "*"))
    exact = SignerIdentity(issuer=GITHUB, subject=RELEASE)
    other = SignerIdentity(issuer=GITHUB, subject="https://github.com/acme/other")
    wanted = rule(sigstore, identities=(pattern, other), require=2)
    assert code(await verify(repository, digest, tmp_path / "1", wanted)) == "artifact.signature-too-few"
    wanted = rule(sigstore, identities=(pattern, exact), require=2)
    assert (await verify(repository, digest, tmp_path / "2", wanted)).status is VerdictStatus.VERIFIED


@pytest.mark.parametrize("root", ["{}", "not JSON", '{"mediaType": "x"}'])
async def test_a_root_that_can_not_be_used_is_the_rules_fault(
    repository: Repository, digest: str, sigstore: Sigstore, tmp_path: Path, root: str
) -> None:
    sigstore.keyless(repository, digest)
    assert (
        code(await verify(repository, digest, tmp_path, rule(sigstore, trust_root=root))) == "artifact.signature-policy"
    )


async def test_without_the_extra_it_is_incomplete_and_says_what_to_install(
    repository: Repository, digest: str, sigstore: Sigstore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def missing(_: dict[str, Any]) -> dict[str, str]:
        return {"error": "missing"}

    monkeypatch.setattr(keyless, "_run", missing)
    sigstore.keyless(repository, digest)
    verdict = await verify(repository, digest, tmp_path / "1", rule(sigstore))
    assert verdict.status is VerdictStatus.INCOMPLETE
    assert "spinfleet[keyless]" in verdict.hint
    key = signer.Key("release")
    signer.bundle(repository, digest, key)
    both = rule(sigstore, keys=(key.listed,))
    assert (await verify(repository, digest, tmp_path / "2", both)).status is VerdictStatus.VERIFIED


async def test_a_child_that_is_ended_gives_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyless, "_MEMORY", 30 * 1024 * 1024)
    with pytest.raises(UnavailableError):
        await keyless.verify_keyless([("a", b"{}")], digest="sha256:" + "0" * 64, trust_root="")


def logged_bundle(sigstore: Sigstore, repository: Repository, digest: str, key: signer.Key, **changes: Any) -> None:
    envelope = signer.envelope(key, signer.statement(digest))
    entry = sigstore.entries.entry(dsse_body(envelope, key.pem.encode()), START, **changes)
    signer.bundle(repository, digest, key, entries=[entry], dsseEnvelope=envelope)


async def test_where_a_log_is_required_a_keys_signature_needs_its_entry(
    repository: Repository, digest: str, sigstore: Sigstore, tmp_path: Path
) -> None:
    key = signer.Key("release")
    wanted = signer.rule(key, log_required=True, trust_root=sigstore.trusted_root())
    signer.bundle(repository, digest, key)
    signer.legacy(repository, digest, key)
    assert code(await verify(repository, digest, tmp_path / "1", wanted)) == "artifact.signature-log"
    logged_bundle(sigstore, repository, digest, key)
    assert (await verify(repository, digest, tmp_path / "2", wanted)).status is VerdictStatus.VERIFIED


async def test_an_entry_in_legacy_storage_counts_too(
    repository: Repository, digest: str, sigstore: Sigstore, tmp_path: Path
) -> None:
    key = signer.Key("release")
    data = signer.payload(digest)
    signature = key.sign(data)
    bundle = sigstore.entries.annotation(hashed_body(data, signature, key.pem), START)
    annotations = {"dev.cosignproject.cosign/signature": signer.b64(signature), "dev.sigstore.cosign/bundle": bundle}
    signer.legacy(repository, digest, key, annotations=annotations)
    wanted = signer.rule(key, log_required=True, trust_root=sigstore.trusted_root())
    assert (await verify(repository, digest, tmp_path / "1", wanted)).status is VerdictStatus.VERIFIED
    other = signer.rule(key, log_required=True, trust_root=Sigstore().trusted_root())
    assert code(await verify(repository, digest, tmp_path / "2", other)) == "artifact.signature-log"


@pytest.mark.parametrize(
    "changes",
    [
        {"inclusionPromise": {"signedEntryTimestamp": "AAAA"}},
        {"inclusionPromise": None, "inclusionProof": None},
        {"integratedTime": "7"},
        {"integratedTime": None},
        {"logIndex": "2"},
        {"canonicalizedBody": base64.b64encode(b'{"kind":"intoto","apiVersion":"0.0.2","spec":{}}').decode()},
    ],
    ids=["promise", "neither", "time", "no time", "index", "kind"],
)
async def test_a_keys_entry_that_does_not_hold_does_not_count(
    repository: Repository, digest: str, sigstore: Sigstore, tmp_path: Path, changes: dict[str, Any]
) -> None:
    key = signer.Key("release")
    logged_bundle(sigstore, repository, digest, key, **changes)
    wanted = signer.rule(key, log_required=True, trust_root=sigstore.trusted_root())
    assert code(await verify(repository, digest, tmp_path, wanted)) == "artifact.signature-log"


async def test_an_entry_of_another_signature_does_not_count(
    repository: Repository, digest: str, sigstore: Sigstore, tmp_path: Path
) -> None:
    key, other = signer.Key("release"), signer.Key("other")
    envelope = signer.envelope(other, signer.statement(digest))
    entry = sigstore.entries.entry(dsse_body(envelope, other.pem.encode()), START)
    signer.bundle(repository, digest, key, entries=[entry])
    wanted = signer.rule(key, log_required=True, trust_root=sigstore.trusted_root())
    assert code(await verify(repository, digest, tmp_path, wanted)) == "artifact.signature-log"


def test_sigstore_python_takes_our_entries_for_a_logs_own(sigstore: Sigstore) -> None:
    """What log_entry.py takes, the reference takes too; and neither takes it with a byte changed."""
    from sigstore._internal.trust import KeyringPurpose
    from sigstore.errors import VerificationError
    from sigstore.models import TransparencyLogEntry, TrustedRoot
    from sigstore_models.rekor.v1 import TransparencyLogEntry as Inner
    from sigstore_models.trustroot.v1 import TrustedRoot as Root

    from reconciler.artifact.signatures.log_entry import entry_of_bundle, verify_entry
    from reconciler.errors import ArtifactError
    from reconciler.public_keys import load_public_key

    key = signer.Key("release")
    envelope = signer.envelope(key, signer.statement("sha256:" + "0" * 64))
    message = signer.pae(signer.IN_TOTO, base64.b64decode(envelope["payload"]))
    signature = base64.b64decode(envelope["signatures"][0]["sig"])
    entry = sigstore.entries.entry(dsse_body(envelope, key.pem.encode()), START)
    keyring = TrustedRoot(Root.from_json(sigstore.trusted_root())).rekor_keyring(KeyringPurpose.VERIFY)

    def theirs(value: dict[str, Any]) -> bool:
        try:
            TransparencyLogEntry(Inner.from_json(json.dumps(value)))._verify(keyring)
        except VerificationError:
            return False
        return True

    def ours(value: dict[str, Any]) -> bool:
        try:
            verify_entry(
                entry_of_bundle(value, "it"),
                sigstore.trusted_root(),
                load_public_key(key.pem),
                signature,
                message,
                "it",
            )
        except ArtifactError:
            return False
        return True

    assert ours(entry)
    assert theirs(entry)
    proof = entry["inclusionProof"]
    for changed in (
        {"inclusionProof": {**proof, "hashes": []}},
        {"inclusionProof": {**proof, "logIndex": "0"}},
        {"inclusionProof": {**proof, "treeSize": "3"}},
        {"inclusionProof": {**proof, "rootHash": signer.b64(b"1" * 32)}},
        {"inclusionProof": {**proof, "checkpoint": {"envelope": proof["checkpoint"]["envelope"].replace("log.example - 1", "log.example - 2")}}},
        {"integratedTime": "1"},
    ):  # fmt: skip
        assert not ours({**entry, **changed}), changed
        assert not theirs({**entry, **changed}) or "treeSize" in str(changed), changed
