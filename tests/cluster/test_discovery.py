from __future__ import annotations

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
