"""How long a cluster goes without its agent when that is killed: another stands by, warm, and several FleetSyncs are followed.

    python -m bench.handover [--apps 200 1000] [--fleetsyncs 4] [--kills 3]

The leader is killed (SIGKILL) and at once an object of each FleetSync is changed by another hand: the figures are seconds from the kill to
the first of them healed, which is the new leader's first write, and to the last. The apps are divided among the FleetSyncs; each app
has four objects (bench/workload.py).
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.contest import Api, say, wait
from bench.workload import app_name, namespace_of, repository_files
from reconciler.agent.install import (
    AGENT_ACCOUNT,
    DEPLOYER_ACCOUNT,
    NAMESPACE,
    Installation,
    agent_rights,
    base_objects,
    fleetsync,
)
from reconciler.local import gitserver
from reconciler.local.binary import find_or_build
from reconciler.local.controlplane import ControlPlane
from reconciler.local.ports import free_ports

_LEASE = "bench"
_COLLECTION = f"/apis/spinfleet.dev/v1alpha1/namespaces/{NAMESPACE}/fleetsyncs"
_RBAC = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}"
#: Less processor time than this in two seconds is at rest.
_AT_REST, _LOOK_FOR = 0.1, 2.0
_DRIFTED = "drifted"


@dataclass(frozen=True, kw_only=True, slots=True)
class Agent:
    """One agent's process and the port of its metrics."""

    process: psutil.Popen
    port: int

    def is_ready(self) -> bool:
        """Tell whether it works, or stands by."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz") as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def is_at_rest(self) -> bool:
        """Tell whether it has nothing to do: one that stands by has then read all there is."""
        before = sum(self.process.cpu_times()[:4])
        time.sleep(_LOOK_FOR)
        return sum(self.process.cpu_times()[:4]) - before < _AT_REST


class Bench:
    """A cluster with some FleetSyncs, and the agents beside it."""

    def __init__(self, plane: ControlPlane, folder: Path, apps: Mapping[str, int]) -> None:
        """`apps` is how many each FleetSync has, by its name."""
        self._plane, self._folder, self._apps = plane, folder, apps
        self._api = Api(plane)
        self._started = 0

    def install(self, urls: Mapping[str, str]) -> None:
        """Make what an agent needs, and a FleetSync for each repository."""
        for obj in base_objects():
            if obj["kind"] != "Deployment":
                self._plane.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(obj))
        self._plane.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        self._kubeconfig = self._plane.kubeconfig_for(NAMESPACE, AGENT_ACCOUNT)
        for name, url in urls.items():
            for right in agent_rights(name, NAMESPACE, DEPLOYER_ACCOUNT):
                self._plane.request("POST", f"{_RBAC}/{right['kind'].lower()}s", right)
            sync = fleetsync(Installation(cluster="here", url=url, interval="5s"))
            sync["metadata"]["name"] = name
            self._plane.request("POST", _COLLECTION, sync)

    def start(self) -> Agent:
        """Start an agent of its own cache, and wait until it is ready."""
        (port,) = free_ports(1)
        self._started += 1
        command = [
            sys.executable, "-c", "from reconciler.cli.main import main; main()", "agent", "--kubeconfig", str(self._kubeconfig),
            "--cache", str(self._folder / f"cache-{self._started}"), "--listen", f"127.0.0.1:{port}", "--lease", _LEASE,
        ]  # fmt: skip
        with (self._folder / f"agent-{self._started}.log").open("wb") as log:
            agent = Agent(process=psutil.Popen(command, stdout=log, stderr=log), port=port)
        wait(agent.is_ready, "an agent's start")
        return agent

    def settled(self) -> bool:
        """Tell whether every FleetSync says that all of it is applied and current."""
        counts = {
            name: self._api.get(f"{_COLLECTION}/{name}").get("status", {}).get("counts") or {} for name in self._apps
        }
        return all(counts[name].get("current") == apps + 1 for name, apps in self._apps.items())

    def kill(self, agent: Agent) -> list[float]:
        """Kill the leader; gives when each FleetSync was healed again, in seconds, sorted."""
        agent.process.kill()
        began = time.perf_counter()
        agent.process.wait()
        left = {name: _config_map(name, apps - 1) for name, apps in self._apps.items()}
        for path in left.values():
            self._api.patch(path, {"data": {"key": _DRIFTED}})
        found = []
        while left:
            for name, path in tuple(left.items()):
                if self._api.get(path)["data"]["key"] != _DRIFTED:
                    found.append(time.perf_counter() - began)
                    del left[name]
            time.sleep(0.02)
        return found


def _config_map(name: str, app: int) -> str:
    return f"/api/v1/namespaces/{namespace_of(app, name)}/configmaps/{app_name(app)}"


@contextmanager
def _served(folder: Path, apps: Mapping[str, int]) -> Iterator[dict[str, str]]:
    """Serve a repository for each FleetSync; gives their addresses."""
    folder.mkdir()
    for name, number in apps.items():
        gitserver.create(folder, name).commit(repository_files(number, name))
    with gitserver.serving(folder) as server:
        yield {name: server.url(name) for name in apps}


def measure(apps: int, fleetsyncs: int, kills: int) -> list[list[float]]:
    """Give, for each kill, when each FleetSync was healed."""
    share = {f"sync-{number}": apps // fleetsyncs for number in range(fleetsyncs)}
    with tempfile.TemporaryDirectory(prefix="spinfleet-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        urls = stack.enter_context(_served(folder / "git", share))
        plane = ControlPlane.start(find_or_build(), folder / "plane")
        stack.callback(plane.stop)
        bench = Bench(plane, folder, share)
        bench.install(urls)
        leader, found = bench.start(), []
        stack.callback(lambda: _end(agents))
        agents = [leader]
        wait(bench.settled, "the cold sync")
        for _ in range(kills):
            other = bench.start()
            agents.append(other)
            wait(lambda: leader.is_at_rest() and other.is_at_rest(), "rest", every=0.0)  # noqa: B023 - called here only
            found.append(bench.kill(leader))
            say(f"{apps} apps, {fleetsyncs} FleetSyncs: {[round(each, 1) for each in found[-1]]}")
            leader = other
            wait(bench.settled, "health")
        return found


def _end(agents: list[Agent]) -> None:
    for agent in agents:
        if agent.process.is_running():
            agent.process.kill()
        try:
            agent.process.wait(30)
        except (psutil.NoSuchProcess, subprocess.TimeoutExpired):
            continue


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--apps", type=int, nargs="+", default=[200, 1000])
    parser.add_argument("--fleetsyncs", type=int, default=4)
    parser.add_argument("--kills", type=int, default=3)
    options = parser.parse_args()
    print(
        "| apps | FleetSyncs | first write, median; worst | every FleetSync healed, median; worst |\n|---|---|---|---|"
    )
    for apps in options.apps:
        found = measure(apps, options.fleetsyncs, options.kills)
        first, last = [each[0] for each in found], [each[-1] for each in found]
        cells = [f"{statistics.median(times):.1f} s; {max(times):.1f} s" for times in (first, last)]
        print(f"| {apps:,} | {options.fleetsyncs} | {cells[0]} | {cells[1]} |")


if __name__ == "__main__":
    main()
