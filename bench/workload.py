"""What is deployed when syncing is measured, and the Git repository that holds it for us and for peers.

An app has four objects (ServiceAccount, ConfigMap, Service, Deployment of 0 replicas), a namespace for every 100 apps. The repository is one of
plain manifests with a kustomization.yaml in every folder; a Bundle beside each makes a fleet of it. Everybody deploys the very same files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import yaml

OBJECTS_PER_APP = 4
#: The dumper that libyaml gives: 5,000 apps take seconds rather than minutes.
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_HEAD = "apiVersion: spinfleet.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\n"
#: kustomization.yaml is a peer's file: no object of Kubernetes, and unused here.
_FLEET = (
    _HEAD.format(kind="Fleet", name="bench")
    + 'spec: {artifacts: {unsigned: Allow}, ignore: ["**/kustomization.yaml"]}\n'
)


def app_name(number: int) -> str:
    """Give the name of an app, its folder and its objects."""
    return f"app-{number:05}"


def app_objects(number: int, namespace: str, *, label: str = "1") -> Iterator[dict[str, Any]]:
    """The four objects of one app. `label` ends in a label of each: another value makes every apply a change."""
    name = app_name(number)
    metadata = {"name": name, "namespace": namespace, "labels": {"app": name, "round": label}}
    yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"key": f"value of {name}"}}
    ports = [{"name": "http", "port": 80, "protocol": "TCP"}]
    yield {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"selector": {"app": name}, "ports": ports},
    }
    container = {
        "name": "app",
        "image": "registry.example/app:v1",
        "ports": [{"containerPort": 80}],
        "env": [{"name": f"VARIABLE_{index}", "value": str(index)} for index in range(5)],
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
    }
    pod = {"metadata": {"labels": {"app": name}}, "spec": {"serviceAccountName": name, "containers": [container]}}
    spec = {"replicas": 0, "selector": {"matchLabels": {"app": name}}, "template": pod}
    yield {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def namespace_of(number: int, prefix: str) -> str:
    """Give the namespace of an app."""
    return f"{prefix}-{number // 100:03}"


def workload(apps: int, prefix: str, *, label: str = "1") -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The namespaces, and the objects in them."""
    names = sorted({namespace_of(number, prefix) for number in range(apps)})
    namespaces = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in names]
    return namespaces, [
        obj for number in range(apps) for obj in app_objects(number, namespace_of(number, prefix), label=label)
    ]


def request_of(obj: dict[str, Any]) -> tuple[str, bytes]:
    """Path and body of an object's apply."""
    root = "/apis/apps/v1" if obj["kind"] == "Deployment" else "/api/v1"
    plural = f"{obj['kind'].lower()}s"
    namespace, name = obj["metadata"].get("namespace"), obj["metadata"]["name"]
    path = f"{root}/namespaces/{namespace}/{plural}/{name}" if namespace else f"{root}/{plural}/{name}"
    return path, json.dumps(obj, separators=(",", ":")).encode()


def app_file(number: int, prefix: str, *, label: str = "1") -> dict[str, str]:
    """The one file that holds an app's objects."""
    objects = app_objects(number, namespace_of(number, prefix), label=label)
    return {f"apps/{app_name(number)}/objects/all.yaml": yaml.dump_all(objects, Dumper=_DUMPER, sort_keys=False)}


def repository_files(apps: int, prefix: str) -> dict[str, str]:
    """Every file of the repository: the manifests, kustomization.yaml for peers, and the fleet's documents for us."""
    namespaces, _ = workload(apps, prefix)
    folders = [f"apps/{app_name(number)}" for number in range(apps)]
    files = {
        "fleet.yaml": _FLEET,
        "cluster.yaml": _HEAD.format(kind="Cluster", name="here") + "spec: {}\n",
        "kustomization.yaml": _kustomization("namespaces", *folders),
        "namespaces/objects/all.yaml": yaml.dump_all(namespaces, Dumper=_DUMPER),
    }
    for number in range(apps):
        files |= app_file(number, prefix)
    for folder in ("namespaces", *folders):
        files[f"{folder}/kustomization.yaml"] = _kustomization("objects/all.yaml")
        files[f"{folder}/bundle.yaml"] = (
            _HEAD.format(kind="Bundle", name=folder.rpartition("/")[2]) + "spec: {path: ./objects}\n"
        )
    return files


def _kustomization(*resources: str) -> str:
    body = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": list(resources)}
    return yaml.dump(body, Dumper=_DUMPER, sort_keys=False)
