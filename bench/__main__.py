"""The agent against the limit, in one run on one control plane; `make bench`.

    python -m bench [--apps 1000] [--idle 60] [--commits 10] [--results FILE]

(a) raw server-side applies a second, 16 in flight   (b) the agent's cold sync of the same objects, as a share of (a)
(c) requests of an idle minute   (d) push → object changed, one app of all   (e) the agent's peak memory
(f) start-up time of `spinfleet --help`, beside that of Python itself
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import json
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

from bench.raw_apply import raw_apply, request_of, workload
from reconciler.agent.fleetsync import REQUEST_ANNOTATION
from reconciler.agent.install import AGENT_ACCOUNT, FLEETSYNC, NAMESPACE, Installation, base_objects, fleetsync
from reconciler.local import gitserver
from reconciler.local.binary import find_or_build
from reconciler.local.controlplane import ControlPlane
from reconciler.local.ports import free_ports

OBJECTS_PER_APP = 4
FLEETSYNC_PATH = f"/apis/spinfleet.dev/v1alpha1/namespaces/{NAMESPACE}/fleetsyncs/{FLEETSYNC}"


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What one run showed; seconds, bytes, counts."""

    apps: int
    raw_rate: float
    cold_seconds: float
    idle: dict[str, int]
    idle_seconds: float
    commit_seconds: list[float]
    peak_bytes: int
    help_seconds: float
    python_seconds: float

    @property
    def cold_rate(self) -> float:
        return self.apps * OBJECTS_PER_APP / self.cold_seconds

    def lines(self) -> list[str]:
        writes = sum(count for verb, count in self.idle.items() if verb in {"POST", "PUT", "PATCH", "DELETE"})
        commit = statistics.median(self.commit_seconds)
        return [
            f"| (a) raw server-side applies, 16 in flight | {self.raw_rate:.0f}/s | - |",
            (
                f"| (b) cold sync of {self.apps} apps, {OBJECTS_PER_APP} objects each | {self.cold_seconds:.1f} s, {self.cold_rate:.0f} objects/s"
                f" = {self.cold_rate / self.raw_rate:.0%} of (a) | ≥ 60 % of (a) |"
            ),
            f"| (c) an idle {self.idle_seconds:.0f} s: writes; all requests | {writes}; {json.dumps(self.idle)} | 0 writes |",
            (
                f"| (d) push → object changed, one app of {self.apps}, median of {len(self.commit_seconds)} | {commit:.2f} s"
                f" (worst {max(self.commit_seconds):.2f} s) | ≤ 1 s |"
            ),
            f"| (e) peak memory of the agent | {self.peak_bytes / 1e6:.0f} MB | ≤ 150 MB |",
            (
                f"| (f) `spinfleet --help`, median of 20 | {self.help_seconds * 1000:.0f} ms, of which Python itself"
                f" {self.python_seconds * 1000:.0f} ms | ≤ 150 ms |"
            ),
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--apps", type=int, default=1000)
    parser.add_argument("--idle", type=float, default=60.0)
    parser.add_argument("--commits", type=int, default=10)
    parser.add_argument("--results", type=Path, help="append a section to this file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="spinfleet-bench-") as folder:
        figures = run(Path(folder), options)
    section = "\n".join(
        [
            f"## {dt.date.today()}: {options.apps} apps",  # noqa: DTZ011 - a date for people
            "",
            (
                f"`make bench ARGS='--apps {options.apps}'`, {psutil.cpu_count()} cores, Python {platform.python_version()}, etcd unsynced,"
                " everything on one machine."
            ),
            "",
            "| what | measured | goal |",
            "|---|---|---|",
            *figures.lines(),
            "",
        ]
    )
    print(section)
    if options.results:
        with options.results.open("a", encoding="utf-8") as handle:
            handle.write("\n" + section)


def run(folder: Path, options: argparse.Namespace) -> Figures:
    plane = ControlPlane.start(find_or_build(), folder / "plane")
    agent: subprocess.Popen[bytes] | None = None
    try:
        install(plane)
        raw = measure_raw(plane, options.apps)
        (folder / "git").mkdir()
        repository = gitserver.create(folder / "git", "fleet")
        repository.commit(fleet_files(options.apps))
        with gitserver.serving(folder / "git") as server:
            sync = fleetsync(Installation(cluster="here", url=server.url("fleet"), interval="1h"))
            plane.request("POST", FLEETSYNC_PATH.rpartition("/")[0], sync)
            (port,) = free_ports(1)
            began = time.perf_counter()
            agent = start_agent(plane, folder, port)
            total = options.apps * OBJECTS_PER_APP + (options.apps + 99) // 100
            wait(lambda: created(port) >= total, "the cold sync", 900, every=0.1)
            cold = time.perf_counter() - began
            say(f"cold sync: {cold:.1f} s")
            wait(lambda: healthy(plane, options.apps), "health", 900)
            time.sleep(10)  # what the cold sync leaves to report is not idleness
            idle = measure_idle(port, options.idle)
            commits = [measure_commit(plane, repository, options.apps, number) for number in range(options.commits)]
            peak = peak_memory(agent.pid)
        script = Path(sys.executable).with_name("spinfleet")
        return Figures(
            help_seconds=start_up(str(script), "--help"),
            python_seconds=start_up(sys.executable, "-c", "pass"),
            apps=options.apps,
            raw_rate=raw,
            cold_seconds=cold,
            idle=idle,
            idle_seconds=options.idle,
            commit_seconds=commits,
            peak_bytes=peak,
        )
    finally:
        if agent is not None:
            agent.terminate()
            agent.wait()
        plane.stop()


def start_up(*arguments: str) -> float:
    """(f): the median of 20 runs of a command."""
    times = []
    for _ in range(20):
        began = time.perf_counter()
        subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def install(plane: ControlPlane) -> None:
    for obj in base_objects():
        if obj["kind"] != "Deployment":
            plane.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(obj))
    plane.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")


def measure_raw(plane: ControlPlane, apps: int) -> float:
    """(a): the same objects, by a client that does nothing else; taken away again afterwards."""
    namespaces, objects = workload(apps, "raw")
    asyncio.run(raw_apply(plane.kubeconfig, map(request_of, namespaces)))
    measured = asyncio.run(raw_apply(plane.kubeconfig, map(request_of, objects)))
    say(f"raw: {measured}")
    for namespace in namespaces:
        plane.kubectl("delete", "namespace", namespace["metadata"]["name"], "--wait=false")
    wait(
        lambda: (
            not [
                item
                for item in plane.request("GET", "/api/v1/namespaces")["items"]
                if item["metadata"]["name"].startswith("raw-")
            ]
        ),
        "the raw objects' end",
        900,
    )
    return measured.rate


def fleet_files(apps: int) -> dict[str, str]:
    """A fleet of bundles: one for the namespaces, one for each app."""
    namespaces, objects = workload(apps, "bench")
    head = "apiVersion: spinfleet.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\n"
    files = {
        "fleet.yaml": head.format(kind="Fleet", name="bench") + "spec: {artifacts: {unsigned: Allow}}\n",
        "cluster.yaml": head.format(kind="Cluster", name="here") + "spec: {}\n",
        "namespaces/bundle.yaml": head.format(kind="Bundle", name="namespaces") + "spec: {path: ./objects}\n",
        "namespaces/objects/all.yaml": yaml.safe_dump_all(namespaces),
    }
    by_app: dict[str, list[dict[str, Any]]] = {}
    for obj in objects:
        by_app.setdefault(obj["metadata"]["name"], []).append(obj)
    for name, own in by_app.items():
        files[f"apps/{name}/bundle.yaml"] = head.format(kind="Bundle", name=name) + "spec: {path: ./objects}\n"
        files[f"apps/{name}/objects/all.yaml"] = yaml.safe_dump_all(own, sort_keys=False)
    return files


def start_agent(plane: ControlPlane, folder: Path, port: int) -> subprocess.Popen[bytes]:
    kubeconfig = plane.kubeconfig_for(NAMESPACE, AGENT_ACCOUNT)
    command = [
        sys.executable, "-c", "from reconciler.cli.main import main; main()", "agent", "--fleetsync", f"{NAMESPACE}/{FLEETSYNC}",
        "--kubeconfig", str(kubeconfig), "--cache", str(folder / "cache"), "--listen", f"127.0.0.1:{port}",
    ]  # fmt: skip
    with (folder / "agent.log").open("wb") as log:
        return subprocess.Popen(command, stdout=log, stderr=log)


def healthy(plane: ControlPlane, apps: int) -> bool:
    counts = (plane.request("GET", FLEETSYNC_PATH).get("status") or {}).get("counts") or {}
    return bool(counts.get("current", 0) == apps + 1 and counts.get("failedObjects") == 0)


def created(port: int) -> int:
    """How many objects the agent has created, by its own count."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            found = re.search(r'spinfleet_objects_total\{outcome="created"\} ([0-9.e+]+)', answer.read().decode())
    except OSError:
        return 0
    return int(float(found[1])) if found else 0


def measure_idle(port: int, seconds: float) -> dict[str, int]:
    """(c): what the agent's own counters grow by while nothing happens."""
    before = requests(port)
    time.sleep(seconds)
    after = requests(port)
    return {verb: count - before.get(verb, 0) for verb, count in after.items() if count != before.get(verb, 0)}


def requests(port: int) -> dict[str, int]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read().decode()
    return {
        found[1]: int(float(found[2]))
        for found in re.finditer(r'spinfleet_api_requests_total\{method="(\w+)"\} ([0-9.e+]+)', text)
    }


def measure_commit(plane: ControlPlane, repository: gitserver.Repository, apps: int, number: int) -> float:
    """(d): from the push (and the request to sync that a webhook would make) to the changed object."""
    app = (number * 97) % apps
    namespaces, objects = workload(apps, "bench", label=f"commit-{number}")
    name = f"app-{app:05}"
    own = [obj for obj in objects if obj["metadata"]["name"] == name]
    path = f"/api/v1/namespaces/{namespaces[app // 100]['metadata']['name']}/configmaps/{name}"
    repository.commit({f"apps/{name}/objects/all.yaml": yaml.safe_dump_all(own, sort_keys=False)})
    began = time.perf_counter()
    change = {"metadata": {"annotations": {REQUEST_ANNOTATION: f"bench-{number}"}}}
    plane.request("PATCH", FLEETSYNC_PATH, change, "application/merge-patch+json")
    wait(
        lambda: plane.request("GET", path)["metadata"]["labels"]["round"] == f"commit-{number}",
        "the change",
        60,
        every=0.005,
    )
    return time.perf_counter() - began


def peak_memory(pid: int) -> int:
    """(e): the highest resident size that the kernel has seen."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


def wait(done: Callable[[], bool], what: str, seconds: float, *, every: float = 0.2) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, f"{what} took more than {seconds} s"
        time.sleep(every)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
