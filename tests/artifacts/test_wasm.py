"""What is inside a Wasm layer is looked at in a bounded child; nothing hostile is ever called verified, nor harms the one who asks."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path

import psutil
import pytest
import wasmtime

from reconciler.artifact.child import Children
from reconciler.artifact.worlds import handler_fault
from reconciler.errors import ArtifactError, UnavailableError

MODULE = b"\0asm\x01\0\0\0"
COMPONENT = b"\0asm\x0d\0\x01\0"


def leb(number: int) -> bytes:
    out = bytearray()
    while True:
        byte, number = number & 0x7F, number >> 7
        out.append(byte | (0x80 if number else 0))
        if not number:
            return bytes(out)


def section(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + leb(len(body)) + body


def nested(depth: int) -> bytes:
    inner = COMPONENT
    for _ in range(depth):
        inner = COMPONENT + section(4, inner)
    return inner


async def look(tmp_path: Path, data: bytes, children: Children | None = None) -> object:
    path = tmp_path / "a.wasm"
    path.write_bytes(data)
    return await (children or Children()).validate(path)


async def test_a_component_tells_its_imports_and_exports(tmp_path: Path, component: bytes) -> None:
    path = tmp_path / "a.wasm"
    path.write_bytes(component)
    report = await Children().validate(path)
    assert report.kind == "component"
    assert report.exports == ("wasi:http/incoming-handler@0.2.0",)
    assert "wasi:http/types@0.2.0" in report.imports
    assert report.modules == 2


async def test_a_core_module_is_told_as_one(tmp_path: Path) -> None:
    path = tmp_path / "a.wasm"
    path.write_bytes(bytes(wasmtime.wat2wasm('(module (func (export "run")))')))
    assert (await Children().validate(path)).kind == "module"


def _aot(component: bytes) -> bytes:
    """Code compiled beforehand: it would run natively on the node."""
    return bytes(wasmtime.Module(wasmtime.Engine(), "(module)").serialize()) or component


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not WebAssembly"),
        (b"\0as", "not WebAssembly"),
        (b"#!/bin/sh\necho hi\n", "not WebAssembly"),
        (b"\x7fELF" + b"\0" * 200, "not WebAssembly"),
        (b"\0asm\x63\0\0\0", "neither a module's nor a component's"),
        (COMPONENT + b"\x01\xff\xff\xff\xff\x0f", "longer than the file"),
        (COMPONENT + b"\x01\xff\xff\xff\xff\xff\xff\xff", "longer than 32 bits"),
        (COMPONENT + section(99, b""), "unknown kind 99"),
        (COMPONENT + section(1, MODULE + b"\xff\xff"), "module 0 is not valid"),
        (COMPONENT + section(1, b"\x7fELF precompiled"), "not WebAssembly"),
        (nested(200), "nested too deep"),
        (COMPONENT + section(1, MODULE) * 600, "too many modules"),
        (COMPONENT + section(11, leb(2**31)), "too many imports or exports"),
        (COMPONENT + section(11, leb(1) + b"\x00" + leb(2**20)), "name is too long"),
    ],
)
async def test_hostile_binaries_are_refused_each_with_its_reason(tmp_path: Path, data: bytes, words: str) -> None:
    with pytest.raises(ArtifactError, match=words):
        await look(tmp_path, data)


async def test_precompiled_code_is_refused(tmp_path: Path, component: bytes) -> None:
    with pytest.raises(ArtifactError, match="not WebAssembly"):
        await look(tmp_path, _aot(component))


async def test_every_truncation_of_a_component_is_refused_or_still_whole(tmp_path: Path, component: bytes) -> None:
    for length in range(0, len(component), 401):
        with pytest.raises(ArtifactError):
            await look(tmp_path, component[:length] + b"\x01")


async def test_a_compile_bomb_costs_neither_much_time_nor_our_own_memory(tmp_path: Path) -> None:
    loops = b"\x03\x40\x0b" * 200_000
    body = b"\x00" + loops + b"\x0b"
    code = section(1, b"\x01\x60\x00\x00") + section(3, b"\x01\x00") + section(10, b"\x01" + leb(len(body)) + body)
    before, began = psutil.Process().memory_info().rss, time.monotonic()
    await look(tmp_path, MODULE + code)
    assert time.monotonic() - began < 15
    assert psutil.Process().memory_info().rss - before < 50_000_000


async def test_a_child_that_takes_too_long_is_ended_and_nothing_is_concluded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = tmp_path / "slow.py"
    slow.write_text("while True: pass\n")
    monkeypatch.setattr("reconciler.artifact.child._CHILD", slow)
    with pytest.raises(UnavailableError):
        await look(tmp_path, MODULE, Children(seconds=0))
    children = psutil.Process(os.getpid()).children()
    assert not any(
        "slow.py" in " ".join(child.cmdline()) for child in children if child.status() != psutil.STATUS_ZOMBIE
    )


async def test_our_own_limits_are_untouched(tmp_path: Path, component: bytes) -> None:
    await look(tmp_path, component)
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 0


@pytest.mark.parametrize(
    ("trigger", "exports", "fault"),
    [
        ("http", ["wasi:http/incoming-handler@0.2.0"], ""),
        ("http", ["wasi:http/incoming-handler@0.2.6", "other:thing/x"], ""),
        ("http", ["fermyon:spin/inbound-http"], ""),
        ("http", [], "exports no handler"),
        ("http", ["wasi:cli/run@0.2.0"], "exports no handler"),
        ("http", ["wasi:http/incoming-handler@0.2.0", "fermyon:spin/inbound-http"], "several handlers"),
        ("redis", ["fermyon:spin/inbound-redis"], ""),
        ("redis", ["wasi:http/incoming-handler@0.2.0"], "exports no handler"),
        ("command", ["wasi:cli/run@0.2.0"], ""),
        ("sqs", [], ""),
    ],
)
def test_a_trigger_needs_exactly_one_handler(trigger: str, exports: list[str], fault: str) -> None:
    assert (fault in handler_fault(trigger, exports)) if fault else handler_fault(trigger, exports) == ""
