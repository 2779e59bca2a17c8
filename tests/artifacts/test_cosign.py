"""What cosign itself has signed verifies, in both of its storage formats and with each kind of key; and cosign verifies what our
signer makes, where a binary is named in SPINFLEET_COSIGN."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.artifact.access import RegistryAccess
from reconciler.artifact.model import Expected, Verdict, VerdictStatus
from reconciler.artifact.verify import Verifier
from reconciler.fleet.signature_rules import SignatureRule, SignerIdentity, SigningKey
from reconciler.local import publish
from reconciler.manifest import parse
from tests.artifacts import signer
from tests.artifacts.sigstore_instance import GITHUB, RELEASE, START, Sigstore, dsse_body
from tests.artifacts.storage import Repository, recorded

RECORDED = Path(__file__).parent / "cosign" / "keyed.json"
KINDS = ["ecdsa", "p384", "ed25519", "rsa"]


async def verify(host: str, name: str, digest: str, cache: Path, *rules: SignatureRule) -> Verdict:
    access = [RegistryAccess(prefix=host, plain_http=True)]
    async with Verifier(registries=access, cache=cache) as verifier:
        return await verifier.verify(f"{host}/{name}@{digest}", Expected(signatures=rules))


def rule_for(record: dict[str, Any], *names: str, **more: Any) -> SignatureRule:
    keys = tuple(SigningKey(name=name, pem=record["keys"][name]) for name in names)
    return SignatureRule(match="**", keys=keys, **more)


@pytest.mark.parametrize("storage", ["legacy", "bundles", "bundles through the referrers API"])
@pytest.mark.parametrize("kind", KINDS)
async def test_what_cosign_signed_verifies(kind: str, storage: str, tmp_path: Path) -> None:
    repository, record = recorded(RECORDED)
    repository.referrers = "API" in storage
    tag = record["digest"].replace(":", "-")
    del repository.manifests[f"{tag}.sig" if "bundles" in storage else tag]
    async with repository.serving() as host:
        verdict = await verify(host, "acme/app", record["digest"], tmp_path, rule_for(record, kind))
    assert verdict.status is VerdictStatus.VERIFIED, verdict.message
    assert verdict.signers == (f"key {kind}",)


async def test_each_of_cosigns_signers_counts(tmp_path: Path) -> None:
    repository, record = recorded(RECORDED)
    async with repository.serving() as host:
        verdict = await verify(host, "acme/app", record["digest"], tmp_path, rule_for(record, *KINDS, require=4))
    assert verdict.status is VerdictStatus.VERIFIED, verdict.message
    assert len(verdict.signers) == 4


@pytest.mark.parametrize("storage", ["legacy", "bundles"])
async def test_an_attestation_by_cosign_is_found(storage: str, tmp_path: Path) -> None:
    repository, record = recorded(RECORDED)
    tag = record["digest"].replace(":", "-")
    del repository.manifests[f"{tag}.att" if storage == "bundles" else tag]
    rule = rule_for(record, "ecdsa", attestations=(signer.PROVENANCE,))
    async with repository.serving() as host:
        verdict = await verify(host, "acme/app", record["digest"], tmp_path, rule)
        other = rule_for(record, "rsa", attestations=(signer.PROVENANCE,))
        refused = await verify(host, "acme/app", record["digest"], tmp_path / "2", other)
    assert verdict.status is VerdictStatus.VERIFIED, verdict.message
    assert refused.code == "artifact.attestation-missing"


async def test_cosigns_signatures_say_nothing_of_another_key(tmp_path: Path) -> None:
    repository, record = recorded(RECORDED)
    async with repository.serving() as host:
        verdict = await verify(host, "acme/app", record["digest"], tmp_path, signer.rule(signer.Key("other")))
    assert (verdict.status, verdict.code) == (VerdictStatus.REFUSED, "artifact.signature-key")


@pytest.mark.cluster
async def test_the_same_through_a_real_registry(registry: str, tmp_path: Path) -> None:
    repository, record = recorded(RECORDED)
    repository.name = "cosign/recorded"
    repository.push(registry)
    verdict = await verify(registry, repository.name, record["digest"], tmp_path, rule_for(record, *KINDS, require=4))
    assert verdict.status is VerdictStatus.VERIFIED, verdict.message


@pytest.fixture
def cosign(tmp_path: Path) -> Any:
    binary = os.environ.get("SPINFLEET_COSIGN")
    if not binary:
        pytest.skip("SPINFLEET_COSIGN does not name a cosign binary")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {"COSIGN_PASSWORD": "", "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
        return subprocess.run(
            [binary, *arguments], capture_output=True, text=True, env=environment, timeout=120, check=False
        )

    return run


def pushed(registry: str, name: str, component: bytes) -> str:
    manifest = b'spin_manifest_version = 2\n[application]\nname = "a"\n[[trigger.http]]\nroute = "/..."\ncomponent = "m"\n[component.m]\nsource = "m.wasm"\n'
    application = parse(manifest, "spin.toml").application
    assert application is not None
    return publish.push(publish.assemble_application(application, {"m": component}), registry, name)


@pytest.mark.cluster
@pytest.mark.parametrize("storage", ["legacy", "bundle"])
@pytest.mark.parametrize("kind", KINDS)
def test_cosign_verifies_what_our_signer_makes(
    cosign: Any, registry: str, component: bytes, tmp_path: Path, kind: str, storage: str
) -> None:
    key = replace(signer.Key.of(kind), prehashed=False)
    repository = Repository(name=f"ours/{storage}-{kind}")
    digest = pushed(registry, repository.name, component)
    (signer.legacy if storage == "legacy" else signer.bundle)(repository, digest, key)
    repository.push(registry)
    (tmp_path / "key.pub").write_text(key.pem)
    answer = cosign(
        "verify", "--key", str(tmp_path / "key.pub"), "--insecure-ignore-tlog=true", "--offline=true",
        f"--new-bundle-format={str(storage == 'bundle').lower()}", f"{registry}/{repository.name}@{digest}",
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    assert digest in answer.stdout


@pytest.mark.cluster
@pytest.mark.parametrize("kind", KINDS)
async def test_what_cosign_signs_now_verifies(
    cosign: Any, registry: str, component: bytes, tmp_path: Path, kind: str
) -> None:
    from cryptography.hazmat.primitives import serialization as out

    key, name = signer.Key.of(kind), f"theirs/{kind}"
    digest = pushed(registry, name, component)
    pem = key.private.private_bytes(out.Encoding.PEM, out.PrivateFormat.PKCS8, out.NoEncryption())
    (tmp_path / "private.pem").write_bytes(pem)
    imported = cosign(
        "import-key-pair", "--key", str(tmp_path / "private.pem"), "--output-key-prefix", str(tmp_path / "k")
    )
    assert imported.returncode == 0, imported.stderr
    assert cosign("signing-config", "create", "--out", str(tmp_path / "config.json")).returncode == 0
    reference = f"{registry}/{name}@{digest}"
    for more in (
        ("--signing-config", str(tmp_path / "config.json")),
        ("--use-signing-config=false", "--new-bundle-format=false", "--tlog-upload=false"),
    ):
        answer = cosign("sign", "--key", str(tmp_path / "k.key"), "-y", *more, reference)
        assert answer.returncode == 0, answer.stderr
    verdict = await verify(registry, name, digest, tmp_path / "cache", signer.rule(key))
    assert verdict.status is VerdictStatus.VERIFIED, verdict.message


@pytest.mark.cluster
@pytest.mark.parametrize(
    ("signed", "code"),
    [
        ({}, ""),
        ({"issuer": "https://evil.example"}, "artifact.signature-identity"),
        ({"subject": f"{RELEASE}0"}, "artifact.signature-identity"),
        ({"logged": dt.timedelta(minutes=11)}, "artifact.signature-expired"),
        ({"sct": False}, "artifact.signature-log"),
        ({"said": signer.statement("sha256:" + "6" * 64)}, "artifact.signature-digest"),
        ({"changes": {"integratedTime": "1767225720"}}, "artifact.signature-log"),
        ({"stamped": dt.timedelta(minutes=9)}, ""),
        ({"stamped": dt.timedelta(minutes=11)}, "artifact.signature-expired"),
        ({"stamped": dt.timedelta(minutes=1), "stamps": b"another signature"}, "artifact.signature-log"),
    ],
)
async def test_cosign_and_we_agree_on_keyless_signatures(
    cosign: Any, registry: str, component: bytes, tmp_path: Path, signed: dict[str, Any], code: str
) -> None:
    sigstore, repository = (
        Sigstore(),
        Repository(name=f"keyless/{code.removeprefix('artifact.') or 'good'}-{len(str(signed))}"),
    )
    digest = pushed(registry, repository.name, component)
    sigstore.keyless(repository, digest, **signed)
    repository.push(registry)
    root = sigstore.trusted_root(timestamps="stamped" in signed)
    (tmp_path / "root.json").write_text(root)
    theirs = cosign(
        "verify", "--trusted-root", str(tmp_path / "root.json"), "--certificate-identity", RELEASE,
        "--certificate-oidc-issuer", GITHUB, *(("--use-signed-timestamps",) if "stamped" in signed else ()),
        f"{registry}/{repository.name}@{digest}",
    )  # fmt: skip
    identity = SignerIdentity(issuer=GITHUB, subject=RELEASE)
    rule = SignatureRule(match="**", identities=(identity,), trust_root=root)
    ours = await verify(registry, repository.name, digest, tmp_path / "cache", rule)
    assert (theirs.returncode == 0) is (code == ""), theirs.stderr
    assert ours.code == code


@pytest.mark.cluster
@pytest.mark.parametrize("logged", [True, False])
async def test_cosign_and_we_agree_on_logged_signatures_by_key(
    cosign: Any, registry: str, component: bytes, tmp_path: Path, logged: bool
) -> None:
    sigstore, key = Sigstore(), signer.Key("release")
    repository = Repository(name=f"logged/{str(logged).lower()}")
    digest = pushed(registry, repository.name, component)
    envelope = signer.envelope(key, signer.statement(digest))
    entry = (sigstore if logged else Sigstore()).entries.entry(dsse_body(envelope, key.pem.encode()), START)
    signer.bundle(repository, digest, key, entries=[entry], dsseEnvelope=envelope)
    repository.push(registry)
    (tmp_path / "root.json").write_text(sigstore.trusted_root())
    (tmp_path / "key.pub").write_text(key.pem)
    theirs = cosign(
        "verify", "--key", str(tmp_path / "key.pub"), "--trusted-root", str(tmp_path / "root.json"),
        f"{registry}/{repository.name}@{digest}",
    )  # fmt: skip
    rule = signer.rule(key, log_required=True, trust_root=sigstore.trusted_root())
    ours = await verify(registry, repository.name, digest, tmp_path / "cache", rule)
    assert (theirs.returncode == 0) is logged, theirs.stderr
    assert (ours.status is VerdictStatus.VERIFIED) is logged
