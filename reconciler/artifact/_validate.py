"""Looks inside one Wasm binary, in a process of its own with bounds: what is inside is hostile until it is shown not to be.

    python -I _validate.py FILE MEMORY_BYTES CPU_SECONDS

Walks the sections (component or module), has wasmtime validate each core module, and never loads precompiled code. Writes one
JSON object: {"kind", "imports", "exports", "modules"} or {"error": code, "message": …}.
"""

from __future__ import annotations

import ctypes
import json
import resource
import sys
from dataclasses import dataclass, field

_MAGIC = b"\0asm"
_MODULE, _COMPONENT = b"\x01\0\0\0", b"\x0d\0\x01\0"
_MAX_MODULES = 500
_MAX_DEPTH = 10
_MAX_NAMES = 10_000
_MAX_NAME = 4096
_CORE_MODULE, _NESTED, _IMPORTS, _EXPORTS = 1, 4, 10, 11
_LAST_COMPONENT_SECTION = 12


class Refused(Exception):  # noqa: N818 - it is a verdict
    """The binary is not one that may run."""


@dataclass
class Found:
    """What the walk found."""

    kind: str = ""
    imports: list[str] = field(default_factory=list)
    exports: list[str] = field(default_factory=list)
    modules: list[memoryview] = field(default_factory=list)


class Reader:
    """A cursor over bytes that refuses to read past their end."""

    def __init__(self, data: memoryview) -> None:
        self.data, self.at = data, 0

    def byte(self) -> int:
        """Read one byte."""
        if self.at >= len(self.data):
            raise Refused("it ends in the middle of a section")
        self.at += 1
        return self.data[self.at - 1]

    def number(self) -> int:
        """Read an unsigned LEB128 number of at most 32 bits."""
        result = shift = 0
        while True:
            byte = self.byte()
            result |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return result
            if shift > 28 + 7:
                raise Refused("a number is longer than 32 bits")

    def take(self, count: int) -> memoryview:
        """Read so many bytes."""
        if self.at + count > len(self.data):
            raise Refused("a section says it is longer than the file")
        self.at += count
        return self.data[self.at - count : self.at]

    def name(self) -> str:
        """Read the name of an import or export of a component (component model, Binary.md: externname)."""
        kind = self.byte()
        if kind > 2:
            raise Refused(f"a name of unknown form {kind}")
        length = self.number()
        if length > _MAX_NAME:
            raise Refused("a name is too long")
        text = bytes(self.take(length)).decode("utf-8", "replace")
        if kind == 2:
            for _ in range(self.number()):
                self.byte()
                self.take(self.number())
        return text


def walk(data: memoryview, found: Found, depth: int = 0) -> None:
    """Walk a binary; names are kept of the outermost level, modules of all."""
    if depth > _MAX_DEPTH:
        raise Refused("components are nested too deep")
    if bytes(data[:4]) != _MAGIC:
        raise Refused("it is not WebAssembly (its first bytes are not \\0asm)")
    version = bytes(data[4:8])
    if version == _MODULE:
        found.modules.append(data)
        if depth == 0:
            found.kind = "module"
        if len(found.modules) > _MAX_MODULES:
            raise Refused("it has too many modules")
        return
    if version != _COMPONENT:
        raise Refused(f"its version {version.hex()} is neither a module's nor a component's")
    if depth == 0:
        found.kind = "component"
    reader = Reader(data)
    reader.at = 8
    while reader.at < len(data):
        section = reader.byte()
        body = reader.take(reader.number())
        if section > _LAST_COMPONENT_SECTION:
            raise Refused(f"a section of unknown kind {section}")
        if section in {_CORE_MODULE, _NESTED}:
            walk(body, found, depth + 1)
        elif depth == 0 and section in {_IMPORTS, _EXPORTS}:
            _names(Reader(body), found, exports=section == _EXPORTS)


def _names(reader: Reader, found: Found, *, exports: bool) -> None:
    count = reader.number()
    if count > _MAX_NAMES:
        raise Refused("it has too many imports or exports")
    for _ in range(count):
        name = reader.name()
        (found.exports if exports else found.imports).append(name)
        if exports:
            if reader.byte() == 0:  # a core sort has a second byte
                reader.byte()
            reader.number()
            if reader.byte():
                _type(reader)
        else:
            _type(reader)


def _type(reader: Reader) -> None:
    """Pass an externdesc (component model, Binary.md)."""
    kind = reader.byte()
    if kind == 0x00:
        reader.byte()
        reader.number()
    elif kind in {0x01, 0x04, 0x05}:
        reader.number()
    elif kind in {0x02, 0x03}:
        if not reader.byte() or kind == 0x02:
            reader.number()
    else:
        raise Refused(f"an import or export of unknown kind {kind}")


def _bound(memory: int, seconds: int) -> None:
    for kind, limit in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (limit, limit))
    # No new privileges from here on (prctl(2), PR_SET_NO_NEW_PRIVS).
    ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)


def main() -> None:
    """Judge one file."""
    path, memory, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    with open(path, "rb") as handle:  # noqa: PTH123 - pathlib costs start-up time
        data = handle.read()
    import wasmtime

    _bound(memory, seconds)
    found = Found()
    try:
        walk(memoryview(data), found)
        engine = wasmtime.Engine()
        for number, module in enumerate(found.modules):
            try:
                wasmtime.Module.validate(engine, bytes(module))
            except wasmtime.WasmtimeError as error:
                raise Refused(f"module {number} is not valid: {str(error).strip()[:300]}") from error
        answer = {
            "kind": found.kind,
            "imports": sorted(found.imports),
            "exports": sorted(found.exports),
            "modules": len(found.modules),
        }
    except Refused as error:
        answer = {"error": "artifact.wasm", "message": str(error)}
    except MemoryError:
        answer = {"error": "memory", "message": "more memory is needed than is allowed"}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
