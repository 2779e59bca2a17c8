from __future__ import annotations

import asyncio
from typing import Any

import pytest

from reconciler.cluster.connection import Connection
from reconciler.cluster.delete import delete
from reconciler.cluster.discovery import Resource
from reconciler.cluster.patch import json_patch, merge_patch
from reconciler.cluster.read import get
from reconciler.errors import ClusterError

pytestmark = pytest.mark.cluster


async def create(connection: Connection, resource: Resource, namespace: str, **metadata: Any) -> dict[str, Any]:
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "old", **metadata}}
    answer = await connection.request("POST", resource.path(namespace), body=obj)
    made: dict[str, Any] = answer.body["metadata"]
    return made


async def gone(connection: Connection, resource: Resource, namespace: str) -> bool:
    try:
        await get(connection, resource, namespace=namespace, name="old")
    except ClusterError as error:
        return error.status == 404
    return False


async def test_the_object_that_was_meant_is_deleted(
    connection: Connection, config_maps: Resource, namespace: str
) -> None:
    made = await create(connection, config_maps, namespace)
    where = {"namespace": namespace, "name": "old", "uid": made["uid"]}
    assert await delete(connection, config_maps, **where, propagation="Background")
    assert await gone(connection, config_maps, namespace)


async def test_another_object_of_that_name_stays(connection: Connection, config_maps: Resource, namespace: str) -> None:
    made = await create(connection, config_maps, namespace)
    uid = "00000000-0000-0000-0000-000000000000"
    with pytest.raises(ClusterError) as caught:
        await delete(connection, config_maps, namespace=namespace, name="old", uid=uid)
    assert caught.value.status == 409
    live = await get(connection, config_maps, namespace=namespace, name="old")
    assert live["metadata"]["uid"] == made["uid"]


async def test_an_object_that_moved_on_stays(connection: Connection, config_maps: Resource, namespace: str) -> None:
    made = await create(connection, config_maps, namespace)
    where = {"namespace": namespace, "name": "old"}
    await merge_patch(connection, config_maps, {"data": {"a": "1"}}, **where)
    with pytest.raises(ClusterError) as caught:
        await delete(connection, config_maps, uid=made["uid"], resource_version=made["resourceVersion"], **where)
    assert caught.value.status == 409


async def test_an_object_that_is_gone_is_a_success(
    connection: Connection, config_maps: Resource, namespace: str
) -> None:
    assert await delete(connection, config_maps, namespace=namespace, name="never", uid="any")


async def test_in_the_foreground_the_answer_says_that_it_has_only_begun(
    connection: Connection, config_maps: Resource, namespace: str
) -> None:
    made = await create(connection, config_maps, namespace)
    where = {"namespace": namespace, "name": "old"}
    assert not await delete(connection, config_maps, uid=made["uid"], **where)
    async with asyncio.timeout(20):
        while not await gone(connection, config_maps, namespace):  # noqa: ASYNC110 - only asking tells
            await asyncio.sleep(0.05)


async def test_a_finalizer_of_others_is_left_alone(
    connection: Connection, config_maps: Resource, namespace: str
) -> None:
    made = await create(connection, config_maps, namespace, finalizers=["example.com/held"])
    where = {"namespace": namespace, "name": "old"}
    assert not await delete(connection, config_maps, uid=made["uid"], propagation="Background", **where)
    live = await get(connection, config_maps, **where)
    assert live["metadata"]["deletionTimestamp"]
    assert live["metadata"]["finalizers"] == ["example.com/held"]
    guarded = [
        {"op": "test", "path": "/metadata/finalizers/0", "value": "example.com/held"},
        {"op": "remove", "path": "/metadata/finalizers/0"},
    ]
    await json_patch(connection, config_maps, guarded, **where)
    assert await gone(connection, config_maps, namespace)


async def test_a_patch_whose_test_fails_changes_nothing(
    connection: Connection, config_maps: Resource, namespace: str
) -> None:
    await create(connection, config_maps, namespace)
    where = {"namespace": namespace, "name": "old"}
    operations = [
        {"op": "add", "path": "/data", "value": {"a": "1"}},
        {"op": "test", "path": "/metadata/name", "value": "another"},
    ]
    with pytest.raises(ClusterError) as caught:
        await json_patch(connection, config_maps, operations, **where)
    assert caught.value.status == 422
    assert "data" not in await get(connection, config_maps, **where)
