"""Looks inside one file, in a process of its own with bounds: what is inside is hostile until it is shown not to be.

    python -I _validate.py FILE wasm|compile|archive MEMORY_BYTES CPU_SECONDS

`wasm` walks the sections and has wasmtime validate each core module; `compile` compiles it as well, for this machine, and throws the
result away; `archive` walks a tar file. Code that was compiled beforehand is never loaded. Nothing can be opened, connected or written
once the file has been read. Writes one JSON object: what was found, or {"error": code, "message": …}.
"""

from __future__ import annotations

import ctypes
import io
import json
import resource
import sys
from typing import Any

_ROOT = __file__.rpartition("/reconciler/")[0]
if _ROOT not in sys.path:
    sys.path.append(_ROOT)

from reconciler.artifact.archive_walk import walk_archive  # noqa: E402
from reconciler.artifact.wasm_walk import Found, Refused, walk  # noqa: E402

#: prctl(2) and landlock(7): the same numbers on every architecture that SpinKube runs on.
_NO_NEW_PRIVILEGES, _CREATE, _RESTRICT = 38, 444, 446
#: The rights that each version of landlock knows, for files and (from 4 on) for TCP: all of them are given up.
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_TCP_RIGHTS = 0b11
#: Soft limit first: it ends the child by a signal that tells it apart from a kill from outside.
_GRACE = 2


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64))


def _landlock() -> int:
    """Give up every right to files and TCP for good; gives landlock's version, 0 where the kernel has none."""
    if sys.platform != "linux":
        return 0
    libc = ctypes.CDLL(None, use_errno=True)
    version = int(libc.syscall(_CREATE, None, 0, 1))
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    if version < 1:
        return 0
    rules = _Ruleset((1 << _FILE_RIGHTS[min(version, 5)]) - 1, _TCP_RIGHTS if version >= 4 else 0)
    size = ctypes.sizeof(rules) if version >= 4 else 8
    ruleset = libc.syscall(_CREATE, ctypes.byref(rules), size, 0)
    return version if ruleset >= 0 and libc.syscall(_RESTRICT, ruleset, 0) == 0 else 0


def _bound(memory: int, seconds: int) -> int:
    """Bound this process; gives landlock's version."""
    version = _landlock()
    for kind, soft, hard in (
        (resource.RLIMIT_AS, memory, memory),
        (resource.RLIMIT_CPU, seconds, seconds + _GRACE),
        (resource.RLIMIT_FSIZE, 0, 0),
        # Standard input, output and error are open: nothing else can be, no socket either.
        (resource.RLIMIT_NOFILE, 3, 3),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        resource.setrlimit(kind, (soft, hard))
    return version


def _wasm(data: bytes, *, compiled: bool) -> dict[str, Any]:
    """Walk, validate and, where asked for, compile. Raises Refused."""
    import wasmtime

    found = Found()
    walk(memoryview(data), found)
    engine = wasmtime.Engine()
    for number, module in enumerate(found.modules):
        try:
            wasmtime.Module.validate(engine, bytes(module))
        except wasmtime.WasmtimeError as error:
            raise Refused(f"module {number} is not valid: {_words(error)}", "artifact.wasm-invalid") from error
    if compiled:
        try:
            (wasmtime.Module if found.kind == "module" else wasmtime.component.Component)(engine, data)
        except wasmtime.WasmtimeError as error:
            raise Refused(f"it does not compile: {_words(error)}", "artifact.wasm-invalid") from error
    return {
        "kind": found.kind,
        "imports": sorted(found.imports),
        "exports": sorted(found.exports),
        "asked": found.asked,
        "modules": len(found.modules),
        "components": found.components,
        "compiled": compiled,
    }


def _words(error: Exception) -> str:
    """Give an error's text on one line, printable."""
    text = " ".join(str(error).split())
    return "".join(each if each.isprintable() else "?" for each in text)[:300]


def main() -> None:
    """Judge one file."""
    path, what, memory, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    with open(path, "rb") as handle:  # noqa: PTH123 - pathlib costs start-up time
        data = handle.read()
    # Its library can't be loaded any more once bounds are set.
    if what == "wasm":
        import wasmtime
    elif what == "compile":
        import wasmtime.component  # noqa: F401
    version = _bound(memory, seconds)
    try:
        found = (
            {"files": walk_archive(io.BytesIO(data).read)}
            if what == "archive"
            else _wasm(data, compiled=what == "compile")
        )
        answer = {**found, "landlock": version}
    except Refused as error:
        answer = {"error": error.code, "message": str(error)}
    except (MemoryError, RecursionError):
        answer = {"error": "limit", "message": "more memory is needed than is allowed"}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
