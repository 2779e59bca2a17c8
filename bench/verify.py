"""Verification: what is remembered, a large Python component, many apps of few artifacts, a restart.

    python -m bench.verify [--apps 1000] [--artifacts 50] [--megabytes 25] [--compile]

The registry is the real one. The Python component is the example's, filled up to the size with a custom section; `--compile` has it compiled
too, and holds that against wasmtime alone in a process of its own (about a minute on one core).
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reconciler import data
from reconciler.artifact.access import RegistryAccess
from reconciler.artifact.compile_policy import ALWAYS, NEVER
from reconciler.artifact.model import Expected, VerdictStatus
from reconciler.artifact.registry import Registries
from reconciler.artifact.verify import Verifier
from reconciler.local import publish
from reconciler.local.binary import find_or_build
from reconciler.local.registry import Registry
from reconciler.manifest import Application, parse

MANIFEST = 'spin_manifest_version = 2\n[application]\nname = "{name}"\n[[trigger.http]]\nroute = "/..."\ncomponent = "m"\n[component.m]\nsource = "m.wasm"\n'
WASMTIME = "import sys, time, wasmtime\nfrom wasmtime import component\ndata = open(sys.argv[1], 'rb').read()\nbegan = time.process_time()\ncomponent.Component(wasmtime.Engine(), data)\nprint(time.process_time() - began)"
Row = tuple[str, str, str]


def application(name: str) -> Application:
    parsed = parse(MANIFEST.format(name=name).encode(), "spin.toml").application
    assert parsed is not None
    return parsed


def filled(wasm: bytes, size: int) -> bytes:
    """Give a component of about this size: itself and a custom section."""
    missing = size - len(wasm)
    if missing <= 0:
        return wasm
    body = b"\x04fill" + b"\xa5" * missing
    length, number = bytearray(), len(body)
    while number:
        length.append((number & 0x7F) | (0x80 if number > 0x7F else 0))
        number >>= 7
    return wasm + b"\0" + bytes(length) + body


class Counted(Registries):
    """Counts what is asked of registries, by kind."""

    __slots__ = ("asked",)

    def __init__(self, hosts: Any) -> None:
        super().__init__(hosts)
        self.asked: Counter[str] = Counter()

    async def get(self, url: str, **more: Any) -> Any:
        self.asked["manifests" if "/manifests/" in url else "blobs"] += 1
        return await super().get(url, **more)


def verifier(host: str, cache: Path) -> tuple[Verifier, Counter[str]]:
    made = Verifier(registries=[RegistryAccess(prefix=host, plain_http=True)], cache=cache)
    made._clients = counted = Counted(made._clients.hosts)  # noqa: SLF001 - there is no other place to count at
    return made, counted.asked


async def ask(host: str, cache: Path, asks: Sequence[tuple[str, Expected]]) -> tuple[float, float, Counter[str]]:
    """Give the seconds of the wall and of this process for all asks at once, with a new verifier, and what was asked."""
    made, asked = verifier(host, cache)
    async with made:
        wall, cpu = time.perf_counter(), time.process_time()
        verdicts = await asyncio.gather(*(made.verify(*each) for each in asks))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    assert {verdict.status for verdict in verdicts} == {VerdictStatus.VERIFIED}, verdicts[0].message
    return wall, cpu, asked


async def many(host: str, folder: Path, apps: int, artifacts: int, wasm: bytes) -> list[Row]:
    """(a) and (b): apps that share artifacts, then a restart, then what is known in memory."""
    asks = []
    applications = {}
    for number in range(artifacts):
        applications[number] = application(f"app-{number}")
        own = filled(wasm, len(wasm) + 100 + number)
        digest = publish.push(
            publish.assemble_application(applications[number], {"m": own}), host, f"many/app-{number}"
        )
        asks.append((f"{host}/many/app-{number}@{digest}", applications[number]))
    # Every app has a spin.toml of its own, equal to the others of its artifact.
    each = [
        (asks[n % artifacts][0], Expected(application=application(f"app-{n % artifacts}"), spin="3.6"))
        for n in range(apps)
    ]
    cold = await ask(host, folder / "many", each)
    warm = await ask(host, folder / "many", each)
    made, _ = verifier(host, folder / "many")
    async with made:
        await made.verify(*each[0])
        rounds = 20_000
        began = time.process_time()
        for _ in range(rounds):
            await made.verify(*each[0])
        known = (time.process_time() - began) / rounds
    return [
        (f"{apps} apps of {artifacts} artifacts, nothing known", f"{cold[0]:.1f} s; {cold[2]['manifests']} manifests, {cold[2]['blobs']} blobs asked for", f"{artifacts} manifests, each blob once"),
        ("the same after a restart", f"{warm[0]:.2f} s, {warm[1] / apps * 1000:.2f} ms CPU an app; {sum(warm[2].values())} requests", "0 requests"),
        ("a verdict that is known", f"{known * 1000:.3f} ms = {1 / known:.0f}/s", "≤ 1 ms"),
    ]  # fmt: skip


def wasmtime_alone(path: Path) -> float:
    """Give the CPU seconds of compiling, and of nothing else."""
    command = [sys.executable, "-c", WASMTIME, str(path)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


async def large(host: str, folder: Path, wasm: bytes, *, compiled: bool) -> list[Row]:
    """(c): one large component, without and with compilation."""
    digest = publish.push(publish.assemble_application(application("large"), {"m": wasm}), host, "large/app")
    reference, size = f"{host}/large/app@{digest}", f"{len(wasm) / 1e6:.0f} MB Python component"

    async def looked(policy: Any) -> tuple[float, float, float]:
        before, own = resource.getrusage(resource.RUSAGE_CHILDREN), time.process_time()
        with tempfile.TemporaryDirectory(dir=folder) as cache:
            made, _ = verifier(host, Path(cache))
            async with made:
                began = time.perf_counter()
                verdict = await made.verify(reference, Expected(compile=policy))
                wall = time.perf_counter() - began
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert verdict.status is VerdictStatus.VERIFIED, verdict.message
        own = time.process_time() - own
        return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, own

    runs = [await looked(NEVER) for _ in range(3)]
    wall, cpu, own = (min(run[part] for run in runs) for part in range(3))
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    rows = [
        (f"{size}, without compiling, best of 3", f"{wall * 1000:.0f} ms; CPU: {own * 1000:.0f} ms here, {cpu * 1000:.0f} ms in the child, which takes {memory:.0f} MiB", "≤ 300 ms"),
    ]  # fmt: skip
    if compiled:
        path = folder / "large.wasm"
        path.write_bytes(wasm)
        alone = await asyncio.to_thread(wasmtime_alone, path)
        wall, cpu, _ = await looked(ALWAYS)
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        rows.append((f"{size}, compiled", f"{wall:.1f} s, child {cpu:.1f} s CPU; wasmtime alone {alone:.1f} s CPU: {cpu / alone - 1:+.0%}; {memory:.0f} MiB (the larger of the two)", "≤ 10 % on top"))  # fmt: skip
    return rows


async def measure(options: argparse.Namespace) -> list[Row]:
    example = data.folder("fleet-example") / "apps"
    small = publish.build(example / "greeter") / "greeter.wasm"
    python = publish.build(example / "hello") / "hello.wasm"
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        registry = Registry.start(find_or_build(), folder / "registry")
        try:
            rows = await many(registry.host, folder, options.apps, options.artifacts, small.read_bytes())
            wasm = filled(python.read_bytes(), options.megabytes * 1_000_000)
            return rows + await large(registry.host, folder, wasm, compiled=options.compile)
        finally:
            registry.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--apps", type=int, default=1000)
    parser.add_argument("--artifacts", type=int, default=50)
    parser.add_argument("--megabytes", type=int, default=25)
    parser.add_argument("--compile", action="store_true")
    print("| what | measured | goal |\n|---|---|---|")
    for row in asyncio.run(measure(parser.parse_args())):
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main()
