"""Real components of each trigger type verify where their Spin has what they import, and are refused where it has not."""

from __future__ import annotations

from pathlib import Path

import pytest
import wasmtime

from reconciler import data
from reconciler.artifact.access import RegistryAccess
from reconciler.artifact.compile_policy import ALWAYS, DEFAULT
from reconciler.artifact.model import Expected, Step, Verdict, VerdictStatus
from reconciler.artifact.verify import Verifier
from reconciler.local.publish import assemble_application, build
from reconciler.manifest import parse
from tests.artifacts.storage import Repository

COMPONENTS = Path(__file__).parent / "components"
TRIGGERS = {
    "http": '[[trigger.http]]\nroute = "/..."\ncomponent = "main"\n',
    "redis": '[[trigger.redis]]\nchannel = "orders"\ncomponent = "main"\n',
    "sqs": '[[trigger.sqs]]\nqueue_url = "https://sqs.example/1/orders"\ncomponent = "main"\n',
    "mqtt": '[[trigger.mqtt]]\ntopic = "orders/+"\nqos = "1"\ncomponent = "main"\n',
    "cron": '[[trigger.cron]]\ncron_expression = "0 0 * * *"\ncomponent = "main"\n',
    "command": '[[trigger.command]]\ncomponent = "main"\n',
}


def compiled(name: str) -> bytes:
    return bytes(wasmtime.wat2wasm((COMPONENTS / f"{name}.wat").read_text()))


async def verdict_on(wasm: bytes, trigger: str, cache: Path, *, compile_all: bool = True, spin: str = "3.6") -> Verdict:
    text = f'spin_manifest_version = 2\n[application]\nname = "app"\n{TRIGGERS[trigger]}[component.main]\nsource = "main.wasm"\n'
    application = parse(text.encode(), "spin.toml").application
    assert application is not None
    made, repository = assemble_application(application, {"main": wasm}), Repository()
    for blob in made.blobs:
        repository.put_blob(blob.data, blob.media_type)
    digest = repository.put_manifest(made.manifest)
    expected = Expected(application=application, spin=spin, compile=ALWAYS if compile_all else DEFAULT)
    async with (
        repository.serving() as host,
        Verifier(registries=[RegistryAccess(prefix=host, plain_http=True)], cache=cache) as verifier,
    ):
        return await verifier.verify(f"{host}/{repository.name}@{digest}", expected)


@pytest.mark.parametrize(
    ("name", "trigger"),
    [("inbound-http", "http"), ("redis", "redis"), ("sqs", "sqs"), ("mqtt", "mqtt"), ("command", "command")],
)
async def test_a_component_answers_the_trigger_that_it_was_made_for(tmp_path: Path, name: str, trigger: str) -> None:
    verdict = await verdict_on(compiled(name), trigger, tmp_path)
    assert verdict.status is VerdictStatus.VERIFIED, verdict.message
    done = next(step.detail for step in verdict.steps if step.step is Step.WASM)
    assert "walked, validated and compiled" in done


@pytest.mark.parametrize(
    ("name", "trigger"),
    [
        ("inbound-http", "redis"),
        ("redis", "command"),
        ("command", "http"),
        ("redis", "sqs"),
        ("sqs", "mqtt"),
        ("mqtt", "sqs"),
    ],
)
async def test_and_no_other(tmp_path: Path, name: str, trigger: str) -> None:
    verdict = await verdict_on(compiled(name), trigger, tmp_path)
    assert (verdict.status, verdict.code) == (VerdictStatus.REFUSED, "artifact.world")


async def test_a_trigger_that_spinkube_has_not_is_a_warning(tmp_path: Path) -> None:
    verdict = await verdict_on(compiled("command"), "cron", tmp_path)
    assert verdict.status is VerdictStatus.VERIFIED
    assert "SpinKube can't run triggers of type 'cron'" in verdict.warnings


async def test_a_component_of_wasi_http_verifies_on_every_spin(tmp_path: Path, component: bytes) -> None:
    for spin in ("2.6", "3.0", "3.6", "4.0"):
        assert (await verdict_on(component, "http", tmp_path, spin=spin)).status is VerdictStatus.VERIFIED


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_python_component_is_walked_and_validated_and_too_large_to_be_compiled_by_default(
    tmp_path: Path,
) -> None:
    wasm = (build(data.folder("fleet-example") / "apps" / "hello") / "hello.wasm").read_bytes()
    verdict = await verdict_on(wasm, "http", tmp_path, compile_all=False)
    assert verdict.status is VerdictStatus.VERIFIED, verdict.message
    done = next(step.detail for step in verdict.steps if step.step is Step.WASM)
    assert done.startswith("component of 14 core modules walked and validated, not compiled")
