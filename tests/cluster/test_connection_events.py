from __future__ import annotations

from typing import Any

import pytest

from reconciler.cluster.connection import Connection
from reconciler.cluster.discovery import Resource
from reconciler.cluster.events import Recorder

pytestmark = pytest.mark.cluster


@pytest.fixture
async def regarding(connection: Connection, config_maps: Resource, namespace: str) -> Any:
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}}
    return (await connection.request("POST", config_maps.path(namespace), body=obj)).body


def recorder(connection: Connection, interval: float = 300.0) -> Recorder:
    return Recorder(connection=connection, controller="spinfleet.dev/agent", instance="pod-1", interval=interval)


async def tell(by: Recorder, regarding: Any, note: str = "two fields were put right") -> bool:
    return await by.record(regarding, "Normal", reason="DriftHealed", action="Apply", note=note)


async def events_of(connection: Connection, regarding: Any) -> list[Any]:
    path = f"/apis/events.k8s.io/v1/namespaces/{regarding['metadata']['namespace']}/events"
    items: list[Any] = (await connection.request("GET", path)).body["items"]
    return items


async def test_an_event_tells_what_happened_to_which_object(connection: Connection, regarding: Any) -> None:
    assert await tell(recorder(connection), regarding)
    (event,) = await events_of(connection, regarding)
    assert (event["type"], event["reason"], event["action"]) == ("Normal", "DriftHealed", "Apply")
    assert event["note"] == "two fields were put right"
    assert event["regarding"]["uid"] == regarding["metadata"]["uid"]
    assert event["reportingController"] == "spinfleet.dev/agent"


async def test_the_same_news_again_is_counted_and_not_written_each_time(connection: Connection, regarding: Any) -> None:
    by = recorder(connection)
    for _ in range(20):
        assert await tell(by, regarding)
    assert connection.requests["POST"] == 2  # the object and one event
    assert "PATCH" not in connection.requests


async def test_after_the_interval_the_count_is_written_to_the_same_event(
    connection: Connection, regarding: Any
) -> None:
    by = recorder(connection, interval=0.0)
    for _ in range(3):
        assert await tell(by, regarding)
    (event,) = await events_of(connection, regarding)
    assert event["series"]["count"] == 3


async def test_a_restart_goes_on_with_the_same_event(connection: Connection, regarding: Any) -> None:
    assert await tell(recorder(connection), regarding)
    assert await tell(recorder(connection), regarding)
    (event,) = await events_of(connection, regarding)
    assert event["series"]["count"] == 2


async def test_an_event_that_expired_is_written_anew(connection: Connection, regarding: Any) -> None:
    by = recorder(connection, interval=0.0)
    assert await tell(by, regarding)
    path = f"/apis/events.k8s.io/v1/namespaces/{regarding['metadata']['namespace']}/events"
    await connection.request("DELETE", path)
    assert await tell(by, regarding)
    assert len(await events_of(connection, regarding)) == 1


async def test_a_long_note_is_cut_at_a_character(connection: Connection, regarding: Any) -> None:
    assert await tell(recorder(connection), regarding, note="é" * 2000)
    (event,) = await events_of(connection, regarding)
    assert event["note"].endswith("é…")
    assert 1000 < len(event["note"].encode()) <= 1024


async def test_an_event_that_cannot_be_written_stops_nothing(connection: Connection, regarding: Any) -> None:
    elsewhere = {**regarding, "metadata": {**regarding["metadata"], "namespace": "no-such-place"}}
    assert not await tell(recorder(connection), elsewhere)


async def test_news_of_a_cluster_scoped_object_goes_to_the_default_namespace(connection: Connection) -> None:
    node = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-public", "uid": "u"}}
    assert await tell(recorder(connection), node)
    path = "/apis/events.k8s.io/v1/namespaces/default/events"
    items = (await connection.request("GET", path)).body["items"]
    assert any(event["regarding"]["name"] == "kube-public" for event in items)
