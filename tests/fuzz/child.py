"""The child: gives made inputs to parsers, within bounds, and says before each which it is (so that its death can be told)."""

from __future__ import annotations

import gc
import importlib
import json
import resource
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

#: What one input may take: seconds of this process' own CPU time, and bytes beyond what is in use before it.
SECONDS = 1.0
BYTES = 200 * 1024 * 1024
#: Looked at again where it was slow: the garbage of earlier inputs may have been in the way.
_TRIES = 3
_MOST_SHOWN = 1500


class TooSlow(BaseException):
    """Ends an input that has used its time and more."""


def main() -> None:
    """Take a module from the arguments and `target/seed` lines from standard input; write a line of JSON for each input and fault."""
    targets = importlib.import_module(sys.argv[1]).TARGETS
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGPROF, _stop)
    inputs = [line.split("/") for line in sys.stdin.read().split()]
    for name in dict.fromkeys(name for name, _ in inputs):
        _one(name, targets[name], [seed for each, seed in inputs if each == name])
    _say(end=True)


def _one(name: str, target: Any, seeds: list[str]) -> None:
    """Run one target on its inputs. Of faults that are noticed at one place the first is told."""
    target.warm()
    gc.collect()
    before = _memory("VmRSS")
    told: set[str] = set()
    for seed in seeds:
        _say(input=f"{name}/{seed}")
        what, where, text = _tried(target, target.made(seed))
        if what and f"{what[:8]} {where}" not in told:
            told.add(f"{what[:8]} {where}")
            _say(input=f"{name}/{seed}", what=what, text=text)
    gc.collect()
    kept = _memory("VmRSS") - before
    if kept > BYTES:
        _say(input=f"{name}/{seeds[-1]}", what=f"{kept >> 20} MB are kept after all inputs", text="")


def _tried(target: Any, data: bytes) -> tuple[str, str, str]:
    """Give what is wrong, where it was noticed, and the traceback with the input's beginning; empty texts where all is well."""
    for _ in range(_TRIES):
        _bound()
        begun = time.process_time()
        what, where, text = "", "", ""
        try:
            signal.setitimer(signal.ITIMER_PROF, 2 * SECONDS)
            target.run(data)
        except TooSlow:
            text = traceback.format_exc()
        except MemoryError:
            what, text = f"more than {BYTES >> 20} MB", traceback.format_exc()
        except Exception as error:  # noqa: BLE001 - whatever a parser may not raise is what is looked for
            what, text = f"raised {type(error).__name__}", traceback.format_exc()
            where = str(traceback.extract_tb(error.__traceback__)[-1][:2])
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        took = time.process_time() - begun
        shown = f"{text[-_MOST_SHOWN:]}input of {len(data)} bytes: {data[:200]!r}"
        if what:
            return what, where, shown
        if took <= SECONDS:
            return "", "", ""
    return f"{took:.1f} s of CPU time", where, shown


def _bound() -> None:
    """Let memory grow by BYTES from where it is, and let code that no signal reaches be killed some seconds later."""
    limit = _memory("VmSize") + BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    seconds = int(time.process_time() + 5 * SECONDS) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.RLIM_INFINITY))


def _memory(name: str) -> int:
    """Give a size of this process in bytes, as Linux says it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith(f"{name}:"))


def _stop(*_: Any) -> None:
    raise TooSlow


def _say(**fields: Any) -> None:
    sys.stdout.write(f"{json.dumps(fields)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
