"""A watch goes on through every fault without missing or inventing a change."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from reconciler.cluster.connection import Connection
from reconciler.cluster.discovery import Resource
from reconciler.cluster.watch import Changed, Complete, Event, Patience, Selection, watch
from reconciler.errors import ClusterError
from reconciler.local.controlplane import ControlPlane

pytestmark = pytest.mark.cluster

CONFIG_MAPS = Resource(
    group="", version="v1", kind="ConfigMap", plural="configmaps", namespaced=True, verbs=frozenset({"list"})
)


def create(control_plane: ControlPlane, namespace: str, name: str) -> Any:
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"set": "ours"}}}
    return control_plane.request("POST", f"/api/v1/namespaces/{namespace}/configmaps", obj)


@asynccontextmanager
async def watching(
    connection: Connection, namespace: str, **patience: Any
) -> AsyncIterator[AsyncGenerator[Event, None]]:
    selection = Selection(resource=CONFIG_MAPS, namespace=namespace, label_selector="set=ours")
    async with (
        asyncio.timeout(30),
        aclosing(watch(connection, selection, patience=Patience(**patience))) as events,
    ):
        yield events


async def test_a_connection_that_breaks_is_resumed_after_the_last_event(
    proxy: Any, through_proxy: Connection, control_plane: ControlPlane, namespace: str
) -> None:
    async def after_one_event(request: web.Request) -> web.StreamResponse:
        answer: web.StreamResponse = await proxy.forward(request, lines=1)
        return answer

    proxy.on("GET", "watch=true", after_one_event, times=2)
    async with watching(through_proxy, namespace) as events:
        assert await anext(events) == Complete(())
        for name in ("a", "b", "c"):
            made = create(control_plane, namespace, name)
            assert await anext(events) == Changed(made)
    assert proxy.count("GET", "watch=true") == 3
    assert proxy.count("GET", "limit=") == 1


async def test_an_expired_watch_gives_the_complete_state_with_no_gap(
    proxy: Any, through_proxy: Connection, control_plane: ControlPlane, namespace: str
) -> None:
    async def expire(request: web.Request) -> web.StreamResponse:
        create(control_plane, namespace, "while-away")
        status = {"kind": "Status", "status": "Failure", "reason": "Expired", "code": 410, "message": "too old"}
        return web.Response(text=json.dumps({"type": "ERROR", "object": status}) + "\n")

    proxy.on("GET", "watch=true", expire)
    async with watching(through_proxy, namespace) as events:
        assert await anext(events) == Complete(())
        again = await anext(events)
        assert isinstance(again, Complete)
        assert [item["metadata"]["name"] for item in again.items] == ["while-away"]
        made = create(control_plane, namespace, "after")
        assert await anext(events) == Changed(made)


async def test_a_watch_refused_as_too_old_lists_again(proxy: Any, through_proxy: Connection, namespace: str) -> None:
    proxy.answer("GET", "watch=true", 410, {"kind": "Status", "code": 410, "reason": "Expired"})
    async with watching(through_proxy, namespace) as events:
        assert await anext(events) == Complete(())
        assert await anext(events) == Complete(())


async def test_a_half_open_watch_is_found_out_and_resumed(
    proxy: Any, through_proxy: Connection, control_plane: ControlPlane, namespace: str
) -> None:
    proxy.on("GET", "watch=true", proxy.fall_silent)
    async with watching(through_proxy, namespace, silence=0.5) as events:
        assert await anext(events) == Complete(())
        made = create(control_plane, namespace, "unheard")
        assert await anext(events) == Changed(made)
    assert proxy.count("GET", "limit=") == 1


@pytest.mark.parametrize(
    "line",
    [
        '{"type": "ADDED", "object": {"metada',
        '{"type": "ADDED", "object": {"kind": "ConfigMap"}}\n',
        '{"type": "NONSENSE", "object": {"metadata": {"resourceVersion": "1"}}}\n',
        "<html></html>",
        '{"type": "ERROR", "object": {"kind": "Status", "code": 500, "message": "etcd is away"}}\n',
        "",
    ],
)
async def test_a_malformed_event_changes_nothing_and_the_watch_goes_on(
    proxy: Any, through_proxy: Connection, control_plane: ControlPlane, namespace: str, line: str
) -> None:
    proxy.answer("GET", "watch=true", 200, line)
    async with watching(through_proxy, namespace) as events:
        assert await anext(events) == Complete(())
        made = create(control_plane, namespace, "a")
        assert await anext(events) == Changed(made)
    assert proxy.count("GET", "limit=") == 1


async def test_a_watch_that_always_ends_at_once_does_not_spin(
    proxy: Any, through_proxy: Connection, namespace: str
) -> None:
    proxy.answer("GET", "watch=true", 200, "", times=1000)
    async with watching(through_proxy, namespace) as events:
        await anext(events)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.5):
                await anext(events)
    assert proxy.count("GET", "watch=true") < 8


async def test_a_list_that_always_expires_at_the_watch_does_not_spin(
    proxy: Any, through_proxy: Connection, namespace: str
) -> None:
    proxy.answer("GET", "watch=true", 410, {"kind": "Status", "code": 410}, times=1000)
    async with watching(through_proxy, namespace) as events:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.5):
                while True:
                    await anext(events)
    assert proxy.count("GET", "limit=") < 8


async def test_a_server_whose_storage_went_back_in_time_is_listed_again(
    proxy: Any, through_proxy: Connection, control_plane: ControlPlane, namespace: str
) -> None:
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    body = {"kind": "Status", "code": 504, "message": "Too large resource version", "details": {"causes": [cause]}}
    proxy.answer("GET", "watch=true", 504, body, times=4)
    async with watching(through_proxy, namespace) as events:
        assert await anext(events) == Complete(())
        assert await anext(events) == Complete(())
        made = create(control_plane, namespace, "a")
        assert await anext(events) == Changed(made)


async def test_an_expired_token_does_not_end_a_watch(
    proxy: Any, through_proxy: Connection, control_plane: ControlPlane, namespace: str
) -> None:
    proxy.answer("GET", "watch=true", 401, {"kind": "Status", "code": 401})
    async with watching(through_proxy, namespace) as events:
        assert await anext(events) == Complete(())
        made = create(control_plane, namespace, "a")
        assert await anext(events) == Changed(made)


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_refusal_ends_the_watch_with_an_error(
    proxy: Any, through_proxy: Connection, namespace: str, status: int
) -> None:
    proxy.answer("GET", "watch=true", status, {"kind": "Status", "code": status, "message": "no"}, times=2)
    async with watching(through_proxy, namespace) as events:
        await anext(events)
        with pytest.raises(ClusterError) as caught:
            await anext(events)
    assert caught.value.status == status
