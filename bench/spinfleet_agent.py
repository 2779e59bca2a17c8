"""Ourselves as a contestant: one agent with the rights that `spinfleet install` gives it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil

from bench.contest import wait
from reconciler.agent.fleetsync import REQUEST_ANNOTATION
from reconciler.agent.install import AGENT_ACCOUNT, FLEETSYNC, NAMESPACE, Installation, base_objects, fleetsync
from reconciler.local.controlplane import ControlPlane
from reconciler.local.ports import free_ports

_COLLECTION = f"/apis/spinfleet.dev/v1alpha1/namespaces/{NAMESPACE}/fleetsyncs"
_PATH = f"{_COLLECTION}/{FLEETSYNC}"
#: What an agent imports at its start and when it first needs it.
_IMPORTS = "import reconciler.cli.main, reconciler.cli.agent, reconciler.agent.main, kubernetes.aio.config, kubernetes.aio.client.configuration"


class SpinfleetAgent:
    """The agent, its FleetSync and its metrics."""

    name = "Spinfleet"

    def __init__(self) -> None:
        self._process: psutil.Popen | None = None
        self._apps = 0

    def install(self, plane: ControlPlane, folder: Path) -> None:
        self._plane, self._folder = plane, folder
        for obj in base_objects():
            if obj["kind"] != "Deployment":
                plane.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(obj))
        plane.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        (self._port,) = free_ports(1)
        # The agent's start belongs to the cold sync: it is started where it is told what to sync.
        self._kubeconfig = plane.kubeconfig_for(NAMESPACE, AGENT_ACCOUNT)
        # Installed with pip, as in the image, modules are compiled once; from a checkout each process may compile them anew.
        self._environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        subprocess.run([sys.executable, "-c", _IMPORTS], check=True, env=self._environment)

    def begin(self, url: str, apps: int) -> None:
        self._apps = apps
        self._plane.request("POST", _COLLECTION, fleetsync(Installation(cluster="here", url=url, interval="1m")))
        command = [
            sys.executable, "-c", "from reconciler.cli.main import main; main()", "agent", "--fleetsync", f"{NAMESPACE}/{FLEETSYNC}",
            "--kubeconfig", str(self._kubeconfig), "--cache", str(self._folder / "cache"), "--listen", f"127.0.0.1:{self._port}",
            "--lease", "none",
        ]  # fmt: skip
        with (self._folder / "agent.log").open("wb") as log:
            self._process = psutil.Popen(command, stdout=log, stderr=log, env=self._environment)

    def settled(self) -> bool:
        counts = (self._plane.request("GET", _PATH).get("status") or {}).get("counts") or {}
        return bool(counts.get("current", 0) == self._apps + 1 and counts.get("failedObjects") == 0)

    def noop(self) -> None:
        token = f"noop-{time.monotonic_ns()}"
        self._ask(token)
        wait(
            lambda: self._plane.request("GET", _PATH)["status"].get("lastHandledRequest") == token, "a sync", every=0.05
        )

    def nudge(self) -> None:
        self._ask(f"commit-{time.monotonic_ns()}")

    def requests(self) -> int:
        """Every request but the watches, which stay open."""
        found = re.findall(r"^spinfleet_api_requests_total\{[^}]*\} ([0-9.e+]+)", self._metrics(), re.MULTILINE)
        return sum(int(float(value)) for value in found)

    def phases(self) -> dict[str, float]:
        """What is left of the cold sync's time is the start: Python's, imports, credentials, discovery and release records."""
        pattern = r'^spinfleet_sync_phase_seconds_sum\{[^}]*phase="(\w+)"\} ([0-9.e+-]+)'
        return {name: float(value) for name, value in re.findall(pattern, self._metrics(), re.MULTILINE)}

    def _metrics(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/metrics") as answer:
            text: str = answer.read().decode()
        return text

    def processes(self) -> list[psutil.Process]:
        return [self._process] if self._process is not None else []

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()

    def _ask(self, token: str) -> None:
        change = {"metadata": {"annotations": {REQUEST_ANNOTATION: token}}}
        self._plane.request("PATCH", _PATH, change, "application/merge-patch+json")
