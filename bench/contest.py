"""One contestant measured: from an empty cluster to every object, a reconcile with nothing to do, commits, drift, memory.

Everybody gets a control plane of its own, just started, the same repository, and is told of a commit at once, as a webhook would.
"""

from __future__ import annotations

import http.client
import json
import ssl
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self

import psutil

from bench.workload import app_file, app_name, namespace_of, repository_files
from reconciler.local import gitserver
from reconciler.local.binary import Components
from reconciler.local.controlplane import ControlPlane

PREFIX = "bench"
#: No wait of a measurement is longer; a peer with thousands of objects may well take minutes.
PATIENCE = 1800.0


class Contestant(Protocol):
    """What deploys a repository: us or a peer."""

    @property
    def name(self) -> str:
        """What a table calls it."""

    def install(self, plane: ControlPlane, folder: Path) -> None:
        """Make everything but the object that starts a sync, and start its processes."""

    def begin(self, url: str, apps: int) -> None:
        """Make it sync the repository at this URL."""

    def settled(self) -> bool:
        """Tell whether it says itself that all is applied and healthy."""

    def noop(self) -> None:
        """Have it reconcile with nothing new, and return once it says that it has."""

    def nudge(self) -> None:
        """Tell it of a push, as a webhook would."""

    def requests(self) -> int:
        """How many requests it has made to the API server, by its own count."""

    def phases(self) -> Mapping[str, float]:
        """Seconds of what it did one after the other since it was begun, by its own word; empty where it has none."""

    def processes(self) -> list[psutil.Process]:
        """Its processes; their children count as well."""

    def stop(self) -> None:
        """End its processes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Effort:
    """How much is measured: commits and drifts, and the seconds of idleness."""

    commits: int = 10
    drifts: int = 3
    idle: float = 60.0


@dataclass(kw_only=True, slots=True)
class Figures:
    """What one run showed; seconds, bytes, counts."""

    apps: int
    cold: float = 0.0
    cold_cpu: float = 0.0
    noop_requests: int = 0
    noop_cpu: float = 0.0
    idle_requests: int = 0
    commits: list[float] = field(default_factory=list)
    drifts: list[float] = field(default_factory=list)
    peak: int = 0


def measure(contestant: Contestant, components: Components, folder: Path, apps: int, effort: Effort) -> Figures:
    """Measure it on a control plane of its own, in this folder."""
    figures = Figures(apps=apps)
    plane = ControlPlane.start(components, folder / "plane")
    try:
        (folder / "git").mkdir()
        repository = gitserver.create(folder / "git", "fleet")
        repository.commit(repository_files(apps, PREFIX))
        with gitserver.serving(folder / "git") as server:
            contestant.install(plane, folder)
            api = Api(plane)
            with Memory(contestant) as memory:
                _run(contestant, api, repository, server.url("fleet"), figures, effort)
            figures.peak = memory.peak
    finally:
        contestant.stop()
        plane.stop()
    return figures


def _run(
    contestant: Contestant, api: Api, repository: gitserver.Repository, url: str, figures: Figures, effort: Effort
) -> None:
    apps = figures.apps
    began, cpu = time.perf_counter(), cpu_seconds(contestant)
    contestant.begin(url, apps)
    wait(lambda: api.deployed(apps), "the cold sync", every=0.1)
    figures.cold = time.perf_counter() - began
    figures.cold_cpu = cpu_seconds(contestant) - cpu
    say(f"{contestant.name}, {apps} apps: cold sync {figures.cold:.1f} s, {figures.cold_cpu:.1f} s CPU")
    wait(contestant.settled, "health")
    if phases := contestant.phases():
        say(
            f"{contestant.name}, {apps} apps: {', '.join(f'{name} {seconds:.2f} s' for name, seconds in phases.items())}"
        )
    time.sleep(5)  # what the cold sync leaves to report is not a reconcile with nothing to do
    figures.noop_requests, figures.noop_cpu = _noop(contestant)
    before = contestant.requests()
    time.sleep(effort.idle)
    figures.idle_requests = contestant.requests() - before
    for number in range(effort.commits):
        figures.commits.append(_commit(contestant, api, repository, apps, number))
        wait(contestant.settled, "health")
    say(f"{contestant.name}, {apps} apps: commits {[round(value, 2) for value in figures.commits]}")
    for number in range(effort.drifts):
        figures.drifts.append(_drift(api, (number * 89 + 1) % apps))
    say(f"{contestant.name}, {apps} apps: drifts {[round(value, 2) for value in figures.drifts]}")


def _noop(contestant: Contestant) -> tuple[int, float]:
    requests, cpu = contestant.requests(), cpu_seconds(contestant)
    contestant.noop()
    return contestant.requests() - requests, cpu_seconds(contestant) - cpu


def _commit(contestant: Contestant, api: Api, repository: gitserver.Repository, apps: int, number: int) -> float:
    """From the push to the changed object."""
    app, label = (number * 97) % apps, f"commit-{number}"
    path = config_map(app)
    repository.commit(app_file(app, PREFIX, label=label))
    began = time.perf_counter()
    contestant.nudge()
    wait(lambda: api.get(path)["metadata"]["labels"]["round"] == label, "the change", every=0.005)
    return time.perf_counter() - began


def _drift(api: Api, app: int) -> float:
    """From a change by another hand to its undoing."""
    path, wanted = config_map(app), f"value of {app_name(app)}"
    api.patch(path, {"data": {"key": "drifted"}})
    began = time.perf_counter()
    wait(lambda: api.get(path)["data"]["key"] == wanted, "healing", every=0.005)
    return time.perf_counter() - began


def config_map(app: int) -> str:
    """The path of an app's ConfigMap."""
    return f"/api/v1/namespaces/{namespace_of(app, PREFIX)}/configmaps/{app_name(app)}"


class Api:
    """The administrator's view, over one connection that is kept: looking must not be what is measured."""

    def __init__(self, plane: ControlPlane) -> None:
        keys = plane.folder / "keys"
        context = ssl.create_default_context(cafile=str(keys / "ca.crt"))
        context.load_cert_chain(keys / "admin.crt", keys / "admin.key")
        self._connection = http.client.HTTPSConnection("127.0.0.1", plane.port, context=context, timeout=60)

    def get(self, path: str) -> Any:
        return self._request("GET", path)

    def patch(self, path: str, change: Any) -> Any:
        return self._request("PATCH", path, change)

    def deployed(self, apps: int) -> bool:
        """Tell whether every object is there. Deployments are applied last by everybody, so their count is asked for first."""
        if self._count("/apis/apps/v1/deployments") < apps or self._count("/api/v1/services") < apps + 1:
            return False
        return all(self._count_labelled(f"/api/v1/{plural}") >= apps for plural in ("configmaps", "serviceaccounts"))

    def _count(self, path: str) -> int:
        """How many there are, of which the server sends one."""
        answer = self.get(f"{path}?limit=1")
        return len(answer["items"]) + int(answer["metadata"].get("remainingItemCount") or 0)

    def _count_labelled(self, path: str) -> int:
        return len(self.get(f"{path}?labelSelector=round&resourceVersion=0")["items"])

    def _answer(self, method: str, path: str, data: str | None, headers: dict[str, str]) -> http.client.HTTPResponse:
        self._connection.request(method, path, data, headers)
        return self._connection.getresponse()

    def _request(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Content-Type": "application/merge-patch+json"} if body is not None else {}
        data = None if body is None else json.dumps(body)
        try:
            answer = self._answer(method, path, data, headers)
        except ConnectionError:
            # The server ends a connection that was idle for long. What is asked here may be asked twice.
            self._connection.close()
            answer = self._answer(method, path, data, headers)
        raw = answer.read()
        # Not found yet is an answer as well: it has no labels and no data.
        if answer.status == 404:
            return {"metadata": {"labels": {"round": ""}}, "data": {"key": ""}, "items": []}
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {raw[:300].decode(errors='replace')}")
        return json.loads(raw)


class Memory(threading.Thread):
    """The highest sum of a contestant's resident memory, looked at five times a second."""

    def __init__(self, contestant: Contestant) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self._contestant = contestant
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()

    def run(self) -> None:
        while not self._ended.wait(0.2):
            self.peak = max(self.peak, sum(map(resident, family(self._contestant))))


def family(contestant: Contestant) -> list[psutil.Process]:
    """Its processes and their children."""
    found = []
    for process in contestant.processes():
        try:
            found += [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            continue
    return found


def resident(process: psutil.Process) -> int:
    """Resident bytes; none where it has just ended."""
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def cpu_seconds(contestant: Contestant) -> float:
    """CPU seconds of its processes, and of their children that have ended."""
    return float(sum(sum(process.cpu_times()[:4]) for process in contestant.processes()))


def wait(done: Callable[[], bool], what: str, *, every: float = 0.2) -> None:
    """Look until it is so. Raises AssertionError after PATIENCE seconds."""
    end = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < end, f"{what} took more than {PATIENCE} s"
        time.sleep(every)


def say(text: str) -> None:
    """Tell how far it is, apart from the results."""
    print(text, file=sys.stderr, flush=True)
