"""The agent against the limit and against a peer, in one run, one after the other on control planes of their own; `make bench`.

    python -m bench [--apps 100 500 1000] [--rounds 1] [--idle 60] [--commits 10] [--drifts 3] [--peer-apps 1000] [--plots] [--results FILE]

The limit is a client that does nothing but server-side applies of the same objects. Flux runs beside us where FLUX_SOURCE_CONTROLLER and
FLUX_KUSTOMIZE_CONTROLLER name its binaries, up to --peer-apps apps (one Kustomization an app: up to half of them); without them, our figures stand
against a baseline measured once. The repository is the same for all (bench/workload.py), and all are told of a push at once.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from bench import flux, report
from bench.contest import Contestant, Effort, Figures, measure, say
from bench.raw_apply import raw_apply
from bench.spinfleet_agent import SpinfleetAgent
from bench.workload import request_of, workload
from reconciler.local.binary import Components, find_or_build
from reconciler.local.controlplane import ControlPlane


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--apps", type=int, nargs="+", default=[100, 500, 1000], help="how many apps; several numbers give curves"
    )
    parser.add_argument("--rounds", type=int, default=1, help="how often everybody is measured, alternating")
    parser.add_argument("--idle", type=float, default=60.0, help="seconds")
    parser.add_argument("--commits", type=int, default=10)
    parser.add_argument("--drifts", type=int, default=3)
    parser.add_argument("--peer-apps", type=int, default=1000, help="above this many apps the peer is left out")
    parser.add_argument("--plots", action="store_true", help="draw curves into bench/plots")
    parser.add_argument("--results", type=Path, help="append the sections to this file")
    options = parser.parse_args()
    components = find_or_build()
    effort = Effort(commits=options.commits, drifts=options.drifts, idle=options.idle)
    measured: dict[int, dict[str, Figures]] = {}
    command = f"make bench ARGS='{' '.join(sys.argv[1:])}'" if len(sys.argv) > 1 else "make bench"
    lines = [
        f"## {dt.date.today()}: syncing",  # noqa: DTZ011 - a date for people
        "",
        f"`{command}`, {psutil.cpu_count()} cores, Python {platform.python_version()}, etcd unsynced, everything on one machine.",
        "",
    ]
    for apps in options.apps:
        raw, measured[apps] = _round_robin(components, apps, options.rounds, options.peer_apps, effort)
        section = [f"### {apps:,} apps", "", *report.table(apps, raw, measured[apps]), ""]
        say("\n".join(section))
        lines += section
    lines += [f"`spinfleet --help`: {_start_up() * 1000:.0f} ms, median of 20.", ""]
    if options.plots:
        lines += [*report.curves(Path(__file__).parent / "plots", measured), ""]
    print("\n".join(lines))
    if options.results:
        with options.results.open("a", encoding="utf-8") as handle:
            handle.write("\n" + "\n".join(lines))


def _round_robin(
    components: Components, apps: int, rounds: int, peer_apps: int, effort: Effort
) -> tuple[float, dict[str, Figures]]:
    """Measure everybody in turn, as often as asked: what else the machine does then meets all alike."""
    rates: list[float] = []
    runs: dict[str, list[Figures]] = {}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="spinfleet-bench-") as folder:
            rates.append(_raw(components, Path(folder), apps))
        for contestant in _contestants(apps, peer_apps):
            with tempfile.TemporaryDirectory(prefix="spinfleet-bench-") as folder:
                runs.setdefault(contestant.name, []).append(measure(contestant, components, Path(folder), apps, effort))
    return statistics.median(rates), {name: report.median(found) for name, found in runs.items()}


def _contestants(apps: int, peer_apps: int) -> Iterator[Contestant]:
    yield SpinfleetAgent()
    binaries = flux.binaries()
    if binaries and apps <= peer_apps:
        yield flux.Flux(binaries, each=False)
        if apps <= peer_apps // 2:
            yield flux.Flux(binaries, each=True)


def _raw(components: Components, folder: Path, apps: int) -> float:
    """The limit: applies a second of a client that does nothing else."""
    plane = ControlPlane.start(components, folder / "plane")
    try:
        namespaces, objects = workload(apps, "raw")
        asyncio.run(raw_apply(plane.kubeconfig, map(request_of, namespaces)))
        measured = asyncio.run(raw_apply(plane.kubeconfig, map(request_of, objects)))
    finally:
        plane.stop()
    say(f"raw, {apps} apps: {measured}")
    return measured.rate


def _start_up() -> float:
    """The median time of 20 runs of a command that only prints."""
    script = Path(sys.executable).with_name("spinfleet")
    times = []
    for _ in range(20):
        began = time.perf_counter()
        subprocess.run([script, "--help"], check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


if __name__ == "__main__":
    main()
