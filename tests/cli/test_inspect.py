"""`spinfleet inspect`: what an artifact holds, by digest or tag, without judging or running it."""

from __future__ import annotations

import json
import secrets

import pytest
import wasmtime
import yaml

from reconciler.local import publish
from reconciler.manifest import parse
from tests.artifacts.hostile import greeting
from tests.cli.conftest import EXAMPLE, Spinfleet

pytestmark = pytest.mark.cluster

MANIFEST = b"""\
spin_manifest_version = 2
[application]
name = "greeter"
version = "1.2.3"
[variables]
token = { required = true, secret = true }
[[trigger.http]]
route = "/hello"
component = "greeter"
[component.greeter]
source = "greeter.wasm"
allowed_outbound_hosts = ["https://api.example.com"]
key_value_stores = ["default"]
environment = { PASSWORD = "hunter2" }
"""


def pushed(registry: str, wasm: bytes) -> str:
    application = parse(MANIFEST, "spin.toml").application
    assert application is not None
    repository = f"inspect-{secrets.token_hex(4)}/greeter"
    made = publish.assemble_application(application, {"greeter": wasm})
    publish.push(made, registry, repository, tag="v1")
    return f"{registry}/{repository}"


def greeter() -> bytes:
    return bytes(wasmtime.wat2wasm((EXAMPLE / "apps" / "greeter" / "greeter.wat").read_text()))


@pytest.fixture
def options(registry: str) -> tuple[str, ...]:
    return ("--registry-mirror", f"{registry}={registry}", "--plain-http")


def test_an_artifact_is_shown_by_its_tag(spinfleet: Spinfleet, registry: str, options: tuple[str, ...]) -> None:
    answer = spinfleet("inspect", f"{pushed(registry, greeter())}:v1", *options)
    assert answer.returncode == 0, answer.stderr
    for words in (
        "greeter 1.2.3\n",
        "digest sha256:",
        "http /hello → greeter",
        "hosts: https://api.example.com",
        "key-value stores: default",
        "Spin: 2.6, 2.7, 3.0,",
        "component, exports wasi:http/incoming-handler@0.2.0",
        "Signatures, not verified\n  none",
    ):
        assert words in answer.stdout
    assert "hunter2" not in answer.stdout


@pytest.mark.parametrize(("form", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_all_of_it_is_there_for_programs(
    spinfleet: Spinfleet, registry: str, options: tuple[str, ...], form: str, read: object
) -> None:
    answer = spinfleet("inspect", f"{pushed(registry, greeter())}:v1", *options, "-o", form)
    found = (json.loads if read is json.loads else yaml.safe_load)(answer.stdout)
    assert found["application"] == {"name": "greeter", "version": "1.2.3", "profile": ""}
    assert found["triggers"] == [
        {"type": "http", "component": "greeter", "config": {"component": "greeter", "route": "/hello"}}
    ]
    component = found["components"][0]
    assert component["capabilities"]["stores"] == ["default"]
    assert component["environment"] == ["PASSWORD"]
    assert "3.6" in component["spin"]
    assert [layer["mediaType"] for layer in found["layers"]][-1] == "application/vnd.fermyon.spin.application.v1+config"
    assert found["layers"][0]["exports"] == ["wasi:http/incoming-handler@0.2.0"]
    assert found["size"] == sum(layer["size"] for layer in found["layers"])
    assert found["variables"] == {"token": {"required": True, "secret": True}}
    assert found["signatures"] == []


def test_a_binary_that_can_not_be_looked_into_is_said_to_be_one(
    spinfleet: Spinfleet, registry: str, options: tuple[str, ...]
) -> None:
    native = pushed(registry, b"\x7fELF" + b"x" * 500)
    answer = spinfleet("inspect", f"{native}:v1", *options)
    assert answer.returncode == 0
    assert "refused: its Wasm: it is not WebAssembly but native code" in answer.stdout


def test_a_reference_is_reached_as_verify_reaches_it(spinfleet: Spinfleet, registry: str) -> None:
    reference = f"{pushed(registry, greeter())}:v1"
    assert spinfleet("inspect", reference, "--plain-http").returncode == 0
    over_tls = spinfleet("inspect", reference)
    assert over_tls.returncode == 2
    assert "it does not speak TLS" in over_tls.stderr
    assert "--plain-http" in over_tls.stderr


def test_what_an_artifact_says_does_not_steer_the_terminal(spinfleet: Spinfleet, registry: str) -> None:
    steers = "\x1b]0;owned\x07\x1b[2J"
    repository, _ = greeting(
        locked=lambda app: (
            app["metadata"].update(name=steers, version=steers),
            app["triggers"][0]["trigger_config"].update(route=steers),
            app["components"][0].update(metadata={"allowed_outbound_hosts": [steers]}),
        )
    )()
    repository.name = f"inspect-{secrets.token_hex(4)}/steers"
    repository.push(registry)
    answer = spinfleet("inspect", f"{registry}/{repository.name}:v1", "--plain-http")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.count("owned") == 4
    assert "\x1b" not in answer.stdout


def test_what_is_no_artifact_is_an_error_with_what_to_do(
    spinfleet: Spinfleet, registry: str, options: tuple[str, ...]
) -> None:
    image = publish.Blob("application/vnd.oci.image.layer.v1.tar+gzip", b"layer")
    config = publish.Blob("application/vnd.oci.image.config.v1+json", b"{}")
    manifest = {"schemaVersion": 2, "config": config.descriptor(), "layers": [image.descriptor()]}
    repository = f"inspect-{secrets.token_hex(4)}/image"
    publish.push(publish.Artifact(json.dumps(manifest).encode(), (config, image)), registry, repository, tag="v1")
    answer = spinfleet("inspect", f"{registry}/{repository}:v1", *options)
    assert answer.returncode == 1
    assert "[artifact.container-image]" in answer.stderr
    assert "hint: republish with spin registry push" in answer.stderr


def test_what_is_not_there_is_told(spinfleet: Spinfleet, registry: str, options: tuple[str, ...]) -> None:
    assert spinfleet("inspect", f"{registry}/nothing/here:v1", *options).returncode == 2
