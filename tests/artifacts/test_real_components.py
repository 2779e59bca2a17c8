"""Real components of each trigger type verify where their Spin has what they import, and are refused where it has not.

Two toolchains are no part of the project; where they were put is told by the environment:
SPINFLEET_COMPONENTIZE_JS=/…/node_modules  has @bytecodealliance/componentize-js (npm install), which node runs;
SPINFLEET_COMPONENTS=/…/a.wasm:/…/b.wasm   are components that answer wasi:http, of any language.
"""

from __future__ import annotations

import os
import shutil
import subprocess
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


#: Answers as JavaScript does in browsers; what WebAssembly runs is the engine, with the script in its memory.
SCRIPT = """\
import { writeFile } from "node:fs/promises";
import { componentize } from "@bytecodealliance/componentize-js";
const [wit, target] = process.argv.slice(2);
const source = `addEventListener("fetch", (event) => event.respondWith(new Response("hello")));`;
const { component } = await componentize(source, { witPath: wit, worldName: "hello" });
await writeFile(target, component);
"""


@pytest.fixture
def javascript(tmp_path: Path) -> bytes:
    """A component made from JavaScript, where its toolchain is there."""
    modules = os.environ.get("SPINFLEET_COMPONENTIZE_JS")
    if not modules or shutil.which("node") is None:
        pytest.skip("SPINFLEET_COMPONENTIZE_JS does not name node_modules with componentize-js, or there is no node")
    (tmp_path / "node_modules").symlink_to(Path(modules).absolute())
    (tmp_path / "build.mjs").write_text(SCRIPT)
    # The engine speaks this version of WASI; it is the example's interface otherwise.
    wit = (data.folder("fleet-example") / "apps" / "hello" / "wit" / "hello.wit").read_text()
    (tmp_path / "hello.wit").write_text(wit.replace("@0.2.0", "@0.2.10"))
    command = ["node", "build.mjs", "hello.wit", "hello.wasm"]
    built = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return (tmp_path / "hello.wasm").read_bytes()


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_a_javascript_component_is_walked_validated_and_compiled(javascript: bytes, tmp_path: Path) -> None:
    verdict = await verdict_on(javascript, "http", tmp_path / "cache")
    assert verdict.status is VerdictStatus.VERIFIED, verdict.message
    # Spin 3.0 calls no later handler than WASI 0.2.1's.
    older = await verdict_on(javascript, "http", tmp_path / "cache", spin="3.0", compile_all=False)
    assert (older.code, "exports no handler" in older.message) == ("artifact.world", True)


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_components_that_are_brought_along_verify(tmp_path: Path) -> None:
    files = [Path(each) for each in os.environ.get("SPINFLEET_COMPONENTS", "").split(os.pathsep) if each]
    if not files:
        pytest.skip("SPINFLEET_COMPONENTS names no components")
    for file in files:
        verdict = await verdict_on(file.read_bytes(), "http", tmp_path)
        assert verdict.status is VerdictStatus.VERIFIED, f"{file}: {verdict.message}"
        done = next(step.detail for step in verdict.steps if step.step is Step.WASM)
        assert "walked, validated and compiled" in done
