"""`spinfleet verify`: the agent's own steps, printed as a checklist."""

from __future__ import annotations

import json
import secrets
import shutil
from pathlib import Path

import pytest
import wasmtime

from reconciler.local import publish
from reconciler.manifest import parse
from tests.artifacts import signer
from tests.artifacts.storage import Repository
from tests.cli.conftest import EXAMPLE, Spinfleet

pytestmark = pytest.mark.cluster

DASH = "\N{EN DASH}"
WASM = bytes(wasmtime.wat2wasm((EXAMPLE / "apps" / "greeter" / "greeter.wat").read_text()))


def _pushed(registry: str, wasm: bytes, tag: str = "") -> str:
    application = parse((EXAMPLE / "apps" / "greeter" / "spin.toml").read_bytes(), "spin.toml").application
    assert application is not None
    repository = f"cli-{secrets.token_hex(4)}/greeter"
    digest = publish.push(publish.assemble_application(application, {"greeter": wasm}), registry, repository, tag=tag)
    return f"{registry}/{repository}@{digest}"


def test_a_good_artifact_passes_every_step(spinfleet: Spinfleet, registry: str) -> None:
    wasm = bytes(wasmtime.wat2wasm((EXAMPLE / "apps" / "greeter" / "greeter.wat").read_text()))
    answer = spinfleet("verify", _pushed(registry, wasm), "--registry-mirror", f"{registry}={registry}", "--plain-http")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    steps = [line.split()[:2] for line in answer.stdout.splitlines()[:8]]
    names = ["reference", "fetch", "digest", "layout", "git", "wasm", "world", "signature"]
    assert [name for _, name in steps] == names
    assert [mark for mark, _ in steps] == ["✓", "✓", "✓", "✓", DASH, "✓", "✓", DASH]
    assert "Verified: " in answer.stdout
    assert " s)" not in answer.stdout  # times are for terminals: the same result is the same text


def test_every_step_is_listed_even_where_it_was_not_reached(spinfleet: Spinfleet) -> None:
    answer = spinfleet("verify", "ghcr.io/acme/App:v1")
    lines = answer.stdout.splitlines()
    assert lines[0].startswith("✗ reference 'ghcr.io/acme/App:v1' is not an artifact reference: ")
    assert lines[1].strip().startswith("hint: ")
    assert lines[2:9] == [
        f"{DASH} {name:<9} not reached" for name in ("fetch", "digest", "layout", "git", "wasm", "world", "signature")
    ]
    assert lines[9] == "Refused: ghcr.io/acme/App:v1 [artifact.reference]"


def test_a_tag_is_resolved_and_the_digest_to_pin_is_told(spinfleet: Spinfleet, registry: str) -> None:
    name, _, digest = _pushed(registry, WASM, tag="v1").partition("@")
    answer = spinfleet("verify", f"{name}:v1", "--plain-http")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert f"artifact: {name}:v1@{digest}" in answer.stdout
    as_json = json.loads(spinfleet("verify", f"{name}:v1", "--plain-http", "-o", "json").stdout)
    assert as_json["pinned"] == f"{name}:v1@{digest}"


def test_a_reference_is_held_against_the_spin_that_is_named(spinfleet: Spinfleet, registry: str) -> None:
    reference = _pushed(registry, WASM)
    named = spinfleet("verify", reference, "--plain-http", "--spin", "3.6.3")
    assert named.returncode == 0
    assert "Spin version is not known" not in named.stdout
    odd = spinfleet("verify", reference, "--plain-http", "--spin", "latest")
    assert (odd.returncode, "--spin 'latest' is not a version of Spin" in odd.stderr) == (2, True)


def test_an_apps_spin_is_its_clusters(spinfleet: Spinfleet, tmp_path: Path) -> None:
    answer = spinfleet("verify", "greeter", "--spin", "3.6", "--path", tmp_path)
    assert (answer.returncode, "--cluster" in answer.stderr) == (2, True)


def test_without_its_flag_plain_http_is_not_spoken(spinfleet: Spinfleet, registry: str) -> None:
    answer = spinfleet("verify", _pushed(registry, WASM))
    assert answer.returncode == 2
    assert "[artifact.unavailable]" in answer.stdout


def test_nothing_is_remembered_where_that_is_asked(spinfleet: Spinfleet, registry: str, tmp_path: Path) -> None:
    reference, cache = _pushed(registry, WASM), tmp_path / "cache"
    assert spinfleet("verify", reference, "--plain-http", "--no-cache", XDG_CACHE_HOME=str(cache)).returncode == 0
    assert not cache.exists()
    assert spinfleet("verify", reference, "--plain-http", XDG_CACHE_HOME=str(cache)).returncode == 0
    assert list(cache.rglob("*.finding"))


def _fleet(folder: Path, reference: str) -> Path:
    shutil.copytree(EXAMPLE / "apps" / "greeter", folder / "greeter", ignore=shutil.ignore_patterns("*.yaml"))
    documents = {
        "fleet.yaml": ("Fleet", "test", {"artifacts": {"unsigned": "Allow"}}),
        "cluster.yaml": ("Cluster", "here", {"spin": "3.6"}),
        "greeter/app.yaml": ("App", "greeter", {"artifact": reference}),
    }
    for path, (kind, name, spec) in documents.items():
        document = {"apiVersion": "spinfleet.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}
        (folder / path).write_text(json.dumps(document))
    return folder


def test_an_app_is_held_against_its_spin_toml(spinfleet: Spinfleet, registry: str, tmp_path: Path) -> None:
    reference = _pushed(registry, WASM)
    fleet = _fleet(tmp_path / "app-fleet", reference)
    options = ("--path", fleet, "--cluster", "here", "--registry-mirror", f"{registry}={registry}", "--plain-http")
    answer = spinfleet("verify", "greeter", *options)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "✓ git" in answer.stdout

    manifest = fleet / "greeter" / "spin.toml"
    manifest.write_text(manifest.read_text().replace('name = "greeter"', 'name = "other"'))
    changed = spinfleet("verify", "greeter", *options)
    assert changed.returncode == 1
    assert "✗ git" in changed.stdout
    assert "✓ wasm" in changed.stdout  # the steps go on, so that everything is seen at once


def test_a_host_that_only_the_repository_names_must_be_public(spinfleet: Spinfleet, tmp_path: Path) -> None:
    fleet = _fleet(tmp_path / "app-fleet", f"127.0.0.1:9/acme/app@sha256:{'0' * 64}")
    answer = spinfleet("verify", "greeter", "--path", fleet)
    assert answer.returncode == 2
    assert "[artifact.address]" in answer.stdout


def test_a_docker_config_is_read_only_where_it_is_named(spinfleet: Spinfleet, registry: str, tmp_path: Path) -> None:
    (tmp_path / "docker").mkdir()
    config = tmp_path / "docker" / "config.json"
    config.write_text("{nonsense")
    reference = _pushed(registry, WASM)
    quiet = spinfleet("verify", reference, "--plain-http", DOCKER_CONFIG=str(tmp_path / "docker"))
    assert quiet.returncode == 0
    told = spinfleet("verify", reference, "--plain-http", "--registry-config", config)
    assert told.returncode == 2
    assert "can't be read as a docker config" in told.stderr


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
    assert f"✓ signature signed by key {tmp_path / 'release.pub'}" in signed.stdout


def test_an_identity_needs_its_issuer(spinfleet: Spinfleet) -> None:
    answer = spinfleet("verify", f"ghcr.io/a/b@sha256:{'0' * 64}", "--identity", "me@example.com")
    assert answer.returncode == 2
    assert "belong together" in answer.stderr
