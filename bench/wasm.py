"""What looking inside a large component costs: the child without and with compiling, against wasmtime alone, and our own loop meanwhile.

    python -m bench.wasm [--megabytes 25] [--rounds 5] [FILE]

Without FILE a Python component is built with componentize-py and filled up with data to the size asked for.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from reconciler import data
from reconciler.artifact.child import command, limits, look_inside

_MIB = 1024 * 1024
#: wasmtime alone: nothing but what compiling takes, timed from within, so that starting Python is not in it.
_ALONE = """\
import sys, time
import wasmtime, wasmtime.component
data = open(sys.argv[1], "rb").read()
engine = wasmtime.Engine()
began, spent = time.perf_counter(), time.process_time()
wasmtime.component.Component(engine, data)
print(time.perf_counter() - began, time.process_time() - spent)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What a child took: seconds by the clock and of processors, and its largest resident memory in bytes."""

    wall: float
    cpu: float
    memory: int


def python_component(folder: Path, megabytes: int) -> Path:
    """Build the hello app with a table of random bytes in it, so that the component has about so many megabytes."""
    shutil.copytree(data.folder("fleet-example") / "apps" / "hello", folder, dirs_exist_ok=True)
    app = folder / "app.py"
    # The table is in the component twice: as data, and in the memory that starting Python has left.
    table = max(0, megabytes * 1000 * 1000 - 18_400_000) // 2
    app.write_text(f"import random\nTABLE = random.Random(1).randbytes({table})\n{app.read_text()}")
    builder = [
        str(Path(sys.executable).parent / "componentize-py"),
        "-d",
        "wit",
        "-w",
        "hello",
        "componentize",
        "app",
        "-o",
        "hello.wasm",
    ]
    subprocess.run(builder, cwd=folder, check=True, capture_output=True)
    return folder / "hello.wasm"


def child_cost(path: Path, *, compiled: bool) -> Cost:
    """Run the agent's child on a file once. Raises RuntimeError where it finds something wrong."""
    arguments = command(path, "compile" if compiled else "wasm", path.stat().st_size)
    began = time.perf_counter()
    child = subprocess.Popen(arguments, stdout=subprocess.PIPE, env={})
    assert child.stdout is not None
    answer = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - began
    if status or b'"error"' in answer:
        raise RuntimeError(answer.decode() or f"the child ended with {status}")
    return Cost(wall=wall, cpu=usage.ru_utime + usage.ru_stime, memory=usage.ru_maxrss * 1024)


def compile_alone(path: Path) -> tuple[float, float]:
    """Give what wasmtime alone takes to compile a component: seconds by the clock and of processors."""
    answer = subprocess.run([sys.executable, "-I", "-c", _ALONE, str(path)], capture_output=True, text=True, check=True)
    wall, cpu = map(float, answer.stdout.split())
    return wall, cpu


async def longest_pause(path: Path) -> tuple[float, int]:
    """Give the longest time (seconds) for which our loop stood still while a file was looked at, and what our memory grew by (bytes)."""
    worst, loop, before = 0.0, asyncio.get_running_loop(), _resident()

    async def beat() -> None:
        nonlocal worst
        while True:
            began = loop.time()
            await asyncio.sleep(0.002)
            worst = max(worst, loop.time() - began - 0.002)

    beating = asyncio.create_task(beat())
    await look_inside(path, compiled=False)
    beating.cancel()
    return worst, _resident() - before


def _resident() -> int:
    with open("/proc/self/statm", encoding="ascii") as handle:  # noqa: PTH123 - not a file of ours
        return int(handle.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--megabytes", type=int, default=25)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = arguments.file or python_component(Path(folder), arguments.megabytes)
        size = path.stat().st_size
        plain = [child_cost(path, compiled=False) for _ in range(arguments.rounds)]
        pause, grown = asyncio.run(longest_pause(path))
        pairs = [(compile_alone(path), child_cost(path, compiled=True)) for _ in range(max(1, arguments.rounds // 2))]
    over = [cost.wall / alone[0] - 1 for alone, cost in pairs]
    over_cpu = [cost.cpu / alone[1] - 1 for alone, cost in pairs]
    wall = statistics.median(each.wall for each in plain)
    rows = [
        ("size of the component", f"{size / 1e6:.1f} MB", "25 MB"),
        (
            "child, walked and validated, median",
            f"{wall * 1000:.0f} ms, {statistics.median(e.cpu for e in plain) * 1000:.0f} ms CPU",
            "≤ 300 ms",
        ),
        (
            "its memory; its limit (address space)",
            f"{max(e.memory for e in plain) / 1e6:.0f} MB; {limits(size, 'wasm')[0] / _MIB:.0f} MiB",
            "-",
        ),
        (
            "wasmtime alone, compiling",
            f"{statistics.median(a[0] for a, _ in pairs):.1f} s, {statistics.median(a[1] for a, _ in pairs):.1f} s CPU",
            "-",
        ),
        (
            "child, compiled as well",
            f"{statistics.median(c.wall for _, c in pairs):.1f} s, {statistics.median(c.cpu for _, c in pairs):.1f} s CPU",
            "-",
        ),
        (
            "more than wasmtime alone",
            f"{statistics.median(over):+.1%}, {statistics.median(over_cpu):+.1%} CPU",
            "≤ 10 %",
        ),
        (
            "its memory; its limit (address space)",
            f"{max(c.memory for _, c in pairs) / 1e6:.0f} MB; {limits(size, 'compile')[0] / _MIB:.0f} MiB",
            "-",
        ),
        (
            "our own loop: longest pause; memory grown by",
            f"{pause * 1000:.0f} ms; {grown / 1e6:.1f} MB",
            "≤ 50 ms; ≤ 50 MB",
        ),
    ]
    print("| what | measured | goal |\n|---|---|---|")
    for row in rows:
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main()
