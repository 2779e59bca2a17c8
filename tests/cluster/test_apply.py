from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.cluster.answers import Conflict, ConflictError
from reconciler.cluster.apply import Applied, apply
from reconciler.cluster.connection import Connection
from reconciler.cluster.discovery import Discovery, Resource
from reconciler.cluster.patch import merge_patch
from reconciler.cluster.read import get
from reconciler.errors import ClusterError

pytestmark = pytest.mark.cluster


def body(namespace: str, **fields: Any) -> bytes:
    metadata = {"name": "settings", "namespace": namespace}
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, **fields}).encode()


async def put(connection: Connection, resource: Resource, namespace: str, data: dict[str, str], **how: Any) -> Applied:
    options = {"field_manager": "one", "force": False, **how}
    return await apply(
        connection, resource, body(namespace, data=data), namespace=namespace, name="settings", **options
    )


async def test_the_answer_says_whether_the_object_was_created(
    connection: Connection, config_maps: Resource, namespace: str
) -> None:
    first = await put(connection, config_maps, namespace, {"a": "1"})
    second = await put(connection, config_maps, namespace, {"a": "2"})
    assert (first.created, second.created) == (True, False)
    assert second.object["data"] == {"a": "2"}


async def test_applying_the_same_again_changes_nothing(
    connection: Connection, config_maps: Resource, namespace: str
) -> None:
    first = await put(connection, config_maps, namespace, {"a": "1"})
    second = await put(connection, config_maps, namespace, {"a": "1"})
    assert second.object == first.object


async def test_a_field_no_longer_sent_is_removed(connection: Connection, config_maps: Resource, namespace: str) -> None:
    await put(connection, config_maps, namespace, {"a": "1", "b": "2"})
    assert (await put(connection, config_maps, namespace, {"a": "1"})).object["data"] == {"a": "1"}


async def test_a_conflict_names_the_manager_and_the_field(
    connection: Connection, config_maps: Resource, namespace: str
) -> None:
    await put(connection, config_maps, namespace, {"a": "1"}, field_manager="theirs")
    with pytest.raises(ConflictError) as caught:
        await put(connection, config_maps, namespace, {"a": "2"}, field_manager="ours")
    assert caught.value.status == 409
    assert caught.value.conflicts == (Conflict("theirs", ".data.a"),)
    assert "theirs" in caught.value.message
    assert ".data.a" in caught.value.message
    live = await get(connection, config_maps, namespace=namespace, name="settings")
    assert live["data"] == {"a": "1"}


async def test_force_takes_the_field_over(connection: Connection, config_maps: Resource, namespace: str) -> None:
    await put(connection, config_maps, namespace, {"a": "1"}, field_manager="theirs")
    taken = await put(connection, config_maps, namespace, {"a": "2"}, field_manager="ours", force=True)
    assert taken.object["data"] == {"a": "2"}


async def test_a_dry_run_writes_nothing(connection: Connection, config_maps: Resource, namespace: str) -> None:
    shown = await put(connection, config_maps, namespace, {"a": "1"}, dry_run=True)
    assert shown.object["data"] == {"a": "1"}
    with pytest.raises(ClusterError) as caught:
        await get(connection, config_maps, namespace=namespace, name="settings")
    assert caught.value.status == 404


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"dataa": {"a": "1"}}, ".dataa: field not declared in schema"),
        ({"data": {"a": 4711}}, ".data.a: expected string"),
    ],
)
async def test_what_does_not_fit_the_schema_is_the_objects_error_and_quotes_no_value(
    connection: Connection, config_maps: Resource, namespace: str, fields: dict[str, Any], told: str
) -> None:
    with pytest.raises(ClusterError) as caught:
        await apply(
            connection,
            config_maps,
            body(namespace, **fields),
            namespace=namespace,
            name="settings",
            field_manager="one",
            force=True,
        )
    assert caught.value.reason == "Invalid"
    assert caught.value.message.endswith(told)


async def test_an_immutable_field_is_an_error_that_names_it(
    connection: Connection, discovery: Discovery, namespace: str
) -> None:
    deployments = discovery.find("apps", "Deployment")
    assert deployments is not None

    async def put_deployment(label: str) -> Applied:
        labels = {"app": label}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}}
        obj = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web", "namespace": namespace},
            "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": template},
        }
        return await apply(
            connection,
            deployments,
            json.dumps(obj).encode(),
            namespace=namespace,
            name="web",
            field_manager="one",
            force=True,
        )

    await put_deployment("first")
    with pytest.raises(ClusterError, match=r"spec\.selector.*immutable") as caught:
        await put_deployment("second")
    assert (caught.value.status, caught.value.reason) == (422, "Invalid")


async def test_an_apply_into_a_missing_namespace_is_not_found(connection: Connection, config_maps: Resource) -> None:
    with pytest.raises(ClusterError, match="no-such-place") as caught:
        await put(connection, config_maps, "no-such-place", {"a": "1"})
    assert caught.value.status == 404


async def test_a_namespace_on_its_way_out_is_told_apart_from_missing_rights(
    connection: Connection, config_maps: Resource, namespace: str
) -> None:
    held = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "held", "finalizers": ["example.com/held"]}}
    await connection.request("POST", config_maps.path(namespace), body=held)
    await connection.request("DELETE", f"/api/v1/namespaces/{namespace}")
    try:
        with pytest.raises(ClusterError) as caught:
            await put(connection, config_maps, namespace, {"a": "1"})
        assert (caught.value.status, caught.value.reason) == (403, "NamespaceTerminating")
    finally:
        change = {"metadata": {"finalizers": None}}
        await merge_patch(connection, config_maps, change, namespace=namespace, name="held")
