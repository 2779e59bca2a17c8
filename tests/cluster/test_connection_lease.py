"""Of several candidates one leads; leadership passes on when its holder stops, dies or is cut off."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from reconciler.cluster.connection import MERGE_PATCH, Connection
from reconciler.cluster.lease import Lease

pytestmark = pytest.mark.cluster


class Candidate:
    """A candidate that only notes when it leads."""

    def __init__(self, connection: Connection, namespace: str, identity: str, **times: Any) -> None:
        self.lease = Lease(
            connection=connection, namespace=namespace, name="agent", identity=identity, **{**QUICK, **times}
        )
        self.leading = asyncio.Event()
        self.stopped = asyncio.Event()
        self.task = asyncio.create_task(self.lease.lead(self.work))

    async def work(self) -> None:
        self.leading.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.leading.clear()
            self.stopped.set()

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.wait({self.task})


QUICK = {"duration": 2, "deadline": 1.2, "renewal": 0.3, "retry": 0.1}


async def test_one_leads_and_the_other_takes_over_at_once_when_it_stops(connection: Connection, namespace: str) -> None:
    first = Candidate(connection, namespace, "first", duration=60, deadline=40.0)
    async with asyncio.timeout(10):
        await first.leading.wait()
        second = Candidate(connection, namespace, "second")
        await asyncio.sleep(1.0)
        assert first.lease.held
        assert not second.leading.is_set()
        await first.end()
        await second.leading.wait()
    await second.end()


async def test_a_holder_that_dies_is_followed_after_the_duration(connection: Connection, namespace: str) -> None:
    lease = {"holderIdentity": "dead", "leaseDurationSeconds": 1, "renewTime": "2999-01-01T00:00:00.000000Z"}
    obj = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "agent"}, "spec": lease}
    await connection.request("POST", f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases", body=obj)
    began = asyncio.get_running_loop().time()
    candidate = Candidate(connection, namespace, "next")
    async with asyncio.timeout(10):
        await candidate.leading.wait()
    # The dead one's clock was far ahead of ours; only the time since its last change counts.
    assert 1.0 <= asyncio.get_running_loop().time() - began < 5.0
    await candidate.end()


async def test_a_leader_whose_lease_is_taken_stops_and_stands_by(connection: Connection, namespace: str) -> None:
    candidate = Candidate(connection, namespace, "ours")
    path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/agent"
    async with asyncio.timeout(10):
        await candidate.leading.wait()
        assert await candidate.lease.confirm()
        change = {"spec": {"holderIdentity": "theirs", "leaseDurationSeconds": 60}}
        await connection.request("PATCH", path, body=change, content_type=MERGE_PATCH)
        assert not await candidate.lease.confirm()
        await candidate.stopped.wait()
        assert not candidate.lease.held
    await candidate.end()
    answer = await connection.request("GET", path)
    assert answer.body["spec"]["holderIdentity"] == "theirs"


async def test_a_leader_that_is_cut_off_stops_before_others_may_start(
    connection: Connection, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate = Candidate(connection, namespace, "ours")
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(10):
        await candidate.leading.wait()

        async def silent(*_: Any, **__: Any) -> Any:
            await asyncio.Event().wait()

        monkeypatch.setattr(candidate.lease, "connection", SimpleNamespace(request=silent))
        began = loop.time()
        await candidate.stopped.wait()
        assert loop.time() - began < QUICK["duration"]
    await candidate.end()


async def test_when_many_try_at_once_one_leads(connection: Connection, namespace: str) -> None:
    candidates = [Candidate(connection, namespace, f"c{number}") for number in range(8)]
    async with asyncio.timeout(10):
        await asyncio.wait(
            [asyncio.ensure_future(each.leading.wait()) for each in candidates], return_when=asyncio.FIRST_COMPLETED
        )
    await asyncio.sleep(0.5)
    assert sum(each.leading.is_set() for each in candidates) == 1
    for each in candidates:
        await each.end()


async def test_an_error_of_the_work_ends_leadership_with_it(connection: Connection, namespace: str) -> None:
    async def fail() -> None:
        raise ValueError("broken")

    lease = Lease(connection=connection, namespace=namespace, name="agent", identity="ours", **QUICK)
    with pytest.raises(ValueError, match="broken"):
        await lease.lead(fail)
    assert not lease.held
    path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/agent"
    answer = await connection.request("GET", path)
    assert not answer.body["spec"].get("holderIdentity")
