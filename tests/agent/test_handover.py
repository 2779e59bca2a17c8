"""Of two agents one works; when it ends, dies or is cut off, the other goes on."""

from __future__ import annotations

import hmac
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.agent.install import NAMESPACE
from reconciler.cluster.lease import Lease
from reconciler.local.ports import free_ports
from tests.agent.conftest import World

SECRET = "0123456789abcdef0123"

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


class Pair:
    """Two agents that share a Lease."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.processes: dict[int, subprocess.Popen[bytes]] = {}
        self.lease = f"l-{world.id}"

    def start(self, *options: str) -> int:
        """Start one; gives its process id."""
        cache = self.world.folder / f"cache-{len(self.processes)}"
        self.world.start("--cache", str(cache), *options, lease=self.lease)
        process = self.world.process
        assert process is not None
        self.world.process = None
        self.processes[process.pid] = process
        return process.pid

    def end(self, pid: int, number: int = signal.SIGKILL) -> None:
        process = self.processes.pop(pid)
        process.send_signal(number)
        process.wait(timeout=60)

    def holder(self) -> int:
        """The process id of whoever holds the Lease, 0 where nobody does."""
        path = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases"
        leases = {each["metadata"]["name"]: each for each in self.world.plane.request("GET", path)["items"]}
        identity = (leases.get(self.lease) or {"spec": {}})["spec"].get("holderIdentity") or "_0"
        return int(identity.rpartition("_")[2])

    def until_led_by(self, pid: int) -> None:
        self.world.until(lambda: self.holder() == pid, f"{pid} leads")

    def until_heals(self, pid: int) -> None:
        """Wait until a change in the cluster is put right, by this one."""
        change = '{"spec":{"replicas":9}}'
        world = self.world
        world.plane.kubectl("patch", "spinapp", "one", "-n", world.namespace, "--type=merge", "-p", change)
        world.until(lambda: (world.spinapp("one") or {})["spec"]["replicas"] == 2, "drift is healed")
        assert self.holder() == pid


@pytest.fixture
def pair(world: World) -> Iterator[Pair]:
    pair = Pair(world)
    try:
        yield pair
    finally:
        for process in pair.processes.values():
            process.kill()
            process.wait(timeout=60)
        world.plane.kubectl("delete", "lease", pair.lease, "-n", NAMESPACE, "--ignore-not-found")


def test_a_killed_agent_is_followed_by_the_other_within_fifteen_seconds(world: World, pair: Pair) -> None:
    # A lease that is renewed no more is free after its duration, which who stands by sees at the next try.
    times = {name: Lease.__dataclass_fields__[name].default for name in ("duration", "deadline", "renewal", "retry")}
    assert times["duration"] + times["renewal"] + times["retry"] <= 15
    assert times["deadline"] < times["duration"]

    commit = world.commit(world.fleet(), world.app("one", replicas=2))
    world.create()
    first = pair.start()
    world.until_ready(commit)
    second = pair.start()
    rehearsed = world.folder / "cache-1" / f"{NAMESPACE}.f-{world.id}"
    world.until(lambda: any((rehearsed / "verdicts").rglob("*")), "who stands by has read and verified all of it")
    pair.until_heals(first)
    pair.end(first)
    pair.until_led_by(second)
    pair.until_heals(second)
    later = world.commit(world.app("two"))
    world.until_ready(later)


def test_an_upgrade_hands_over_without_waiting_the_lease_out(world: World, pair: Pair) -> None:
    commit = world.commit(world.fleet(), world.app("one", replicas=2))
    world.create(source={"url": world.url, "branch": "main", "interval": "1h"})
    first = pair.start()
    world.until_ready(commit)
    port, hooks = free_ports(2)
    (world.folder / "secret").write_text(SECRET)
    options = ("--webhook-listen", f"127.0.0.1:{hooks}", "--webhook-secret", str(world.folder / "secret"))
    second = pair.start("--listen", f"127.0.0.1:{port}", *options)
    # Whoever stands by is ready: a Deployment goes on with the next one only then, and a Service sends it hooks.
    world.until(lambda: _ready(port), "the new one is ready")
    later = world.commit(world.app("two"))
    _post(hooks)
    world.until_ready(later)
    assert pair.holder() == first
    pair.end(first, signal.SIGTERM)
    pair.until_led_by(second)
    pair.until_heals(second)


def test_a_frozen_leader_that_wakes_up_late_writes_nothing_and_stands_by(world: World, pair: Pair) -> None:
    commit = world.commit(world.fleet(), world.app("one", replicas=2))
    world.create()
    first = pair.start()
    world.until_ready(commit)
    second = pair.start()
    pair.processes[first].send_signal(signal.SIGSTOP)
    pair.until_led_by(second)
    pair.processes[first].send_signal(signal.SIGCONT)
    world.until(lambda: "standing by" in Path(world.log).read_text(), "it notices")
    pair.until_heals(second)
    pair.end(second, signal.SIGTERM)
    pair.until_led_by(first)
    pair.until_heals(first)


def _post(port: int) -> None:
    signature = f"sha256={hmac.new(SECRET.encode(), b'{}', 'sha256').hexdigest()}"
    request = urllib.request.Request(f"http://127.0.0.1:{port}/hook", b"{}", {"X-Signature": signature}, method="POST")
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - the agent's own address
        assert answer.status == 202


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz") as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
