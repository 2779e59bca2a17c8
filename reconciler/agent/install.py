"""What has to stand in a cluster for an agent to run there: deploy/base and a FleetSync; and what each further tenant needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from reconciler import data
from reconciler.agent.identity import PARENT_KIND
from reconciler.errors import InputError
from reconciler.fleet.merge_patch import merge_patch
from reconciler.fleet.model import API_VERSION
from reconciler.plan.model import key_of
from reconciler.rollout.records import SHARDS, shard_name

NAMESPACE = "spinfleet-system"
FLEETSYNC = "fleet"
AGENT_ACCOUNT = "spinfleet-agent"
DEPLOYER_ACCOUNT = "spinfleet-deployer"

_RBAC = "rbac.authorization.k8s.io"
_LABELS = {"app.kubernetes.io/part-of": "spinfleet"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Installation:
    """What differs from cluster to cluster. `registries` are entries of spec.policy.registries, `replicas` is how many agents run.

    `tenant` is the namespace of the FleetSync of one tenant of several, empty for the only one; `namespaces` are then those it may
    write to, its own where none is named.
    """

    cluster: str
    url: str
    replicas: int = 1
    name: str = FLEETSYNC
    tenant: str = ""
    namespaces: tuple[str, ...] = ()
    branch: str = "main"
    path: str = "."
    interval: str = "1m"
    secret: str = ""
    registries: tuple[Mapping[str, Any], ...] = ()


def base_objects(replicas: int = 1) -> list[dict[str, Any]]:
    """Give the objects of deploy/base, or of deploy/overlays/high-availability for several agents, in the order in which they must be made."""
    folder = data.folder("deploy")
    found = _resources(folder / "base")
    if replicas == 1:
        return found
    overlay = folder / "overlays" / "high-availability"
    (patch,) = _documents(overlay / "replicas.yaml")
    patch["spec"]["replicas"] = replicas
    patched = [merge_patch(obj, patch) if key_of(obj) == key_of(patch) else obj for obj in found]
    return [*patched, *_documents(overlay / "pod-disruption-budget.yaml")]


def _resources(folder: Path) -> list[dict[str, Any]]:
    (kustomization,) = _documents(folder / "kustomization.yaml")
    return [document for name in kustomization["resources"] for document in _documents((folder / name).resolve())]


def _documents(path: Path) -> list[dict[str, Any]]:
    text = path.read_text(encoding="utf-8")
    return [document for document in yaml.safe_load_all(text) if document is not None]


def objects_of(installation: Installation) -> list[dict[str, Any]]:
    """Give everything that an installation makes, in the order in which it must be made. Raises InputError."""
    if installation.tenant:
        return [*_tenant(installation), fleetsync(installation)]
    return [*base_objects(installation.replicas), fleetsync(installation)]


def fleetsync(installation: Installation) -> dict[str, Any]:
    """Give the FleetSync: with the wide policy of a cluster's only tenant written out, or with the bounds of one of several."""
    source: dict[str, Any] = {
        "url": installation.url,
        "branch": installation.branch,
        "path": installation.path,
        "interval": installation.interval,
    }
    if installation.secret:
        source["secretRef"] = {"name": installation.secret}
    policy: dict[str, Any] = {"namespaces": ["*"], "kinds": ["*"]}
    if installation.tenant:
        policy = {"namespaces": list(_allowed(installation))}
    if installation.registries:
        policy["registries"] = [dict(entry) for entry in installation.registries]
    return {
        "apiVersion": API_VERSION,
        "kind": PARENT_KIND,
        "metadata": {"name": installation.name, "namespace": installation.tenant or NAMESPACE},
        "spec": {
            "cluster": installation.cluster,
            "source": source,
            "serviceAccountName": DEPLOYER_ACCOUNT,
            "policy": policy,
        },
    }


def _allowed(installation: Installation) -> tuple[str, ...]:
    return installation.namespaces or (installation.tenant,)


def _tenant(installation: Installation) -> list[dict[str, Any]]:
    """Give what a tenant's FleetSync needs: namespaces, an account with rights in them alone, and the agent's rights beside it."""
    home, allowed = installation.tenant, _allowed(installation)
    if NAMESPACE in {home, *allowed}:
        raise InputError(f"namespace {NAMESPACE} is the agent's own", hint="give each tenant a namespace of its own")
    role = {"apiGroup": _RBAC, "kind": "ClusterRole", "name": DEPLOYER_ACCOUNT}
    return [
        *({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in sorted({home, *allowed})),
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": DEPLOYER_ACCOUNT, "namespace": home, "labels": dict(_LABELS)},
            "automountServiceAccountToken": False,
        },
        *(_binding(f"spinfleet-{home}", name, role, DEPLOYER_ACCOUNT, home) for name in allowed),
        *agent_rights(installation.name, home, DEPLOYER_ACCOUNT),
    ]


def agent_rights(fleetsync: str, namespace: str, account: str) -> list[dict[str, Any]]:
    """Give the Role, and its binding, of what the agent has on behalf of one FleetSync in that one's namespace, and for no other.

    It reads what the FleetSync names, keeps its release records, and acts as its `account`. deploy/base has those of `fleet`.
    """
    records = [shard_name(fleetsync, shard) for shard in range(SHARDS)]
    return _bound_role(
        f"spinfleet-agent-{fleetsync}",
        namespace,
        [
            _rule("spinfleet.dev", "fleetsyncs", verbs=["patch"], names=[fleetsync]),
            _rule("", "secrets", "configmaps", verbs=["get"]),
            _rule("", "configmaps", verbs=["create"]),
            _rule("", "configmaps", verbs=["patch"], names=records),
            _rule("events.k8s.io", "events", verbs=["create", "get", "patch"]),
            _rule("", "serviceaccounts", verbs=["impersonate"], names=[account]),
        ],
    )


def _bound_role(name: str, namespace: str, rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    metadata = {"name": name, "namespace": namespace, "labels": dict(_LABELS)}
    return [
        {"apiVersion": f"{_RBAC}/v1", "kind": "Role", "metadata": metadata, "rules": rules},
        _binding(name, namespace, {"apiGroup": _RBAC, "kind": "Role", "name": name}, AGENT_ACCOUNT, NAMESPACE),
    ]


def _binding(name: str, namespace: str, role: dict[str, str], account: str, of_namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(_LABELS)},
        "roleRef": role,
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": of_namespace}],
    }


def _rule(group: str, *resources: str, verbs: list[str], names: list[str] | None = None) -> dict[str, Any]:
    rule: dict[str, Any] = {"apiGroups": [group], "resources": list(resources), "verbs": verbs}
    return rule if names is None else {**rule, "resourceNames": names}


def export(installation: Installation) -> str:
    """Give everything as YAML that `kubectl apply` takes as it is."""
    return as_yaml(objects_of(installation))


def as_yaml(objects: Iterable[Mapping[str, Any]]) -> str:
    """Give objects as YAML documents, keys in the order in which they stand."""
    return "---\n".join(yaml.safe_dump(dict(obj), sort_keys=False, width=140) for obj in objects)
