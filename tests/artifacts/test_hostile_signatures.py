"""Signatures that must not count, and what must not keep good ones from counting: each row of the hazards of signatures."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.artifact.access import RegistryAccess
from reconciler.artifact.model import Expected, Verdict, VerdictStatus
from reconciler.artifact.verify import SIGNED_FOR, Verifier
from reconciler.fleet.signature_rules import SignatureRule
from tests.artifacts import signer
from tests.artifacts.conftest import verify
from tests.artifacts.storage import INDEX, MANIFEST, Repository, digest_of

pytestmark = pytest.mark.usefixtures("known")


@pytest.fixture(scope="module")
def key() -> signer.Key:
    return signer.Key("release")


@pytest.fixture(scope="module")
def other() -> signer.Key:
    return signer.Key("other")


def refused(verdict: Verdict, code: str) -> bool:
    assert verdict.message
    assert verdict.hint
    assert not verdict.signers
    assert verdict.again
    return (verdict.status, verdict.code) == (VerdictStatus.REFUSED, code)


def verified(verdict: Verdict) -> bool:
    assert verdict.status is VerdictStatus.VERIFIED, verdict.message
    return True


Sign = Callable[..., Any]
both = pytest.mark.parametrize("sign", [signer.legacy, signer.bundle], ids=["legacy", "bundle"])


async def test_an_artifact_without_any_is_refused(
    repository: Repository, digest: str, key: signer.Key, tmp_path: Path
) -> None:
    assert refused(await verify(repository, digest, tmp_path, signer.rule(key)), "artifact.signature-missing")


@both
async def test_one_that_was_stripped_is_missed_though_it_was_there(
    repository: Repository, digest: str, key: signer.Key, tmp_path: Path, sign: Sign
) -> None:
    sign(repository, digest, key)
    assert verified(await verify(repository, digest, tmp_path / "1", signer.rule(key)))
    for name in [name for name in repository.manifests if not name.startswith("sha256:")]:
        del repository.manifests[name]
    assert refused(await verify(repository, digest, tmp_path / "2", signer.rule(key)), "artifact.signature-missing")


@both
async def test_one_by_a_key_that_the_rule_does_not_list_does_not_count(
    repository: Repository, digest: str, key: signer.Key, other: signer.Key, tmp_path: Path, sign: Sign
) -> None:
    sign(repository, digest, other)
    assert refused(await verify(repository, digest, tmp_path, signer.rule(key)), "artifact.signature-key")


@both
async def test_one_of_another_digest_does_not_count(
    repository: Repository, digest: str, key: signer.Key, tmp_path: Path, sign: Sign
) -> None:
    another = "sha256:" + "1" * 64
    sign(repository, digest, key, said=signer.payload(another) if sign is signer.legacy else signer.statement(another))
    assert refused(await verify(repository, digest, tmp_path, signer.rule(key)), "artifact.signature-digest")


async def test_a_payload_of_another_artifact_of_another_repository_does_not_count(
    repository: Repository, digest: str, key: signer.Key, tmp_path: Path
) -> None:
    replayed = signer.payload("sha256:" + "2" * 64, reference="registry.example/acme/other")
    signer.legacy(repository, digest, key, said=replayed)
    assert refused(await verify(repository, digest, tmp_path, signer.rule(key)), "artifact.signature-digest")


async def test_a_payload_is_of_its_digest_wherever_it_was_signed_as_mirrors_need_it(
    repository: Repository, digest: str, key: signer.Key, tmp_path: Path
) -> None:
    signer.legacy(repository, digest, key, said=signer.payload(digest, reference="another.example/name"))
    assert verified(await verify(repository, digest, tmp_path, signer.rule(key)))


async def test_a_right_payload_under_a_wrong_signature_does_not_count(
    repository: Repository, digest: str, key: signer.Key, tmp_path: Path
) -> None:
    wrong = {"dev.cosignproject.cosign/signature": signer.b64(key.sign(b"something else"))}
    signer.legacy(repository, digest, key, annotations=wrong)
    assert refused(await verify(repository, digest, tmp_path, signer.rule(key)), "artifact.signature-key")


@pytest.mark.parametrize(
    "damage",
    [
        lambda digest: {"said": signer.payload(digest, kind="something signed")},
        lambda digest: {"said": signer.payload(digest)[:-1] + b', "critical": {}}'},
        lambda _: {"said": b"[]"},
        lambda _: {"said": b"not JSON"},
        lambda _: {"said": b"[" * 50_000},
        lambda _: {"said": b'{"critical": []}'},
        lambda _: {"media_type": "application/vnd.oci.image.layer.v1.tar"},
        lambda _: {"media_type": signer.DSSE},
        lambda _: {"annotations": {"dev.cosignproject.cosign/signature": "not base64!"}},
        lambda _: {"annotations": {"dev.cosignproject.cosign/signature": ""}},
        lambda _: {"annotations": {"huge": "a" * 100_000}},
        lambda _: {"annotations": {"dev.sigstore.cosign/bundle": "{}"}},
        lambda digest: {"said": signer.payload(digest) + b" " * 70_000},
    ],
    ids=["type", "duplicate key", "list", "no JSON", "nested", "no image", "media type", "envelope's type", "base64",
         "no signature", "huge annotation", "log entry", "large"],
)  # fmt: skip
async def test_a_layer_that_is_not_as_it_must_be_does_not_count_and_hides_no_other(
    repository: Repository, digest: str, key: signer.Key, tmp_path: Path, damage: Callable[[str], dict[str, Any]]
) -> None:
    signer.legacy(repository, digest, key, **damage(digest))
    verdict = await verify(repository, digest, tmp_path / "1", signer.rule(key))
    assert verdict.code in {"artifact.signature-invalid", "artifact.signature-log"}
    signer.legacy(repository, digest, key)
    assert verified(await verify(repository, digest, tmp_path / "2", signer.rule(key)))


def bent_bundle(digest: str, key: signer.Key, **changes: Any) -> bytes:
    envelope = signer.envelope(key, signer.statement(digest))
    value = {
        "mediaType": signer.BUNDLE,
        "verificationMaterial": {"publicKey": {"hint": ""}},
        "dsseEnvelope": envelope | changes.pop("envelope", {}),
        **changes,
    }
    return json.dumps({name: each for name, each in value.items() if each is not None}).encode()


@pytest.mark.parametrize(
    "content",
    [
        lambda d, k: bent_bundle(d, k, mediaType="application/vnd.dev.sigstore.bundle+json;version=0.1"),
        lambda d, k: bent_bundle(d, k, verificationMaterial={}),
        lambda d, k: bent_bundle(d, k, verificationMaterial={"publicKey": {}, "certificate": {}}),
        lambda d, k: bent_bundle(d, k, dsseEnvelope=None),
        lambda d, k: bent_bundle(d, k, messageSignature={}),
        lambda d, k: bent_bundle(d, k, envelope={"payloadType": "text/plain"}),
        lambda d, k: bent_bundle(d, k, envelope={"signatures": []}),
        lambda d, k: bent_bundle(d, k, envelope={"signatures": [{"sig": "AA=="}] * 100}),
        lambda d, k: bent_bundle(d, k, envelope={"payload": "!"}),
        lambda d, k: bent_bundle(d, k)[:-1] + b', "mediaType": "x"}',
        lambda d, k: bent_bundle(d, k, envelope=signer.envelope(k, b"{}")),
        lambda d, k: bent_bundle(d, k, envelope=signer.envelope(k, signer.statement(d).replace(b"Statement/v1", b"S/v9"))),
        lambda d, k: bent_bundle(d, k, envelope=signer.envelope(k, json.dumps({"_type": "https://in-toto.io/Statement/v1", "subject": []}).encode())),
        lambda d, k: bent_bundle(d, k, envelope=signer.envelope(k, signer.statement(d, subjects=[d] * 5000))),
        lambda d, k: bent_bundle(d, k)[:40],
        lambda d, k: bent_bundle(d, k, verificationMaterial={"publicKey": {}, "tlogEntries": "none"}),
        lambda d, k: bent_bundle(d, k, verificationMaterial={"publicKey": {}, "tlogEntries": [{}] * 50}),
        lambda d, k: bent_bundle(d, k, dsseEnvelope=None, messageSignature={"signature": "AAAA", "messageDigest": {"algorithm": "SHA2_512", "digest": "AAAA"}}),
        lambda d, k: bent_bundle(d, k, envelope=signer.envelope(k, signer.statement(d).replace(b'"predicateType"', b'"type"'))),
    ],
)  # fmt: skip
async def test_a_bundle_that_is_not_as_it_must_be_does_not_count_and_hides_no_other(
    repository: Repository, digest: str, key: signer.Key, tmp_path: Path, content: Callable[[str, signer.Key], bytes]
) -> None:
    signer.refer(repository, digest, content(digest, key))
    assert refused(await verify(repository, digest, tmp_path / "1", signer.rule(key)), "artifact.signature-invalid")
    signer.bundle(repository, digest, key)
    assert verified(await verify(repository, digest, tmp_path / "2", signer.rule(key)))


async def test_a_payload_that_was_exchanged_in_its_envelope_does_not_count(
    repository: Repository, digest: str, key: signer.Key, tmp_path: Path
) -> None:
    """The signature of another artifact's statement, around a statement about this one."""
    signed = signer.envelope(key, signer.statement("sha256:" + "3" * 64))
    forged = {**signed, "payload": signer.b64(signer.statement(digest))}
    signer.refer(repository, digest, bent_bundle(digest, key, dsseEnvelope=forged))
    assert refused(await verify(repository, digest, tmp_path, signer.rule(key)), "artifact.signature-key")


async def test_a_payload_signed_without_its_type_does_not_count(
    repository: Repository, digest: str, key: signer.Key, tmp_path: Path
) -> None:
    data = signer.statement(digest)
    envelope = {
        "payload": signer.b64(data),
        "payloadType": signer.IN_TOTO,
        "signatures": [{"sig": signer.b64(key.sign(data))}],
    }
    signer.refer(repository, digest, bent_bundle(digest, key, dsseEnvelope=envelope))
    assert refused(await verify(repository, digest, tmp_path, signer.rule(key)), "artifact.signature-key")


@pytest.mark.parametrize("change", [{"subject": "sha256:" + "4" * 64}, {"layer": "text/plain"}])
async def test_a_referrer_of_something_else_or_with_another_layer_does_not_count(
    repository: Repository, digest: str, key: signer.Key, tmp_path: Path, change: dict[str, str]
) -> None:
    signer.refer(repository, digest, bent_bundle(digest, key), **change)
    assert refused(await verify(repository, digest, tmp_path, signer.rule(key)), "artifact.signature-invalid")


async def test_referrers_of_other_kinds_are_passed_over(
    repository: Repository, digest: str, key: signer.Key, tmp_path: Path
) -> None:
    for number in range(30):
        signer.refer(repository, digest, b"sbom %d" % number, kind="application/spdx+json")
    assert refused(await verify(repository, digest, tmp_path / "1", signer.rule(key)), "artifact.signature-missing")
    signer.bundle(repository, digest, key)
    assert verified(await verify(repository, digest, tmp_path / "2", signer.rule(key)))


async def test_an_index_or_a_tag_that_is_no_such_thing_hides_nothing(
    repository: Repository, digest: str, key: signer.Key, tmp_path: Path
) -> None:
    repository.put_manifest(b'{"layers": 7}', f"{digest.replace(':', '-')}.sig")
    signer.bundle(repository, digest, key)
    assert verified(await verify(repository, digest, tmp_path / "1", signer.rule(key)))
    repository.put_manifest(b"not JSON", digest.replace(":", "-"))
    assert refused(await verify(repository, digest, tmp_path / "2", signer.rule(key)), "artifact.signature-invalid")
    signer_tag = f"{digest.replace(':', '-')}.sig"
    del repository.manifests[signer_tag]
    signer.legacy(repository, digest, key)
    assert verified(await verify(repository, digest, tmp_path / "3", signer.rule(key)))


async def test_a_page_in_place_of_the_list_of_referrers_is_passed_over_for_the_tag(
    repository: Repository, digest: str, key: signer.Key, tmp_path: Path
) -> None:
    repository.referrers, repository.index_type = True, "text/html"
    signer.bundle(repository, digest, key)
    assert verified(await verify(repository, digest, tmp_path, signer.rule(key)))


async def test_a_referrer_with_other_bytes_than_its_digest_does_not_count(
    repository: Repository, digest: str, key: signer.Key, other: signer.Key, tmp_path: Path
) -> None:
    bundle = signer.bundle(repository, digest, key)
    theirs = signer.bundle(repository, digest, other)
    repository.manifests[theirs] = repository.manifests[bundle]
    assert refused(await verify(repository, digest, tmp_path / "1", signer.rule(other)), "artifact.signature-key")
    assert verified(await verify(repository, digest, tmp_path / "2", signer.rule(key)))


async def test_a_tag_with_layers_that_are_none_hides_nothing(
    repository: Repository, digest: str, key: signer.Key, tmp_path: Path
) -> None:
    signer.bundle(repository, digest, key)
    repository.put_manifest({"schemaVersion": 2, "layers": [7]}, f"{digest.replace(':', '-')}.sig")
    assert verified(await verify(repository, digest, tmp_path, signer.rule(key)))


async def test_a_statement_of_another_kind_is_no_signature(
    repository: Repository, digest: str, key: signer.Key, tmp_path: Path
) -> None:
    """cosign takes any bundle as a signature; who scans an artifact has not released it."""
    signer.bundle(repository, digest, key, predicate=signer.PROVENANCE)
    rule = signer.rule(key, attestations=(signer.PROVENANCE,))
    assert refused(await verify(repository, digest, tmp_path, rule), "artifact.signature-missing")


async def test_a_label_that_calls_another_statement_a_signature_does_not_make_it_one(
    repository: Repository, digest: str, key: signer.Key, tmp_path: Path
) -> None:
    content = bent_bundle(digest, key, dsseEnvelope=signer.envelope(key, signer.statement(digest, signer.PROVENANCE)))
    signer.refer(repository, digest, content)
    assert refused(await verify(repository, digest, tmp_path, signer.rule(key)), "artifact.signature-missing")


def attest(
    repository: Repository, digest: str, by: signer.Key, about: str = "", predicate: str = signer.PROVENANCE
) -> None:
    """Attest something of a digest, beside the artifact's own."""
    envelope = signer.envelope(by, signer.statement(about or digest, predicate))
    signer.bundle(repository, digest, by, predicate=predicate, dsseEnvelope=envelope)


async def test_an_attestation_counts_where_a_signer_of_the_rule_made_it_of_this_digest_and_type(
    repository: Repository, digest: str, key: signer.Key, other: signer.Key, tmp_path: Path
) -> None:
    rule = signer.rule(key, attestations=(signer.PROVENANCE,))
    signer.bundle(repository, digest, key)
    attest(repository, digest, other)
    attest(repository, digest, key, about="sha256:" + "7" * 64)
    attest(repository, digest, key, predicate="https://spdx.dev/Document")
    verdict = await verify(repository, digest, tmp_path / "1", rule)
    assert (verdict.status, verdict.code) == (VerdictStatus.REFUSED, "artifact.attestation-missing")
    assert verdict.again
    attest(repository, digest, key)
    assert verified(await verify(repository, digest, tmp_path / "2", rule))


async def test_each_type_that_is_asked_for_must_be_there(
    repository: Repository, digest: str, key: signer.Key, other: signer.Key, tmp_path: Path
) -> None:
    sbom = "https://spdx.dev/Document"
    rule = signer.rule(key, other, attestations=(signer.PROVENANCE, sbom))
    signer.legacy(repository, digest, key)
    signer.legacy_attestation(repository, digest, key)
    assert (await verify(repository, digest, tmp_path / "1", rule)).code == "artifact.attestation-missing"
    attest(repository, digest, other, predicate=sbom)
    assert verified(await verify(repository, digest, tmp_path / "2", rule))


async def test_attestations_count_as_candidates(
    repository: Repository, digest: str, key: signer.Key, tmp_path: Path
) -> None:
    signer.bundle(repository, digest, key)
    for _ in range(20):
        attest(repository, digest, key)
    rule = signer.rule(key, attestations=(signer.PROVENANCE,))
    assert refused(await verify(repository, digest, tmp_path, rule), "artifact.signature-too-many")


async def test_more_than_twenty_candidates_are_an_error_even_with_a_good_one(
    repository: Repository, digest: str, key: signer.Key, other: signer.Key, tmp_path: Path
) -> None:
    signer.legacy(repository, digest, key)
    for _ in range(19):
        signer.legacy(repository, digest, other)
    assert verified(await verify(repository, digest, tmp_path / "1", signer.rule(key)))
    signer.legacy(repository, digest, other)
    assert refused(await verify(repository, digest, tmp_path / "2", signer.rule(key)), "artifact.signature-too-many")


async def test_twenty_one_bundles_are_an_error_over_pages_too(
    repository: Repository, digest: str, key: signer.Key, tmp_path: Path
) -> None:
    repository.referrers, repository.page = True, 5
    for number in range(20):
        signer.refer(repository, digest, b"junk %d" % number)
    signer.bundle(repository, digest, key)
    assert refused(await verify(repository, digest, tmp_path, signer.rule(key)), "artifact.signature-too-many")


async def test_a_list_of_referrers_without_an_end_is_an_error(
    repository: Repository, digest: str, key: signer.Key, tmp_path: Path
) -> None:
    repository.referrers, repository.page = True, 1
    for number in range(12):
        signer.refer(repository, digest, b"sbom %d" % number, kind="application/spdx+json")
    verdict = await verify(repository, digest, tmp_path, signer.rule(key))
    assert (verdict.status, verdict.code) == (VerdictStatus.REFUSED, "artifact.too-many-pages")
    assert verdict.hint


async def test_one_who_signs_twice_counts_once_in_both_storages_together(
    repository: Repository, digest: str, key: signer.Key, other: signer.Key, tmp_path: Path
) -> None:
    signer.legacy(repository, digest, key)
    signer.legacy(repository, digest, key)
    signer.bundle(repository, digest, key)
    rule = signer.rule(key, other, require=2)
    assert refused(await verify(repository, digest, tmp_path / "1", rule), "artifact.signature-too-few")
    signer.bundle(repository, digest, other)
    verdict = await verify(repository, digest, tmp_path / "2", rule)
    assert verified(verdict)
    assert verdict.signers == ("key release", "key other")


async def test_a_key_listed_under_two_names_counts_once(
    repository: Repository, digest: str, key: signer.Key, tmp_path: Path
) -> None:
    signer.legacy(repository, digest, key)
    twice = signer.rule(key, signer.Key("alias", key.private), require=2)
    assert refused(await verify(repository, digest, tmp_path, twice), "artifact.signature-too-few")


async def test_every_rule_must_be_kept_by_itself(
    repository: Repository, digest: str, key: signer.Key, other: signer.Key, tmp_path: Path
) -> None:
    signer.legacy(repository, digest, key)
    fleet, floor = signer.rule(key), signer.rule(other)
    assert refused(await verify(repository, digest, tmp_path / "1", fleet, floor), "artifact.signature-key")
    signer.legacy(repository, digest, other)
    assert verified(await verify(repository, digest, tmp_path / "2", fleet, floor))


async def test_keys_are_rotated_by_listing_both_and_then_the_new_one(
    repository: Repository, digest: str, key: signer.Key, other: signer.Key, tmp_path: Path
) -> None:
    signer.legacy(repository, digest, key)
    assert verified(await verify(repository, digest, tmp_path, signer.rule(key, other)))
    # What was found under one rule says nothing under the next, remembered or not.
    assert refused(await verify(repository, digest, tmp_path, signer.rule(other)), "artifact.signature-key")


@pytest.mark.parametrize("rule", [SignatureRule(match="**"), SignatureRule(match="**", require=0, keys=())])
async def test_a_rule_without_signers_lets_nothing_pass(
    repository: Repository, digest: str, tmp_path: Path, rule: SignatureRule
) -> None:
    assert (await verify(repository, digest, tmp_path, rule)).status is VerdictStatus.REFUSED


async def test_a_rule_with_a_key_that_is_none_can_not_be_kept(
    repository: Repository, digest: str, key: signer.Key, tmp_path: Path
) -> None:
    signer.legacy(repository, digest, key)
    broken = signer.rule(key, signer.Key("broken", key.private))
    object.__setattr__(broken.keys[1], "pem", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")
    assert refused(await verify(repository, digest, tmp_path, broken), "artifact.signature-policy")


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
@pytest.mark.parametrize("part", [".sig", "referrers"])
async def test_what_a_registry_does_not_say_is_incomplete_and_never_a_refusal(
    repository: Repository, digest: str, key: signer.Key, tmp_path: Path, status: int, part: str
) -> None:
    repository.status = {part: status}
    verdict = await verify(repository, digest, tmp_path, signer.rule(key))
    assert verdict.status is VerdictStatus.INCOMPLETE


async def test_a_candidate_that_can_not_be_read_is_missed_only_where_the_rest_does_not_suffice(
    repository: Repository, digest: str, key: signer.Key, other: signer.Key, tmp_path: Path
) -> None:
    signer.legacy(repository, digest, key)
    unread = signer.bundle(repository, digest, other)
    del repository.manifests[unread]
    assert verified(await verify(repository, digest, tmp_path / "1", signer.rule(key, other)))
    verdict = await verify(repository, digest, tmp_path / "2", signer.rule(key, other, require=2))
    assert verdict.status is VerdictStatus.INCOMPLETE


async def test_a_layer_with_other_bytes_than_its_digest_does_not_count(
    repository: Repository, digest: str, key: signer.Key, tmp_path: Path
) -> None:
    signer.legacy(repository, digest, key)
    said = digest_of(signer.payload(digest))
    repository.blobs[said] = repository.blobs[said].replace(b"null", b"[00]")
    verdict = await verify(repository, digest, tmp_path, signer.rule(key))
    assert refused(verdict, "artifact.signature-invalid") or verdict.status is VerdictStatus.INCOMPLETE


@pytest.mark.parametrize("size", [-1, 0, True, 10**19, "7", None])
async def test_a_size_that_lies_is_not_believed(
    repository: Repository, digest: str, key: signer.Key, tmp_path: Path, size: Any
) -> None:
    tag = f"{digest.replace(':', '-')}.sig"
    signer.legacy(repository, digest, key)
    manifest = repository.tagged(tag)
    manifest["layers"][0]["size"] = size
    repository.put_manifest(manifest, tag)
    assert refused(await verify(repository, digest, tmp_path, signer.rule(key)), "artifact.signature-invalid")


async def test_a_digest_that_leads_out_of_the_repository_is_not_asked_for(
    repository: Repository, digest: str, key: signer.Key, tmp_path: Path
) -> None:
    crooked = "sha256:../../../other/blobs/sha256:" + "a" * 40
    listed = {"mediaType": MANIFEST, "digest": crooked, "size": 7, "artifactType": signer.BUNDLE}
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [listed]}
    repository.put_manifest(index, digest.replace(":", "-"))
    assert refused(await verify(repository, digest, tmp_path, signer.rule(key)), "artifact.signature-invalid")
    assert not [path for path in repository.asked if "other" in path]


async def test_a_message_signature_over_the_artifacts_manifest_counts(
    repository: Repository, digest: str, key: signer.Key, other: signer.Key, tmp_path: Path
) -> None:
    def content(said: str, by: signer.Key, message: bytes) -> bytes:
        signature = {
            "messageDigest": {"algorithm": "SHA2_256", "digest": signer.b64(bytes.fromhex(said[7:]))},
            "signature": signer.b64(by.sign(message)),
        }
        return bent_bundle(digest, key, dsseEnvelope=None, messageSignature=signature)

    manifest = repository.manifests[digest]
    signer.refer(repository, digest, content(digest, other, manifest))
    signer.refer(repository, digest, content(digest, key, b"another manifest"))
    assert refused(await verify(repository, digest, tmp_path / "1", signer.rule(key)), "artifact.signature-key")
    signer.refer(repository, digest, content("sha256:" + "5" * 64, key, manifest))
    assert refused(await verify(repository, digest, tmp_path / "2", signer.rule(key)), "artifact.signature-digest")
    signer.refer(repository, digest, content(digest, key, manifest))
    assert verified(await verify(repository, digest, tmp_path / "3", signer.rule(key)))


async def test_who_signed_is_remembered_for_a_day_and_what_is_missing_never(
    repository: Repository, digest: str, key: signer.Key, tmp_path: Path
) -> None:
    now = 1_000_000_000.0
    async with repository.serving() as host:
        access = [RegistryAccess(prefix=host, plain_http=True)]

        async def ask() -> Verdict:
            async with Verifier(registries=access, cache=tmp_path) as verifier:
                verifier.findings.clock = lambda: now
                repository.asked.clear()
                return await verifier.verify(
                    f"{host}/{repository.name}@{digest}", Expected(signatures=(signer.rule(key),))
                )

        assert refused(await ask(), "artifact.signature-missing")
        signer.legacy(repository, digest, key)
        assert verified(await ask())
        assert verified(await ask())
        assert repository.asked == []
        now -= 10  # a clock that was put back makes nothing last longer
        assert verified(await ask())
        assert repository.asked
        now += SIGNED_FOR + 11
        del repository.manifests[f"{digest.replace(':', '-')}.sig"]
        assert refused(await ask(), "artifact.signature-missing")
