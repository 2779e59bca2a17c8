"""What is inside a layer is looked at in a bounded child; nothing hostile is ever called fine, nor harms the one who asks."""

from __future__ import annotations

import asyncio
import hashlib
import os
import resource
import signal
import tarfile
from pathlib import Path

import psutil
import pytest
import wasmtime

from reconciler.artifact import child
from reconciler.artifact.child import look_inside, look_into_archive
from reconciler.errors import ArtifactError, UnavailableError
from tests.artifacts.hostile import COMPONENT, MODULE, compile_bomb, member, module_of, section, tar

MIB = 1024 * 1024


def written(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "layer"
    path.write_bytes(data)
    return path


async def test_a_component_tells_its_imports_and_exports(tmp_path: Path, component: bytes) -> None:
    report = await look_inside(written(tmp_path, component), compiled=True)
    assert report.kind == "component"
    assert report.exports == (("wasi:http/incoming-handler@0.2.0", "instance"),)
    assert "wasi:http/types@0.2.0" in report.import_names
    assert report.modules == 2
    assert report.asked["wasi:http/types@0.2.0"][:2] == ("[resource]fields", "[resource]incoming-request")
    assert "[static]response-outparam.set" in report.asked["wasi:http/types@0.2.0"]
    assert report.compiled
    assert report.what_was_done().startswith(
        "component of 2 core modules walked, validated and compiled, in a process bounded by "
    )


async def test_types_that_no_walk_knows_are_no_finding_and_what_is_asked_for_is_not_told(tmp_path: Path) -> None:
    types = section(7, b"\x01\x42\x01\x00\x50\x00")  # an instance's type with a core module's type inside
    imported = section(10, b"\x01\x00\x05a:b/c\x05\x00")
    report = await look_inside(written(tmp_path, COMPONENT + types + imported), compiled=False)
    assert report.imports == (("a:b/c", "instance"),)
    assert report.asked == {}


async def test_a_core_module_is_told_as_one(tmp_path: Path) -> None:
    module = bytes(
        wasmtime.wat2wasm('(module (import "env" "f" (func)) (memory (export "memory") 1) (func (export "run")))')
    )
    report = await look_inside(written(tmp_path, module), compiled=True)
    assert report.kind == "module"
    assert report.imports == (("env#f", "func"),)
    assert report.exports == (("memory", "memory"), ("run", "func"))


async def test_an_archive_tells_the_digests_of_its_files(tmp_path: Path) -> None:
    import gzip

    long = "d/" + "n" * 200
    data = tar((member("./", tarfile.DIRTYPE), b""), (member("./a.txt"), b"hello"), (member(long), b"x" * 100_000))
    assert await look_into_archive(written(tmp_path, gzip.compress(data))) == {
        f"sha256:{hashlib.sha256(each).hexdigest()}" for each in (b"hello", b"x" * 100_000)
    }


async def test_every_truncation_of_a_component_is_refused(tmp_path: Path, component: bytes) -> None:
    for length in range(1, len(component), len(component) // 6):
        with pytest.raises(ArtifactError):
            await look_inside(written(tmp_path, component[:length] + b"\x01"), compiled=False)


async def test_a_compile_bomb_is_cheap_to_look_at_and_too_costly_to_compile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, runs = written(tmp_path, compile_bomb(80_000)), []
    before = psutil.Process().memory_info().rss
    assert (await look_inside(path, compiled=False)).modules == 1
    monkeypatch.setattr(child, "_COMPILE_MEMORY", 230 * MIB)
    run = child._run

    async def counted(path: Path, what: str) -> dict[str, object]:
        runs.append(what)
        return await run(path, what)

    monkeypatch.setattr(child, "_run", counted)
    with pytest.raises(ArtifactError) as caught:
        await look_inside(path, compiled=True)
    assert caught.value.code == "artifact.too-costly"
    assert runs == ["compile", "compile"]
    assert psutil.Process().memory_info().rss - before < 50 * MIB


async def test_a_start_function_that_never_ends_is_never_run(tmp_path: Path) -> None:
    endless = module_of(b"\x03\x40\x0c\x00\x0b", section(8, b"\x00"))
    assert (await look_inside(written(tmp_path, endless), compiled=True)).kind == "module"


async def test_huge_names_of_functions_cost_nothing(tmp_path: Path) -> None:
    names = section(0, b"\x04name" + os.urandom(4 * MIB))
    assert (await look_inside(written(tmp_path, MODULE + names), compiled=False)).modules == 1


def impostor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Put another program in the child's place."""
    script = tmp_path / "impostor.py"
    script.write_text(text)
    monkeypatch.setattr(child, "_CHILD", script)


async def test_a_child_that_hangs_is_ended_and_nothing_is_concluded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    impostor(tmp_path, monkeypatch, "import time\ntime.sleep(600)\n")
    monkeypatch.setattr(child, "limits", lambda _size, _what: (640 * MIB, -2))
    with pytest.raises(UnavailableError, match="no answer within 2 s"):
        await look_inside(written(tmp_path, MODULE), compiled=False)
    assert not [each for each in psutil.Process().children() if str(tmp_path) in " ".join(each.cmdline())]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_child_ended_from_outside_is_no_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    impostor(tmp_path, monkeypatch, f"import os\nos.kill(os.getpid(), {int(number)})\n")
    with pytest.raises(UnavailableError, match="from outside"):
        await look_inside(written(tmp_path, MODULE), compiled=False)


@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGSEGV, signal.SIGXCPU])
async def test_a_limit_that_the_child_hits_twice_is_a_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    impostor(
        tmp_path,
        monkeypatch,
        f"import os, resource\nresource.setrlimit(resource.RLIMIT_CORE, (0, 0))\nos.kill(os.getpid(), {int(number)})\n",
    )
    with pytest.raises(ArtifactError, match=number.name) as caught:
        await look_inside(written(tmp_path, MODULE), compiled=False)
    assert caught.value.code == "artifact.too-costly"


async def test_a_limit_hit_once_is_the_machines_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, component: bytes
) -> None:
    real, answers = child._run, [{"error": "limit", "message": "once"}]

    async def run(path: Path, what: str) -> dict[str, object]:
        return answers.pop() if answers else await real(path, what)

    monkeypatch.setattr(child, "_run", run)
    assert (await look_inside(written(tmp_path, component), compiled=False)).kind == "component"


@pytest.mark.parametrize("output", ["", "{}", "[]", '{"kind":"module"}', "x" * 1000])
async def test_an_answer_that_is_none_is_no_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    impostor(tmp_path, monkeypatch, f"print({output!r})\n")
    with pytest.raises(UnavailableError):
        await look_inside(written(tmp_path, MODULE), compiled=False)


async def test_two_children_at_most_run_at_once_and_a_second_try_runs_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, seen, limited = 0, [], {"b"}

    async def run(path: Path, _what: str) -> dict[str, object]:
        nonlocal running
        running += 1
        seen.append((path.name, running))
        await asyncio.sleep(0.01)
        running -= 1
        if path.name in limited:
            limited.discard(path.name)
            return {"error": "limit", "message": "x"}
        return {
            "kind": "module",
            "imports": [],
            "exports": [],
            "modules": 1,
            "asked": {},
            "compiled": False,
            "landlock": 0,
        }

    monkeypatch.setattr(child, "_run", run)
    await asyncio.gather(*(look_inside(Path(each), compiled=False) for each in "abcdefgh"))
    assert max(count for _, count in seen) == 2
    assert [count for each, count in seen if each == "b"][1] == 1


async def test_the_child_can_open_connect_and_write_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = (child._CHILD.parent / "_validate.py").read_text()
    probe = """
import os, socket

def _wasm(data, *, compiled):
    denied = 0
    for attempt in (lambda: open("/etc/hostname"), lambda: open("new", "w"), socket.socket):
        try:
            attempt()
        except OSError:
            denied += 1
    return {"kind": "module", "imports": [], "exports": [[str(denied), "func"], [str(len(os.environ)), "func"]], "modules": 1, "asked": {}, "compiled": False}
"""
    head, main = script.split("def main() -> None:")
    impostor(
        tmp_path,
        monkeypatch,
        head.replace("__file__", repr(str(child._CHILD))) + probe + "\n\ndef main() -> None:" + main,
    )
    report = await look_inside(written(tmp_path, MODULE), compiled=False)
    # Three attempts, three refusals; and of the environment only what Python itself sets.
    assert report.exports[0][0] == "3"
    assert int(report.exports[1][0]) <= 1


async def test_our_own_limits_are_untouched(tmp_path: Path, component: bytes) -> None:
    await look_inside(written(tmp_path, component), compiled=False)
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 0
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 3


def test_the_preambles_are_those_of_the_specification() -> None:
    assert bytes(wasmtime.wat2wasm("(module)")) == MODULE
    assert bytes(wasmtime.wat2wasm("(component)")).startswith(COMPONENT)
