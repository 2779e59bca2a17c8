"""`spinfleet verify`: the agent's own steps, printed as a checklist."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import pytest
import wasmtime

from reconciler.local import publish
from reconciler.manifest import parse
from tests.artifacts import signer
from tests.artifacts.storage import Repository
from tests.cli.conftest import EXAMPLE, Spinfleet

pytestmark = pytest.mark.cluster


def _pushed(registry: str, wasm: bytes) -> str:
    application = parse((EXAMPLE / "apps" / "greeter" / "spin.toml").read_bytes(), "spin.toml").application
    assert application is not None
    repository = f"cli-{secrets.token_hex(4)}/greeter"
    digest = publish.push(publish.assemble_application(application, {"greeter": wasm}), registry, repository)
    return f"{registry}/{repository}@{digest}"


def test_a_good_artifact_passes_every_step(spinfleet: Spinfleet, registry: str) -> None:
    wasm = bytes(wasmtime.wat2wasm((EXAMPLE / "apps" / "greeter" / "greeter.wat").read_text()))
    answer = spinfleet("verify", _pushed(registry, wasm), "--registry-mirror", f"{registry}={registry}", "--plain-http")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "✓ reference\n" in answer.stdout
    assert "Verified: " in answer.stdout


def test_a_bad_one_is_refused_with_the_reason(spinfleet: Spinfleet, registry: str) -> None:
    reference = _pushed(registry, b"\x7fELF precompiled, or worse" * 20)
    answer = spinfleet("verify", reference, "--registry-mirror", f"{registry}={registry}", "--plain-http", "-o", "json")
    assert answer.returncode == 1
    verdict = json.loads(answer.stdout)
    assert verdict["status"] == "Refused"
    assert "not WebAssembly" in verdict["message"]


def test_what_could_not_be_completed_ends_with_2(spinfleet: Spinfleet) -> None:
    answer = spinfleet(
        "verify",
        f"127.0.0.1:1/nobody/home@sha256:{'0' * 64}",
        "--registry-mirror",
        "127.0.0.1:1=127.0.0.1:1",
        "--plain-http",
    )
    assert answer.returncode == 2
    assert "Incomplete" in answer.stdout


def test_a_malformed_reference_is_refused_at_the_first_step(spinfleet: Spinfleet) -> None:
    answer = spinfleet("verify", "no-host/name@sha256:12")
    assert answer.returncode == 1
    assert "✗ reference" in answer.stdout


def test_signatures_are_verified_by_the_keys_given(spinfleet: Spinfleet, registry: str, tmp_path: Path) -> None:
    wasm = bytes(wasmtime.wat2wasm((EXAMPLE / "apps" / "greeter" / "greeter.wat").read_text()))
    reference = _pushed(registry, wasm)
    key, name = signer.Key("release"), reference.partition("@")[0].partition("/")[2]
    (tmp_path / "release.pub").write_text(key.pem)
    options = ("--registry-mirror", f"{registry}={registry}", "--plain-http", "--key", str(tmp_path / "release.pub"))
    unsigned = spinfleet("verify", reference, *options)
    assert unsigned.returncode == 1
    assert "✗ signature" in unsigned.stdout
    assert "it is not signed" in unsigned.stdout

    repository = Repository(name=name)
    signer.bundle(repository, reference.partition("@")[2], key)
    repository.push(registry)
    signed = spinfleet("verify", reference, *options)
    assert signed.returncode == 0, signed.stdout + signed.stderr
    assert f"✓ signature: signed by key {tmp_path / 'release.pub'}" in signed.stdout


def test_an_identity_needs_its_issuer(spinfleet: Spinfleet) -> None:
    answer = spinfleet("verify", f"ghcr.io/a/b@sha256:{'0' * 64}", "--identity", "me@example.com")
    assert answer.returncode == 2
    assert "belong together" in answer.stderr
