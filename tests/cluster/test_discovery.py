from __future__ import annotations

import asyncio
import secrets

import pytest

from reconciler.cluster.connection import Connection
from reconciler.cluster.discovery import Discovery, discover

pytestmark = pytest.mark.cluster


async def test_two_requests_tell_all_kinds(connection: Connection) -> None:
    found = await discover(connection)
    assert connection.requests == {"GET": 2}
    deployment = found.find("apps", "Deployment")
    assert deployment is not None
    assert (deployment.plural, deployment.namespaced, deployment.api_version) == ("deployments", True, "apps/v1")
    assert {"get", "list", "watch", "patch", "delete"} <= deployment.verbs
    namespace = found.find("", "Namespace")
    assert namespace is not None
    assert not namespace.namespaced


def test_a_path_is_built_for_object_list_and_subresource(discovery: Discovery) -> None:
    deployment, node = discovery.find("apps", "Deployment"), discovery.find("", "Node")
    assert deployment is not None
    assert node is not None
    assert deployment.path("shop", "cart") == "/apis/apps/v1/namespaces/shop/deployments/cart"
    assert deployment.path("shop", "cart", "status") == "/apis/apps/v1/namespaces/shop/deployments/cart/status"
    assert deployment.path() == "/apis/apps/v1/deployments"
    assert node.path("", "a") == "/api/v1/nodes/a"
    assert deployment.path("shop", "a/../b") == "/apis/apps/v1/namespaces/shop/deployments/a%2F..%2Fb"


def test_a_kind_nobody_serves_is_absent(discovery: Discovery) -> None:
    assert discovery.find("nobody.example", "Thing") is None
    assert discovery.absent("nobody.example", "Thing")
    assert not discovery.absent("apps", "Deployment")


def test_the_version_that_was_applied_is_found_not_the_preferred_one(discovery: Discovery) -> None:
    served = discovery.resources["autoscaling", "HorizontalPodAutoscaler"]
    assert len(served) > 1
    assert discovery.find("autoscaling", "HorizontalPodAutoscaler") == served[0]
    for resource in served:
        assert discovery.find("autoscaling", "HorizontalPodAutoscaler", resource.api_version) == resource


async def test_a_group_whose_server_is_away_is_unknown_not_absent(connection: Connection) -> None:
    group = f"g{secrets.token_hex(4)}.example"
    path = "/apis/apiregistration.k8s.io/v1/apiservices"
    service = {"namespace": "default", "name": "nobody-there"}
    spec = {"group": group, "version": "v1", "service": service, "groupPriorityMinimum": 1, "versionPriority": 1}
    body = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": f"v1.{group}"},
        "spec": {**spec, "insecureSkipTLSVerify": True},
    }
    await connection.request("POST", path, body=body)
    try:
        async with asyncio.timeout(20):
            while group not in (found := await discover(connection)).failed:  # noqa: ASYNC110 - only asking tells
                await asyncio.sleep(0.1)
        assert not found.complete
        assert not found.absent(group, "Anything")
        assert found.find("apps", "Deployment") is not None
    finally:
        await connection.request("DELETE", f"{path}/v1.{group}")
