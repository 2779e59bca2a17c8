"""What has to stand in a cluster for an agent to run there: deploy/base and a FleetSync."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from reconciler import data
from reconciler.agent.identity import PARENT_KIND
from reconciler.fleet.model import API_VERSION
from reconciler.rollout.records import SHARDS, shard_name

NAMESPACE = "spinfleet-system"
FLEETSYNC = "fleet"
AGENT_ACCOUNT = "spinfleet-agent"
DEPLOYER_ACCOUNT = "spinfleet-deployer"


@dataclass(frozen=True, kw_only=True, slots=True)
class Installation:
    """What differs from cluster to cluster. `registries` are entries of spec.policy.registries."""

    cluster: str
    url: str
    branch: str = "main"
    path: str = "."
    interval: str = "1m"
    secret: str = ""
    registries: tuple[Mapping[str, Any], ...] = ()


def base_objects() -> list[dict[str, Any]]:
    """Give the objects of deploy/base, in the order in which they must be made."""
    folder = data.folder("deploy") / "base"
    names = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))["resources"]
    found: list[dict[str, Any]] = []
    for name in names:
        text = (folder / name).resolve().read_text(encoding="utf-8")
        found += [document for document in yaml.safe_load_all(text) if document is not None]
    return found


def fleetsync(installation: Installation) -> dict[str, Any]:
    """Give the FleetSync, with the wide policy of a cluster of one tenant written out."""
    source: dict[str, Any] = {
        "url": installation.url,
        "branch": installation.branch,
        "path": installation.path,
        "interval": installation.interval,
    }
    if installation.secret:
        source["secretRef"] = {"name": installation.secret}
    policy: dict[str, Any] = {"namespaces": ["*"], "kinds": ["*"]}
    if installation.registries:
        policy["registries"] = [dict(entry) for entry in installation.registries]
    return {
        "apiVersion": API_VERSION,
        "kind": PARENT_KIND,
        "metadata": {"name": FLEETSYNC, "namespace": NAMESPACE},
        "spec": {
            "cluster": installation.cluster,
            "source": source,
            "serviceAccountName": DEPLOYER_ACCOUNT,
            "policy": policy,
        },
    }


def records_rules(fleetsync: str) -> list[dict[str, Any]]:
    """Give the rules of a Role with which an agent keeps the release records of one FleetSync, and touches no other ConfigMap."""
    names = [shard_name(fleetsync, shard) for shard in range(SHARDS)]
    config_maps = {"apiGroups": [""], "resources": ["configmaps"]}
    return [
        {**config_maps, "verbs": ["get", "patch"], "resourceNames": names},
        {**config_maps, "verbs": ["create"]},
    ]


def records_rights(fleetsync: str, namespace: str) -> list[dict[str, Any]]:
    """Give the Role and its binding for a FleetSync of another name or namespace than deploy/base has."""
    labels = {"app.kubernetes.io/part-of": "spinfleet"}
    metadata = {"name": f"{fleetsync}-release-records", "namespace": namespace, "labels": labels}
    group = "rbac.authorization.k8s.io"
    return [
        {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": metadata, "rules": records_rules(fleetsync)},
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": group, "kind": "Role", "name": metadata["name"]},
            "subjects": [{"kind": "ServiceAccount", "name": AGENT_ACCOUNT, "namespace": NAMESPACE}],
        },
    ]


def export(installation: Installation) -> str:
    """Give everything as YAML that `kubectl apply` takes as it is."""
    return as_yaml([*base_objects(), fleetsync(installation)])


def as_yaml(objects: Iterable[Mapping[str, Any]]) -> str:
    """Give objects as YAML documents, keys in the order in which they stand."""
    return "---\n".join(yaml.safe_dump(dict(obj), sort_keys=False, width=140) for obj in objects)
