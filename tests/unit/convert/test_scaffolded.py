"""What `spin kube scaffold` writes for each of its flags becomes an App and comes back (source: spinframework/spin-plugin-kube, pkg/cmd/scaffold.go)."""

from __future__ import annotations

import copy
from typing import Any

import pytest

LIMITS = {"cpu": "100m", "memory": "128Mi"}


def scaffolded(
    autoscaler: str = "", *, replicas: int = 2, most: int = 3, cpu: int = 60, memory: int = 60, **spec: Any
) -> list[dict[str, Any]]:
    """Give what the plugin writes: a SpinApp with no namespace, and its autoscaler."""
    fields: dict[str, Any] = {"image": "ghcr.io/foo/example-app:v0.1.0", "executor": "containerd-shim-spin"}
    fields |= {"enableAutoscaling": True} if autoscaler else {"replicas": replicas}
    app = {
        "apiVersion": "core.spinkube.dev/v1alpha1",
        "kind": "SpinApp",
        "metadata": {"name": "example-app"},
        "spec": {**fields, **spec},
    }
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "example-app"}
    metadata = {"name": "example-app-autoscaler"}
    percents = {"cpu": cpu, "memory": memory}
    if autoscaler == "hpa":
        metrics = [
            {
                "type": "Resource",
                "resource": {"name": name, "target": {"type": "Utilization", "averageUtilization": each}},
            }
            for name, each in percents.items()
        ]
        scaling = {"scaleTargetRef": target, "minReplicas": replicas, "maxReplicas": most, "metrics": metrics}
        return [
            app,
            {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": scaling},
        ]
    if autoscaler == "keda":
        triggers = [
            {"type": name, "metricType": "Utilization", "metadata": {"value": str(each)}}
            for name, each in percents.items()
        ]
        scaling = {"scaleTargetRef": target, "minReplicaCount": replicas, "maxReplicaCount": most, "triggers": triggers}
        return [app, {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": metadata, "spec": scaling}]
    return [app]


FLAGS = {
    "--from alone": scaffolded(),
    "--replicas": scaffolded(replicas=10),
    "--executor": scaffolded(executor="cyclotron"),
    "--cpu-limit --memory-limit": scaffolded(resources={"limits": LIMITS}),
    "--cpu-limit alone": scaffolded(resources={"limits": {"cpu": "1"}}),
    "--cpu-request --memory-request": scaffolded(resources={"limits": LIMITS, "requests": {"cpu": "50m", "memory": "64Mi"}}),
    "--variable": scaffolded(variables=[{"name": "bar", "value": "yee"}, {"name": "foo", "value": "yoo"}]),
    "--component": scaffolded(components=["hello", "world"]),
    "--image-pull-secret": scaffolded(imagePullSecrets=[{"name": "secret-name"}, {"name": "secret-name-2"}]),
    "--service-account-name": scaffolded(serviceAccountName="my-service-account"),
    "--azure-identity": scaffolded(podLabels={"azure.workload.identity/use": "true"}),
    "--runtime-config-file": scaffolded(runtimeConfig={"loadFromSecret": "example-app-runtime-config"}),
    "--autoscaler hpa": scaffolded("hpa", resources={"limits": LIMITS}),
    "--autoscaler keda": scaffolded("keda", resources={"limits": LIMITS}),
    "--max-replicas": scaffolded("hpa", most=20, resources={"limits": LIMITS}),
    "--autoscaler-target-cpu-utilization": scaffolded("hpa", cpu=50, resources={"limits": LIMITS}),
    "--autoscaler-target-memory-utilization": scaffolded("keda", memory=90, resources={"limits": LIMITS}),
}  # fmt: skip


@pytest.mark.parametrize("flag", FLAGS)
def test_what_a_flag_writes_becomes_an_app_and_comes_back(make, flag):
    given = FLAGS[flag]
    found = make.converted(*copy.deepcopy(given))

    assert {entry.became for entry in found.entries} == {"app"}, [
        note for entry in found.entries for note in entry.notes
    ]
    assert not [note for entry in found.entries for note in entry.notes if note.lost]
    assert [make.lost(each, found) for each in given] == [[] for _ in given]
