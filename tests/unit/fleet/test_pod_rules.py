from __future__ import annotations

from typing import Any

import pytest

from reconciler.fleet.pod_rules import budget_warnings, identity_warnings, pod_faults


def _pointers(spec: dict[str, Any]) -> list[str]:
    return [pointer for pointer, _, _ in pod_faults(spec, "shop")]


def _field(**source: Any) -> dict[str, Any]:
    return {"variables": {"v": {"valueFrom": source}}}


@pytest.mark.parametrize(
    ("spec", "pointer"),
    [
        ({"serviceAccountName": "Not A Name"}, "/serviceAccountName"),
        ({"imagePullSecrets": ["fine", "not_fine"]}, "/imagePullSecrets/1"),
        ({"runtimeConfig": {"loadFromSecret": "-x"}}, "/runtimeConfig/loadFromSecret"),
        ({"routes": [{"host": "h", "tls": "UPPER"}]}, "/routes/0/tls"),
        ({"routes": [{"host": "h", "ingressClass": "a b"}]}, "/routes/0/ingressClass"),
        ({"volumes": [{"name": "a.b"}]}, "/volumes/0/name"),
        ({"resources": {"requests": {"cpu": 2}, "limits": {"cpu": "1500m"}}}, "/resources/requests/cpu"),
        ({"variables": {"v": {"secretKeyRef": {"name": "S", "key": "k"}}}}, "/variables/v/secretKeyRef/name"),
        (_field(configMapKeyRef={"name": "s", "key": "a/b"}), "/variables/v/valueFrom/configMapKeyRef/key"),
        (_field(fieldRef={"fieldPath": "spec.containers"}), "/variables/v/valueFrom/fieldRef/fieldPath"),
        (_field(resourceFieldRef={"resource": "memory"}), "/variables/v/valueFrom/resourceFieldRef/resource"),
        (_field(resourceFieldRef={"resource": "limits.cpu", "containerName": "other"}), "/variables/v/valueFrom/resourceFieldRef/containerName"),
        ({"runtimeConfig": {"llmCompute": {"type": "t", "options": {"o": {"valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}}}}}, "/runtimeConfig/llmCompute/options/o/valueFrom"),
        ({"checks": {"readiness": {"path": "/", "headers": {"x y": "z"}}}}, "/checks/readiness/headers/x y"),
        ({"volumeMounts": [{"name": "a", "mountPath": "/m"}, {"name": "b", "mountPath": "/m"}]}, "/volumeMounts/1/mountPath"),
        ({"runtimeConfig": {"loadFromSecret": "s"}, "volumeMounts": [{"name": "a", "mountPath": "/runtime-config.toml"}]}, "/volumeMounts/0/mountPath"),
        ({"disruption": {"minAvailable": "half"}}, "/disruption/minAvailable"),
        ({"disruption": {"maxUnavailable": "101%"}}, "/disruption/maxUnavailable"),
    ],
)  # fmt: skip
def test_what_the_api_server_would_refuse_of_the_pods_is_told_at_its_field(spec: dict[str, Any], pointer: str) -> None:
    assert _pointers(spec) == [pointer]


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"podAnnotations": {"prometheus.io/scrape": "true"}, "podLabels": {"azure.workload.identity/use": "true"}},
        {"resources": {"requests": {"cpu": "500m", "memory": "64Mi"}, "limits": {"memory": "64Mi"}}},
        _field(fieldRef={"fieldPath": "metadata.labels['app']"}),
        _field(resourceFieldRef={"resource": "requests.ephemeral-storage", "containerName": "shop"}),
        {"checks": {"readiness": False, "liveness": {"path": "/"}}},
        {"disruption": {"minAvailable": "50%"}},
    ],
)
def test_what_is_right_is_not_told(spec: dict[str, Any]) -> None:
    assert _pointers(spec) == []


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({"disruption": {"minAvailable": 2}, "replicas": 2}, True),
        ({"disruption": {"minAvailable": 1}, "replicas": 2}, False),
        ({"disruption": {"minAvailable": 1}, "autoscaling": {"type": "HPA", "max": 3}}, True),
        ({"disruption": {"minAvailable": "100%"}, "replicas": 2}, True),
        ({"disruption": {"maxUnavailable": 0}, "replicas": 2}, True),
        ({"disruption": {"maxUnavailable": "25%"}, "replicas": 2}, False),
    ],
)
def test_a_budget_by_which_no_pod_may_go_is_warned_of(spec: dict[str, Any], told: bool) -> None:
    assert bool(list(budget_warnings(spec))) is told


def test_an_azure_identity_without_the_label_that_aks_looks_for_is_warned_of() -> None:
    spec: dict[str, Any] = {"serviceAccount": {"annotations": {"azure.workload.identity/client-id": "c"}}}
    assert [pointer for pointer, _, _ in identity_warnings(spec)] == ["/serviceAccount/annotations"]
    assert list(identity_warnings({**spec, "podLabels": {"azure.workload.identity/use": "true"}})) == []
