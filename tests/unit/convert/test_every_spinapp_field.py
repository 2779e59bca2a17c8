"""Each field of a SpinApp goes into the App and comes back by rendering it."""

from __future__ import annotations

import pytest

PROBE = {
    "httpGet": {"path": "/healthz", "httpHeaders": [{"name": "X-A", "value": "1"}, {"name": "B", "value": "2"}]},
    "initialDelaySeconds": 1, "timeoutSeconds": 2, "periodSeconds": 3, "successThreshold": 1, "failureThreshold": 5,
}  # fmt: skip
REFERENCE = {"secretKeyRef": {"name": "s", "key": "k", "optional": True}}
STORE = {"name": "default", "type": "redis", "options": [{"name": "url", "valueFrom": REFERENCE}]}
LIMITS = {"limits": {"cpu": "100m", "memory": "128Mi"}, "requests": {"cpu": "50m", "memory": "64Mi"}}

FIELDS = {
    "another executor": {"executor": "cyclotron"},
    "a tag": {"image": "ghcr.io/acme/shop:v1"},
    "imagePullSecrets": {"imagePullSecrets": [{"name": "b"}, {"name": "a"}]},
    "readiness": {"checks": {"readiness": PROBE}},
    "liveness": {"checks": {"liveness": {"httpGet": {"path": "/"}}}},
    "replicas": {"replicas": 7},
    "enableAutoscaling false": {"enableAutoscaling": False},
    "loadFromSecret": {"runtimeConfig": {"loadFromSecret": "config"}},
    "keyValueStores": {"runtimeConfig": {"keyValueStores": [STORE, {"name": "other", "type": "spin"}]}},
    "sqliteDatabases": {
        "runtimeConfig": {
            "sqliteDatabases": [
                {"name": "default", "type": "libsql", "options": [{"name": "url", "value": "https://a.example"}, {"name": "token", "valueFrom": REFERENCE}]}
            ]
        }
    },
    "llmCompute": {
        "runtimeConfig": {
            "llmCompute": {
                "type": "remote_http",
                "options": [{"name": "url", "value": "https://a.example"}, {"name": "auth_token", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}],
            }
        }
    },
    "volumes": {"volumes": [{"name": "data", "emptyDir": {}}], "volumeMounts": [{"name": "data", "mountPath": "/data"}]},
    "variables": {
        "variables": [
            {"name": "z", "value": "1"}, {"name": "a", "value": ""}, {"name": "s", "valueFrom": REFERENCE},
            {"name": "c", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}},
            {"name": "f", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "r", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}},
            {"name": "y", "value": "no"}, {"name": "n", "value": "010"}, {"name": "w", "value": "  a: [b]\n# c\n"},
            {"name": "template", "value": "${cluster.name} $${ ${x}"},
        ]
    },
    "serviceAnnotations": {"serviceAnnotations": {"a": "true"}},
    "deploymentAnnotations": {"deploymentAnnotations": {"a/b": "1"}},
    "podAnnotations": {"podAnnotations": {"a": "yes"}},
    "podLabels": {"podLabels": {"azure.workload.identity/use": "true"}},
    "resources": {"resources": LIMITS},
    "components": {"components": ["cart", "pay"]},
    "serviceAccountName": {"serviceAccountName": "runner"},
    "invocationLimits": {"invocationLimits": {"memory": "16Mi"}, "resources": LIMITS},
    "empty ones": {"podLabels": {}, "variables": [], "checks": {}, "resources": {}, "runtimeConfig": {}},
}  # fmt: skip


METADATA = {
    "labels": {"team": "shop", "app.kubernetes.io/name": "mine", "app.kubernetes.io/instance": "mine", "empty": ""},
    "annotations": {"note": "l1\nl2\n", "template": "${cluster.name} $${", "autoscaling.keda.sh/paused": "true"},
}


@pytest.mark.parametrize("parts", [("labels",), ("annotations",), ("labels", "annotations")])
def test_labels_and_annotations_of_each_object_come_back(make, parts):
    ingress = {
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "shop", "namespace": "apps"},
        "spec": {"rules": [{"host": "a.example", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "shop", "port": {"number": 80}}}}]}}]},
    }  # fmt: skip
    given = [make.spinapp(replicas=None, enableAutoscaling=True, resources=LIMITS), make.hpa(), ingress]
    for obj in given:
        obj["metadata"] |= {part: dict(METADATA[part]) for part in parts}
    found = make.converted(*given)

    assert set(make.became(found).values()) == {"app"}, found.entries
    assert [make.lost(obj, found) for obj in given] == [[], [], []]


def test_what_spinfleet_wrote_before_is_left_to_it(make):
    given = make.spinapp(podAnnotations={"spinfleet.dev/inputs": "0123456789abcdef", "a": "b"})
    given["metadata"] |= {
        "labels": {"applyset.kubernetes.io/part-of": "x"},
        "annotations": {"spinfleet.dev/app": "old"},
    }
    found = make.converted(given)

    assert make.became(found) == {"SpinApp": "app"}
    assert "spinfleet.dev/inputs" not in found.files["apps/shop/app.yaml"]
    assert "part-of" not in found.files["apps/shop/app.yaml"]


@pytest.mark.parametrize("name", FIELDS)
def test_it_becomes_an_app_that_renders_it_back(make, name):
    given = make.spinapp(**FIELDS[name])
    found = make.converted(given)

    assert make.became(found) == {"SpinApp": "app"}, [note for entry in found.entries for note in entry.notes]
    assert make.lost(given, found) == []


CONFIGS = {
    "a test of memory alone": {"metrics": [{"type": "Resource", "resource": {"name": "memory", "target": {"type": "Utilization", "averageUtilization": 70}}}]},
    "behavior": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 60}}},
    "no minimum": {"minReplicas": None},
}  # fmt: skip


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("scaler", ["shop-autoscaler", "another-name"])
def test_an_autoscaler_becomes_part_of_the_app(make, name, scaler):
    given = make.spinapp(replicas=None, enableAutoscaling=True, resources=LIMITS)
    autoscaler = make.hpa(scaler, **CONFIGS[name])
    autoscaler["spec"] = {field: value for field, value in autoscaler["spec"].items() if value is not None}
    found = make.converted(autoscaler, given)

    assert make.became(found) == {"SpinApp": "app", "HorizontalPodAutoscaler": "app"}
    assert make.lost(given, found) == make.lost(autoscaler, found) == []


def test_triggers_of_keda_are_taken_as_they_are(make):
    scaled = {
        "apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "queue", "namespace": "apps"},
        "spec": {
            "scaleTargetRef": {"name": "shop"}, "minReplicaCount": 0, "maxReplicaCount": 9,
            "triggers": [
                {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "60"}},
                {"type": "redis", "metadata": {"address": "redis:6379", "listName": "q"}, "authenticationRef": {"name": "login"}},
            ],
        },
    }  # fmt: skip
    login = {
        "apiVersion": "keda.sh/v1alpha1", "kind": "TriggerAuthentication", "metadata": {"name": "login", "namespace": "apps"},
        "spec": {"secretTargetRef": [{"parameter": "password", "name": "redis", "key": "password"}]},
    }  # fmt: skip
    given = make.spinapp(replicas=None, enableAutoscaling=True, resources=LIMITS)
    found = make.converted(given, scaled, login)

    assert make.became(found) == {"SpinApp": "app", "ScaledObject": "app", "TriggerAuthentication": "bundle"}
    assert [make.lost(each, found) for each in (given, scaled, login)] == [[], [], []]
