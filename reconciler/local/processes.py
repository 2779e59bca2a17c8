"""Child processes that never outlive us, whatever ends us, and that leave a log behind."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.errors import UnavailableError

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)
_LAST_LINES = 15


def _die_with_parent() -> None:
    """Have the kernel kill this child when the thread that started it ends (prctl(2), PR_SET_PDEATHSIG)."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class Process:
    """A started component with its log."""

    name: str
    popen: subprocess.Popen[bytes]
    log: Path

    def check(self) -> None:
        """Raise UnavailableError where it has ended, with the end of its log and where the rest is."""
        code = self.popen.poll()
        if code is not None:
            raise UnavailableError(
                f"{self.name} ended with code {code}; the end of its log:\n{self.tail()}",
                hint=f"its whole log is {self.log}",
            )

    def tail(self) -> str:
        """Give the last lines of the log."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(f"  {line[:300]}" for line in lines[-_LAST_LINES:])


@dataclass(slots=True)
class Processes:
    """A group of processes, stopped in the reverse of the order in which they were started."""

    logs: Path
    running: list[Process] = field(default_factory=list)

    def start(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Process:
        """Start a process in a process group of its own, so that Ctrl-C reaches only us and we end it in order."""
        self.logs.mkdir(parents=True, exist_ok=True)
        log = self.logs / f"{name}.log"
        with log.open("ab") as output:
            popen = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                cwd=cwd,
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - prctl alone: it takes no lock that another thread could hold
            )
        process = Process(name, popen, log)
        self.running.append(process)
        return process

    def stop(self, name: str = "", *, patience: float = 10.0) -> None:
        """End the named process, or all: SIGTERM, and SIGKILL for what is left after `patience` seconds."""
        ending = [process for process in reversed(self.running) if not name or process.name == name]
        for process in ending:
            _end(process.popen, patience)
            self.running.remove(process)


def _end(popen: subprocess.Popen[bytes], patience: float) -> None:
    if popen.poll() is None:
        popen.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            popen.wait(patience)
    # The group: whatever the process itself had started goes with it.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(popen.pid, signal.SIGKILL)
    popen.wait()


def wait_until(ready: Callable[[], bool], *, processes: Sequence[Process], what: str, deadline: float = 60.0) -> None:
    """Ask `ready` until it is True. Raises UnavailableError where a process ends first, or after `deadline` seconds."""
    end = time.monotonic() + deadline
    while not ready():
        for process in processes:
            process.check()
        if time.monotonic() > end:
            tails = "\n".join(process.tail() for process in processes[-1:])
            raise UnavailableError(
                f"{what} did not become ready within {deadline:g} s; the end of its log:\n{tails}",
                hint=f"the logs are in {processes[-1].log.parent}",
            )
        time.sleep(0.05)
