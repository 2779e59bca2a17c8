from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from reconciler.cluster.connection import Connection
from reconciler.cluster.delete import delete
from reconciler.cluster.discovery import Resource
from reconciler.cluster.patch import merge_patch
from reconciler.cluster.watch import METADATA, Changed, Complete, Event, Patience, Removed, Selection, watch

pytestmark = pytest.mark.cluster


async def create(connection: Connection, resource: Resource, namespace: str, name: str, **fields: Any) -> Any:
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"set": "ours"}}, **fields}
    return (await connection.request("POST", resource.path(namespace), body=obj)).body


@asynccontextmanager
async def watching(
    connection: Connection, selection: Selection, **options: Any
) -> AsyncIterator[AsyncGenerator[Event, None]]:
    async with asyncio.timeout(30), aclosing(watch(connection, selection, **options)) as events:
        yield events


async def test_the_whole_state_comes_first_then_each_change(
    connection: Connection, config_maps: Resource, namespace: str
) -> None:
    where = {"namespace": namespace, "name": "b"}
    await create(connection, config_maps, namespace, "a")
    selection = Selection(resource=config_maps, namespace=namespace, label_selector="set=ours")
    async with watching(connection, selection) as events:
        first = await anext(events)
        assert isinstance(first, Complete)
        assert [(item["kind"], item["metadata"]["name"]) for item in first.items] == [("ConfigMap", "a")]
        made = await create(connection, config_maps, namespace, "b")
        assert await anext(events) == Changed(made)
        changed = await merge_patch(connection, config_maps, {"data": {"k": "v"}}, **where)
        assert await anext(events) == Changed(changed)
        await delete(connection, config_maps, uid=made["metadata"]["uid"], propagation="Background", **where)
        gone = await anext(events)
        assert isinstance(gone, Removed)
        assert gone.object["metadata"]["name"] == "b"


async def test_an_object_that_loses_the_label_is_removed_from_the_set(
    connection: Connection, config_maps: Resource, namespace: str
) -> None:
    await create(connection, config_maps, namespace, "a")
    selection = Selection(resource=config_maps, namespace=namespace, label_selector="set=ours")
    async with watching(connection, selection) as events:
        await anext(events)
        change = {"metadata": {"labels": {"set": None}}}
        await merge_patch(connection, config_maps, change, namespace=namespace, name="a")
        assert isinstance(await anext(events), Removed)


async def test_one_object_is_watched_by_name_before_it_exists(
    connection: Connection, config_maps: Resource, namespace: str
) -> None:
    await create(connection, config_maps, namespace, "other")
    selection = Selection(resource=config_maps, namespace=namespace, name="awaited")
    async with watching(connection, selection) as events:
        assert await anext(events) == Complete(())
        made = await create(connection, config_maps, namespace, "awaited")
        assert await anext(events) == Changed(made)


async def test_a_watch_that_ran_its_time_goes_on_where_it_was(
    connection: Connection, config_maps: Resource, namespace: str
) -> None:
    selection = Selection(resource=config_maps, namespace=namespace, label_selector="set=ours")
    patience = Patience(shortest=1, longest=1)
    async with watching(connection, selection, patience=patience) as events:
        await anext(events)
        made = [await create(connection, config_maps, namespace, "a")]
        seen = [await anext(events)]
        nextly = asyncio.ensure_future(anext(events))
        while connection.requests["WATCH"] < 3:  # noqa: ASYNC110 - counted, not announced
            await asyncio.sleep(0.05)
        made.append(await create(connection, config_maps, namespace, "b"))
        seen.append(await nextly)
        assert seen == [Changed(obj) for obj in made]
        assert connection.requests["GET"] == 3  # discovery, and one list


async def test_metadata_alone_is_asked_for_and_trimmed_as_it_comes(
    connection: Connection, config_maps: Resource, namespace: str
) -> None:
    await create(connection, config_maps, namespace, "a", data={"large": "x" * 10_000})
    selection = Selection(
        resource=config_maps,
        namespace=namespace,
        accept=METADATA,
        trim=lambda obj: {"name": obj["metadata"]["name"], "fields": sorted(obj)},
    )
    async with watching(connection, selection) as events:
        expected = {"name": "a", "fields": ["apiVersion", "kind", "metadata"]}
        first = await anext(events)
        assert isinstance(first, Complete)
        assert expected in first.items
        await create(connection, config_maps, namespace, "b", data={"large": "x"})
        assert await anext(events) == Changed({**expected, "name": "b"})


async def test_nothing_is_missed_between_the_list_and_the_changes(
    connection: Connection, config_maps: Resource, namespace: str
) -> None:
    names = {f"c{number:03}" for number in range(60)}

    async def write() -> None:
        for name in sorted(names):
            await create(connection, config_maps, namespace, name)

    selection = Selection(resource=config_maps, namespace=namespace, label_selector="set=ours")
    writing = asyncio.create_task(write())
    await asyncio.sleep(0.03)
    seen: list[str] = []
    async with watching(connection, selection) as events:
        while len(seen) < len(names):
            event = await anext(events)
            objects = event.items if isinstance(event, Complete) else (event.object,)
            seen += [obj["metadata"]["name"] for obj in objects]
    await writing
    assert sorted(seen) == sorted(names)
