"""Looking inside a file in a child process: two at once at most, each with bounds, and its verdicts told from its accidents."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from reconciler.errors import ArtifactError, UnavailableError

_CHILD = Path(__file__).with_name("_validate.py")
_AT_ONCE = 2
_MIB = 1024 * 1024
#: Address space: Python and the library, then so much for each byte of the file. Measured (bench/wasm.py): an 18 MB Python component
#: takes 300 MiB to be validated and 500 MiB to be compiled.
_BASE_MEMORY, _PER_BYTE = 320 * _MIB, 4
_COMPILE_MEMORY, _COMPILE_PER_BYTE = 384 * _MIB, 16
#: CPU seconds, then so many for each MiB. The same component takes 0.3 s, and 16 s to be compiled.
_SECONDS, _COMPILE_SECONDS_PER_MIB, _MOST_SECONDS = 20, 6, 600
#: Ends that a child brings on itself: out of memory in the library, out of stack, out of CPU time.
_OWN_LIMITS = {-signal.SIGABRT, -signal.SIGSEGV, -signal.SIGBUS, -signal.SIGILL, -signal.SIGTRAP, -signal.SIGXCPU}

_HINT = "build it again and push it"
_HINTS = {
    "artifact.not-wasm": "let the component's source be the .wasm that its build makes (of LFS: git lfs pull), and push it again",
    "artifact.precompiled": "push the .wasm itself: nodes compile it",
    "artifact.archive": "push it again with spin registry push",
}

Extern = tuple[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class WasmReport:
    """What is inside a binary. `kind` is module or component; `imports` and `exports` are the outermost ones, each with its sort.

    `asked` names the functions and resources that an imported instance must have, for those whose type could be read.
    `compiled` tells whether it was compiled for this machine; `landlock` is the version of the kernel's landlock that bounded the child,
    0 where the kernel has none and limits alone did.
    """

    kind: str
    imports: tuple[Extern, ...]
    exports: tuple[Extern, ...]
    modules: int
    asked: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    compiled: bool = False
    landlock: int = 0

    @property
    def import_names(self) -> tuple[str, ...]:
        """The names of its imports."""
        return tuple(name for name, _ in self.imports)

    @property
    def export_names(self) -> tuple[str, ...]:
        """The names of its exports."""
        return tuple(name for name, _ in self.exports)

    def what_was_done(self) -> str:
        """Say in words how it was looked at."""
        done = "walked, validated and compiled" if self.compiled else "walked and validated, not compiled"
        bounds = "landlock and limits" if self.landlock else "limits, and without landlock, which this kernel has not"
        return f"{self.kind} of {self.modules} core modules {done}, in a process bounded by {bounds}"

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON, for the cache."""
        return {
            "kind": self.kind,
            "imports": [list(each) for each in self.imports],
            "exports": [list(each) for each in self.exports],
            "modules": self.modules,
            "asked": {name: list(each) for name, each in self.asked.items()},
            "compiled": self.compiled,
            "landlock": self.landlock,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any] | None) -> WasmReport | None:
        """Read a remembered report; anything odd about it means that it was never made."""
        if value is None:
            return None
        try:
            return cls(
                kind=_one_of(value["kind"], {"module", "component"}),
                imports=tuple((_text(name), _text(sort)) for name, sort in value["imports"]),
                exports=tuple((_text(name), _text(sort)) for name, sort in value["exports"]),
                modules=_number(value["modules"]),
                asked={_text(name): tuple(map(_text, each)) for name, each in value["asked"].items()},
                compiled=value["compiled"] is True,
                landlock=_number(value["landlock"]),
            )
        except (AttributeError, KeyError, TypeError, ValueError):
            return None


async def look_inside(path: Path, *, compiled: bool) -> WasmReport:
    """Walk and validate a Wasm binary, and compile it where `compiled`.

    Raises ArtifactError for a finding (it would be the same again; so is the child's own limit, hit twice, the second time with no other
    child beside it) and UnavailableError where it could not be completed.
    """
    report = WasmReport.from_json(await _answer(path, "compile" if compiled else "wasm", "its Wasm"))
    if report is None:
        raise UnavailableError("looking inside the Wasm gave no answer that can be read")
    return report


async def look_into_archive(path: Path) -> frozenset[str]:
    """Give the digests of the files in an archive layer. Raises as look_inside does."""
    files = (await _answer(path, "archive", "an archive layer")).get("files")
    if not isinstance(files, list) or not all(isinstance(each, str) for each in files):
        raise UnavailableError("looking into an archive layer gave no answer that can be read")
    return frozenset(files)


async def _answer(path: Path, what: str, subject: str) -> Mapping[str, Any]:
    async with _slot():
        answer = await _run(path, what)
    if answer.get("error") == "limit":
        # Once may be the machine's fault; twice, the second time alone, is the binary's.
        async with _all_slots():
            answer = await _run(path, what)
    error = answer.get("error")
    if error == "limit":
        raise ArtifactError(
            "artifact.too-costly",
            f"{subject} takes more memory or time to look at than is allowed: {answer['message']}",
            hint="make it smaller; a build with debug information stripped is often enough",
        )
    if error == "interrupted":
        raise UnavailableError(f"looking at {subject} was ended from outside: {answer['message']}")
    if error is not None:
        raise ArtifactError(str(error), f"{subject}: {answer['message']}", hint=_HINTS.get(str(error), _HINT))
    return answer


async def _run(path: Path, what: str) -> dict[str, Any]:
    size = (await asyncio.to_thread(os.stat, path)).st_size
    seconds = limits(size, what)[1]
    child = await asyncio.create_subprocess_exec(
        *command(path, what, size), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL, env={},
    )  # fmt: skip
    try:
        # Other work may hold the processors: the wall clock is only there to end what hangs.
        async with asyncio.timeout(4 * seconds + 10):
            output, _ = await child.communicate()
    except TimeoutError:
        return {"error": "interrupted", "message": f"no answer within {4 * seconds + 10} s"}
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    return _read(output, child.returncode or 0)


def command(path: Path, what: str, size: int) -> list[str]:
    """Give the child's command line, for a file of so many bytes; `what` is wasm, compile or archive."""
    memory, seconds = limits(size, what)
    return [sys.executable, "-I", str(_CHILD), str(path), what, str(memory), str(seconds)]


def limits(size: int, what: str) -> tuple[int, int]:
    """Give the child's address space in bytes and its CPU time in seconds, for a file of so many bytes."""
    if what == "compile":
        seconds = min(_MOST_SECONDS, _SECONDS + _COMPILE_SECONDS_PER_MIB * (size // _MIB))
        return _COMPILE_MEMORY + _COMPILE_PER_BYTE * size, seconds
    return _BASE_MEMORY + _PER_BYTE * size, _SECONDS


def _read(output: bytes, code: int) -> dict[str, Any]:
    """Tell an answer from a limit that the child hit and from an end that came from outside."""
    if code in _OWN_LIMITS:
        return {"error": "limit", "message": f"ended by {signal.Signals(-code).name}"}
    try:
        answer = json.loads(output)
    except ValueError:
        answer = None
    if code != 0 or not isinstance(answer, dict):
        return {"error": "interrupted", "message": f"exit code {code}"}
    return answer


_SLOTS: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[asyncio.Semaphore, asyncio.Lock]] = WeakKeyDictionary()


def _of_loop() -> tuple[asyncio.Semaphore, asyncio.Lock]:
    """Give the slots of the running loop: an agent has one loop, however many tenants it serves."""
    return _SLOTS.setdefault(asyncio.get_running_loop(), (asyncio.Semaphore(_AT_ONCE), asyncio.Lock()))


@asynccontextmanager
async def _slot() -> AsyncIterator[None]:
    async with _of_loop()[0]:
        yield


@asynccontextmanager
async def _all_slots() -> AsyncIterator[None]:
    """Wait until no other child runs, and let none start."""
    slots, lock = _of_loop()
    async with lock:
        taken = 0
        try:
            for _ in range(_AT_ONCE):
                await slots.acquire()
                taken += 1
            yield
        finally:
            for _ in range(taken):
                slots.release()


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(value)
    return value


def _one_of(value: Any, allowed: set[str]) -> str:
    if value not in allowed:
        raise ValueError(value)
    return str(value)
