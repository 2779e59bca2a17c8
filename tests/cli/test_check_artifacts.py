"""`spinfleet check`: artifacts of a change are verified where their registry can be read, and what they may do is told."""

from __future__ import annotations

import json
import secrets
import shutil
from pathlib import Path

import pytest
import wasmtime

from reconciler.local import publish
from reconciler.manifest import parse
from tests.cli.conftest import EXAMPLE, Spinfleet
from tests.cli.test_check import commit, git

pytestmark = pytest.mark.cluster

WASM = bytes(wasmtime.wat2wasm((EXAMPLE / "apps" / "greeter" / "greeter.wat").read_text()))
APP = "apiVersion: spinfleet.dev/v1alpha1\nkind: App\nmetadata: {{name: greeter}}\nspec: {{artifact: {}}}\n"
FLEET = (
    "apiVersion: spinfleet.dev/v1alpha1\nkind: Fleet\nmetadata: {name: acme}\nspec: {artifacts: {unsigned: Allow}}\n"
)
CLUSTER = "apiVersion: spinfleet.dev/v1alpha1\nkind: Cluster\nmetadata: {name: eu}\nspec: {spin: '3.6'}\n"
SPIN = (EXAMPLE / "apps" / "greeter" / "spin.toml").read_text()
WIDER = SPIN.replace(
    'source = "greeter.wasm"\n', 'source = "greeter.wasm"\nallowed_outbound_hosts = ["https://payments.example.com"]\n'
)


class Greeter:
    """A repository of one app, and the registry that has its artifacts."""

    def __init__(self, folder: Path, registry: str) -> None:
        self.folder, self._registry = folder, registry
        self._repository = f"check-{secrets.token_hex(4)}/greeter"
        (folder / "greeter").mkdir(parents=True)
        (folder / "fleet.yaml").write_text(FLEET)
        (folder / "eu.yaml").write_text(CLUSTER)
        shutil.copy(EXAMPLE / "apps" / "greeter" / "greeter.wat", folder / "greeter")
        git(folder, "init", "--quiet")

    def commit(self, spin: str, built_from: str | None = None, *, registry: str = "") -> str:
        """Commit a spin.toml with the artifact that was built from it, or from another."""
        application = parse((built_from or spin).encode(), "spin.toml").application
        assert application is not None
        assembled = publish.assemble_application(application, {"greeter": WASM})
        digest = publish.push(assembled, self._registry, self._repository)
        (self.folder / "greeter" / "spin.toml").write_text(spin)
        (self.folder / "greeter" / "app.yaml").write_text(
            APP.format(f"{registry or self._registry}/{self._repository}@{digest}")
        )
        return commit(self.folder, "greeter")


@pytest.fixture
def greeter(tmp_path: Path, registry: str) -> Greeter:
    return Greeter(tmp_path / "fleet", registry)


def test_a_new_artifact_is_verified_and_what_it_may_do_is_told(
    spinfleet: Spinfleet, greeter: Greeter, registry: str
) -> None:
    assert WIDER != SPIN
    base, _ = greeter.commit(SPIN), greeter.commit(WIDER)
    mirror = ("--registry-mirror", f"{registry}={registry}", "--plain-http")
    answer = spinfleet("check", "--base", base, "--verify", "require", *mirror, "-o", "json", cwd=greeter.folder)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    (found,) = json.loads(answer.stdout)["artifacts"]
    assert found["status"] == "Verified"
    assert found["gained"] == ["reach payments.example.com:443"]
    assert found["details"]["size"] > found["details"]["baseSize"] > len(WASM)
    assert found["details"]["triggers"] == ["http"]
    assert "3.6" in found["details"]["spin"]


def test_an_artifact_that_was_not_built_from_what_git_says_fails_the_check(
    spinfleet: Spinfleet, greeter: Greeter, registry: str
) -> None:
    base, _ = greeter.commit(SPIN), greeter.commit(SPIN, built_from=WIDER)
    mirror = ("--registry-mirror", f"{registry}={registry}", "--plain-http")
    answer = spinfleet("check", "--base", base, *mirror, cwd=greeter.folder)
    assert answer.returncode == 1
    assert "refused [artifact.differs-from-git]" in answer.stdout


def test_a_registry_that_can_not_be_read_fails_the_check_only_where_that_is_asked_for(
    spinfleet: Spinfleet, greeter: Greeter
) -> None:
    nowhere = "registry.invalid"
    base, _ = greeter.commit(SPIN, registry=nowhere), greeter.commit(WIDER, registry=nowhere)
    answer = spinfleet("check", "--base", base, cwd=greeter.folder)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "not verified against the artifact: " in answer.stdout
    assert "greeter may now reach payments.example.com:443" in answer.stdout
    assert spinfleet("check", "--base", base, "--verify", "require", cwd=greeter.folder).returncode == 1
