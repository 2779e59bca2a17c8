"""Under any sequence of faults, what a watch tells adds up to what the server has, and nothing is invented on the way."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

import pytest
from aiohttp import web

from reconciler.cluster.connection import Connection
from reconciler.cluster.discovery import Resource
from reconciler.cluster.watch import Changed, Complete, Patience, Removed, Selection, watch
from reconciler.errors import ClusterError

pytestmark = pytest.mark.cluster

CONFIG_MAPS = Resource(
    group="", version="v1", kind="ConfigMap", plural="configmaps", namespaced=True, verbs=frozenset({"list"})
)


class Faulty:
    """Breaks each watch, and some lists, in a way that the generator picks, until it is told to stop."""

    def __init__(self, proxy: Any, dice: random.Random) -> None:
        self.proxy, self.dice, self.active = proxy, dice, True

    async def on_watch(self, request: web.Request) -> web.StreamResponse:
        roll = self.dice.randrange(6) if self.active else 0
        if roll == 1:
            return web.Response(status=500, text="etcd is away")
        if roll == 2:
            return web.json_response({"kind": "Status", "code": 410, "reason": "Expired"}, status=410)
        if roll == 3:
            response: web.StreamResponse = await self.proxy.fall_silent(request)
            return response
        if roll == 4:
            return web.Response(text='{"type": "DELETED", "object": {"metada')
        answer: web.StreamResponse = await self.proxy.forward(request, lines=self.dice.randint(1, 4) if roll else None)
        return answer

    async def on_list(self, request: web.Request) -> web.StreamResponse:
        roll = self.dice.randrange(4) if self.active else 0
        if roll == 1:
            return web.Response(text="<html></html>")
        if roll == 2:
            return web.Response(status=503, text="busy", headers={"Retry-After": "0"})
        answer: web.StreamResponse = await self.proxy.forward(request)
        return answer


async def write(server: Connection, namespace: str, dice: random.Random, steps: int) -> None:
    """Create, change, relabel and delete a few objects in random order, directly at the server."""
    path = CONFIG_MAPS.path(namespace)
    for step in range(steps):
        name = f"c{dice.randrange(6)}"
        labels = {"set": "ours" if dice.random() < 0.8 else "theirs"}
        obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}}
        if dice.random() < 0.3:
            with contextlib.suppress(ClusterError):  # it may not be there
                await server.request("DELETE", f"{path}/{name}")
        else:
            params = {"fieldManager": "t", "force": "true"}
            body = {**obj, "data": {"step": str(step)}}
            content_type = "application/apply-patch+yaml"
            await server.request("PATCH", f"{path}/{name}", params=params, body=body, content_type=content_type)
        await asyncio.sleep(dice.uniform(0.0, 0.03))


@pytest.mark.parametrize("seed", range(6))
async def test_the_events_add_up_to_the_servers_state(
    proxy: Any, through_proxy: Connection, control_plane: Any, namespace: str, seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311 - a seed makes it repeatable
    faulty = Faulty(proxy, random.Random(seed + 1000))  # noqa: S311 - as above
    proxy.on("GET", "watch=true", faulty.on_watch, times=10_000)
    proxy.on("GET", "limit=", faulty.on_list, times=10_000)
    state: dict[str, str] = {}
    selection = Selection(resource=CONFIG_MAPS, namespace=namespace, label_selector="set=ours")

    def version(obj: Mapping[str, Any]) -> tuple[str, str]:
        return obj["metadata"]["name"], obj["metadata"]["resourceVersion"]

    async def follow() -> None:
        async with aclosing(watch(through_proxy, selection, patience=Patience(silence=0.4))) as events:
            async for event in events:
                match event:
                    case Complete(items):
                        state.clear()
                        state.update(map(version, items))
                    case Changed(obj):
                        name, at = version(obj)
                        assert int(at) > int(state.get(name, 0)), "an event was told twice, or out of order"
                        state[name] = at
                    case Removed(obj):
                        assert state.pop(version(obj)[0], None), "an object was removed that was not there"

    async with await Connection.open(control_plane.kubeconfig) as server:
        following = asyncio.create_task(follow())
        await write(server, namespace, dice, 60)
        faulty.active = False
        answer = await server.request("GET", CONFIG_MAPS.path(namespace), params={"labelSelector": "set=ours"})
        wanted = dict(version(item) for item in answer.body["items"])
        async with asyncio.timeout(60):
            while state != wanted and not following.done():  # noqa: ASYNC110 - the follower has its own pace
                await asyncio.sleep(0.02)
        if following.done():
            following.result()
        following.cancel()
        await asyncio.wait({following})
    assert state == wanted
