"""Running the validation child: a few at a time, each with bounds, and telling its verdicts from its accidents."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler.errors import ArtifactError, UnavailableError

_CHILD = Path(__file__).with_name("_validate.py")
#: Python's own and the library's address space, before the binary is looked at.
_BASE_MEMORY = 640 * 1024 * 1024
_PER_BYTE = 6
_AT_ONCE = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class WasmReport:
    """What is inside a binary: `kind` is module or component; names are the outermost imports and exports."""

    kind: str
    imports: tuple[str, ...]
    exports: tuple[str, ...]
    modules: int


@dataclass(slots=True)
class Children:
    """Validates binaries, two children at most at once."""

    seconds: int = 20
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

    async def validate(self, path: Path) -> WasmReport:
        """Look inside a file.

        Raises ArtifactError for a finding (it would be the same again; so is the child's own limit hit twice) and
        UnavailableError where it could not be completed.
        """
        async with self._slots:
            answer = await self._run(path)
            if answer is None or answer.get("error") == "memory":
                # Once may be the machine's fault; twice, alone, is the binary's.
                answer = await self._run(path)
        if answer is None:
            raise UnavailableError("looking inside the Wasm was ended from outside")
        if "error" in answer:
            code = "artifact.too-costly" if answer["error"] == "memory" else str(answer["error"])
            raise ArtifactError(code, f"its Wasm: {answer['message']}", hint="build it again and push it")
        return WasmReport(
            kind=str(answer["kind"]),
            imports=tuple(answer["imports"]),
            exports=tuple(answer["exports"]),
            modules=int(answer["modules"]),
        )

    async def _run(self, path: Path) -> dict[str, Any] | None:
        size = await asyncio.to_thread(os.path.getsize, path)
        command = [
            sys.executable,
            "-I",
            str(_CHILD),
            str(path),
            str(_BASE_MEMORY + _PER_BYTE * size),
            str(self.seconds),
        ]
        child = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={},
        )
        try:
            async with asyncio.timeout(self.seconds + 10):
                output, _ = await child.communicate()
        except TimeoutError:
            return None
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        try:
            answer: dict[str, Any] = json.loads(output)
        except ValueError:
            return None
        return answer
