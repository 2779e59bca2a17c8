"""What an API server does to the requests of one FleetSync is not felt by another of the same agent."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from reconciler.agent.install import Installation, objects_of
from reconciler.agent.main import Agent
from reconciler.agent.options import AgentOptions
from reconciler.local import gitserver
from reconciler.local.controlplane import ControlPlane
from tests.agent.conftest import discard
from tests.faults.conftest import FaultProxy

pytestmark = pytest.mark.cluster

_FLEET = "apiVersion: spinfleet.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n"


@dataclass(kw_only=True, slots=True)
class Pair:
    """Two FleetSyncs, red and blue, each in a namespace and with a folder of the repository of its own, and an agent of this process."""

    plane: ControlPlane
    repository: gitserver.Repository
    names: dict[str, str]

    def commit(self, who: str, *things: str) -> str:
        """Have a tenant's fleet hold ConfigMaps of these names."""
        namespace = self.names[who]
        files: dict[str, str | bytes | None] = {
            f"{who}/fleet.yaml": _FLEET.format(kind="Fleet", name=who, spec="{}"),
            f"{who}/cluster.yaml": _FLEET.format(kind="Cluster", name="here", spec='{spin: "3.6"}'),
            f"{who}/bundle.yaml": _FLEET.format(kind="Bundle", name="things", spec="{path: ./things}"),
        }
        for name in things:
            metadata = {"name": name, "namespace": namespace}
            files[f"{who}/things/{name}.yaml"] = json.dumps(
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
            )
        return self.repository.commit(files)

    async def until(self, done: Callable[[], object], what: str) -> None:
        for _ in range(1200):
            if await asyncio.to_thread(done):
                return
            await asyncio.sleep(0.1)
        pytest.fail(f"not within two minutes: {what}: {[self.status(who) for who in self.names]}")

    def status(self, who: str) -> dict[str, Any]:
        path = f"/apis/spinfleet.dev/v1alpha1/namespaces/{self.names[who]}/fleetsyncs/fleet"
        status: dict[str, Any] = self.plane.request("GET", path).get("status") or {}
        return status

    def ready(self, who: str, commit: str) -> bool:
        status = self.status(who)
        conditions = {each["type"]: each["status"] for each in status.get("conditions") or ()}
        return (status.get("commit") or {}).get("applied") == commit and conditions.get("Ready") == "True"


@pytest.fixture
async def pair(control_plane: ControlPlane, proxied_kubeconfig: Path, tmp_path: Path) -> AsyncIterator[Pair]:
    suffix = secrets.token_hex(4)
    names = {who: f"{who}-{suffix}" for who in ("red", "blue")}
    (tmp_path / "git").mkdir()
    repository = gitserver.create(tmp_path / "git", "fleet")
    with gitserver.serving(tmp_path / "git") as server:
        pair = Pair(plane=control_plane, repository=repository, names=names)
        for who, namespace in names.items():
            pair.commit(who, "first")
            installation = Installation(
                cluster="here", url=server.url("fleet"), path=who, interval="1s", tenant=namespace
            )
            for obj in objects_of(installation):
                control_plane.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(obj))
        options = AgentOptions(
            cache=tmp_path / "cache", namespaces=tuple(names.values()), kubeconfig=proxied_kubeconfig, listen=None,
            concurrency=2,
        )  # fmt: skip
        agent = asyncio.create_task(Agent(options=options).run())
        try:
            yield pair
        finally:
            agent.cancel()
            with suppress(asyncio.CancelledError):
                await agent
            for namespace in names.values():
                discard(control_plane, "fleet", namespace)
                control_plane.kubectl("delete", "namespace", namespace, "--wait=false")


async def test_writes_of_one_that_hang_keep_no_room_from_the_other(pair: Pair, proxy: FaultProxy) -> None:
    go_on = asyncio.Event()

    async def hang(request: web.Request) -> web.StreamResponse:
        await go_on.wait()
        return await proxy.forward(request)

    where = f"/namespaces/{pair.names['red']}/configmaps/thing"
    proxy.on("PATCH", where, hang, times=-1)
    await asyncio.to_thread(pair.commit, "red", *(f"thing-{number}" for number in range(40)))
    # There is room for two requests of the agent, and red has both.
    await pair.until(lambda: proxy.count("PATCH", where) >= 2, "red's writes hang")
    commit = await asyncio.to_thread(pair.commit, "blue", "second")
    await pair.until(lambda: pair.ready("blue", commit), "blue goes on")
    assert not pair.ready("red", commit)
    go_on.set()
    await pair.until(lambda: pair.ready("red", commit), "red goes on")


async def test_one_that_is_told_to_come_back_later_waits_alone(pair: Pair, proxy: FaultProxy) -> None:
    where = f"/namespaces/{pair.names['red']}/configmaps/second"
    proxy.answer("PATCH", where, 429, {"kind": "Status", "message": "too many requests"}, times=-1, Retry_After="60")
    await asyncio.to_thread(pair.commit, "red", "second")
    await pair.until(lambda: proxy.count("PATCH", where) == 1, "red is told to wait")
    commit = await asyncio.to_thread(pair.commit, "blue", "second")
    await pair.until(lambda: pair.ready("blue", commit), "blue goes on")
    assert proxy.count("PATCH", where) == 1
