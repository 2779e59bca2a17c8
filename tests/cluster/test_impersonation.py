from __future__ import annotations

import pytest

from reconciler.cluster.access import may
from reconciler.cluster.connection import Connection
from reconciler.cluster.discovery import Resource
from reconciler.cluster.read import list_objects
from reconciler.errors import ClusterError
from reconciler.local.controlplane import ControlPlane
from tests.rights import account, wait_until_allowed

pytestmark = pytest.mark.cluster


def account_with_a_view(control_plane: ControlPlane, namespace: str) -> str:
    """An account that may read what is in its own namespace, and nothing else."""
    metadata = {"name": "viewer", "namespace": namespace}
    viewer = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    control_plane.request("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", viewer)
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "ServiceAccount", **metadata}],
    }
    control_plane.request("POST", f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings", binding)
    user = account(namespace, "viewer")
    wait_until_allowed(control_plane, user, "list", "configmaps", namespace=namespace)
    return user


async def test_a_request_has_the_rights_of_the_impersonated_account_only(
    connection: Connection, control_plane: ControlPlane, config_maps: Resource, namespace: str
) -> None:
    user = account_with_a_view(control_plane, namespace)
    await list_objects(connection, config_maps, namespace=namespace, impersonate=user)
    with pytest.raises(ClusterError) as caught:
        await list_objects(connection, config_maps, namespace="kube-system", impersonate=user)
    assert (caught.value.status, caught.value.reason) == (403, "Forbidden")
    assert user in caught.value.message


async def test_an_access_review_tells_beforehand_what_will_be_refused(
    connection: Connection, control_plane: ControlPlane, config_maps: Resource, namespace: str
) -> None:
    user = account_with_a_view(control_plane, namespace)
    assert await may(connection, config_maps, "list", namespace=namespace, impersonate=user)
    assert not await may(connection, config_maps, "patch", namespace=namespace, impersonate=user)
    assert not await may(connection, config_maps, "list", impersonate=user)
    assert await may(connection, config_maps, "list")


async def test_an_agent_may_act_as_the_account_it_was_given_and_as_nobody_else(
    control_plane: ControlPlane, config_maps: Resource, namespace: str
) -> None:
    user = account_with_a_view(control_plane, namespace)
    agent = {"name": "agent", "namespace": namespace}
    given = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": agent}
    control_plane.request("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", given)
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    rule = {"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["impersonate"], "resourceNames": ["viewer"]}
    api = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": agent}
    control_plane.request("POST", f"{rbac}/roles", {**api, "kind": "Role", "rules": [rule]})
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "agent"}
    binding = {**api, "kind": "RoleBinding", "roleRef": role, "subjects": [{"kind": "ServiceAccount", **agent}]}
    control_plane.request("POST", f"{rbac}/rolebindings", binding)
    wait_until_allowed(
        control_plane, account(namespace, "agent"), "impersonate", "serviceaccounts", name="viewer", namespace=namespace
    )
    async with await Connection.open(control_plane.kubeconfig_for(namespace, "agent")) as connection:
        await list_objects(connection, config_maps, namespace=namespace, impersonate=user)
        for other in ("", f"system:serviceaccount:{namespace}:default", "system:admin"):
            with pytest.raises(ClusterError) as caught:
                await list_objects(connection, config_maps, namespace=namespace, impersonate=other)
            assert caught.value.status == 403
