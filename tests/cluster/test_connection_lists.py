from __future__ import annotations

from typing import Any

import pytest

from reconciler.cluster import read
from reconciler.cluster.connection import Connection
from reconciler.cluster.discovery import Resource
from reconciler.cluster.read import list_metadata, list_objects

pytestmark = pytest.mark.cluster


async def fill(connection: Connection, resource: Resource, namespace: str, count: int) -> set[str]:
    names = {f"c{number:02}" for number in range(count)}
    for name in names:
        obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"set": "ours"}}}
        await connection.request("POST", resource.path(namespace), body=obj)
    return names


@pytest.mark.parametrize("size", [1, 3, 4, 7, 500])
async def test_a_list_is_whole_whatever_the_size_of_its_pages(
    connection: Connection,
    config_maps: Resource,
    namespace: str,
    monkeypatch: pytest.MonkeyPatch,
    size: int,
) -> None:
    monkeypatch.setattr(read, "_PAGE", str(size))
    names = await fill(connection, config_maps, namespace, 8)
    where: dict[str, Any] = {"namespace": namespace, "label_selector": "set=ours"}
    whole = await list_objects(connection, config_maps, **where)
    assert {item["metadata"]["name"] for item in whole.items} == names
    assert {(item["apiVersion"], item["kind"]) for item in whole.items} == {("v1", "ConfigMap")}
    assert int(whole.resource_version) > 0
    metadata = await list_metadata(connection, config_maps, **where)
    assert {item["metadata"]["name"] for item in metadata.items} == names


async def test_an_empty_list_is_empty_and_says_at_which_version(
    connection: Connection, config_maps: Resource, namespace: str
) -> None:
    where: dict[str, Any] = {"namespace": namespace, "label_selector": "set=nobodys"}
    for listed in (
        await list_objects(connection, config_maps, **where),
        await list_metadata(connection, config_maps, **where),
    ):
        assert listed.items == ()
        assert int(listed.resource_version) > 0


async def test_one_name_is_selected_and_its_absence_has_a_version(
    connection: Connection, config_maps: Resource, namespace: str
) -> None:
    await fill(connection, config_maps, namespace, 2)
    found = await list_objects(connection, config_maps, namespace=namespace, name="c01")
    absent = await list_objects(connection, config_maps, namespace=namespace, name="c99")
    assert [item["metadata"]["name"] for item in found.items] == ["c01"]
    assert absent.items == ()
    assert int(absent.resource_version) >= int(found.items[0]["metadata"]["resourceVersion"])
