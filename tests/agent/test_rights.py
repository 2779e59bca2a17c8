"""What the account may not do fails its own objects, with the reason; everything else goes on."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from reconciler.agent.install import AGENT_ACCOUNT, NAMESPACE
from tests.agent.conftest import World
from tests.rights import account, wait_until_allowed

pytestmark = pytest.mark.cluster

EVERY = ["get", "list", "watch", "create", "patch", "delete"]
BUNDLE = "apiVersion: spinfleet.dev/v1alpha1\nkind: Bundle\nmetadata: {name: extra}\nspec: {path: ./extra}\n"


def _account(world: World, rules: list[dict[str, Any]]) -> None:
    """Give the default account of the namespace these rights; the agent may act as it for the length of the test."""
    name = f"rights-{world.id}"
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": rules,
    }
    impersonate = [
        {"apiGroups": [""], "resources": ["serviceaccounts"], "resourceNames": [name], "verbs": ["impersonate"]}
    ]
    objects = [
        role,
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": NAMESPACE}},
        _binding("ClusterRoleBinding", name, "ClusterRole", name),
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "rules": impersonate,
        },
        _binding("RoleBinding", name, "Role", "spinfleet-agent"),
    ]
    for obj in objects:
        world.plane.kubectl("apply", "-f", "-", stdin=json.dumps(obj))
    agent, mine = account(NAMESPACE, AGENT_ACCOUNT), account(NAMESPACE, name)
    wait_until_allowed(world.plane, agent, "impersonate", "serviceaccounts", name=name, namespace=NAMESPACE)
    for rule in rules:
        for group, plural, verb in itertools.product(rule["apiGroups"], rule["resources"], rule["verbs"]):
            wait_until_allowed(world.plane, mine, verb, plural, group=group)


def _binding(kind: str, name: str, role_kind: str, subject: str) -> dict[str, Any]:
    metadata = {"name": name} if kind == "ClusterRoleBinding" else {"name": name, "namespace": NAMESPACE}
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": metadata,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role_kind, "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": subject, "namespace": NAMESPACE}],
    }


def test_a_kind_that_may_not_be_seen_fails_alone_and_is_taken_up_once_it_may(world: World) -> None:
    rules: list[dict[str, Any]] = [
        {"apiGroups": [""], "resources": ["namespaces", "configmaps"], "verbs": EVERY},
        {"apiGroups": ["core.spinkube.dev"], "resources": ["spinapps", "spinappexecutors"], "verbs": EVERY},
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list", "watch"]},
    ]
    _account(world, rules)
    secret = (
        f"apiVersion: v1\nkind: Secret\nmetadata: {{name: s, namespace: {world.namespace}}}\nstringData: {{a: b}}\n"
    )
    config = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c, namespace: {world.namespace}}}\n"
    commit = world.commit(
        world.fleet(), world.app("one"), {"bundle.yaml": BUNDLE, "extra/s.yaml": secret, "extra/c.yaml": config}
    )
    world.create(serviceAccountName=f"rights-{world.id}")
    world.start()
    world.until(lambda: world.app_status("one").get("health") == "current", "the app goes on")
    world.until(
        lambda: any("Secret" in problem.get("object", "") for problem in world.status().get("problems") or ()),
        "it is told",
    )
    problem = next(problem for problem in world.status()["problems"] if "Secret" in problem.get("object", ""))
    assert "can't be watched" in problem["message"]
    assert world.get("v1/configmaps", "c") is not None
    assert world.get("v1/secrets", "s") is None

    rules[0]["resources"].append("secrets")
    _account(world, rules)
    world.until_ready(commit)
    assert world.get("v1/secrets", "s") is not None
