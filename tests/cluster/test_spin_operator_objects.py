"""What the stand-in makes, against what spin-operator's own tests expect of it (internal/controller, internal/runtimeconfig)."""

from __future__ import annotations

import base64
import tomllib
import zlib
from typing import Any

import pytest

from reconciler.errors import InputError
from reconciler.local.spin_operator_config import Source, runtime_config, secret, sources
from reconciler.local.spin_operator_objects import deployment, environment, service
from reconciler.local.spin_operator_status import status

RUNTIME = {"runtimeClassName": "wasmtime-spin-v2"}


def app(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "core.spinkube.dev/v1alpha1",
        "kind": "SpinApp",
        "metadata": {"name": "my-app", "namespace": "shop", "uid": "u-1"},
        "spec": {"executor": "containerd-shim-spin", "image": "reg.example/app:v1", "replicas": 1, **spec},
    }


def container(spin_app: dict[str, Any], config: dict[str, Any] | None = None) -> Any:
    made = deployment(spin_app, config or RUNTIME, runtime_config_secret="")
    (only,) = made["spec"]["template"]["spec"]["containers"]
    return only


def test_the_smallest_app_is_this_deployment() -> None:
    assert deployment(app(), RUNTIME, runtime_config_secret="") == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "my-app",
            "namespace": "shop",
            "labels": {"core.spinkube.dev/app-name": "my-app"},
            "ownerReferences": [
                {
                    "apiVersion": "core.spinkube.dev/v1alpha1",
                    "kind": "SpinApp",
                    "name": "my-app",
                    "uid": "u-1",
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": {
            "replicas": 1,
            "selector": {
                "matchLabels": {
                    "core.spinkube.dev/app-name": "my-app",
                    "core.spinkube.dev/app.my-app.status": "ready",
                }
            },
            "template": {
                "metadata": {
                    "labels": {
                        "core.spinkube.dev/app-name": "my-app",
                        "core.spinkube.dev/app.my-app.status": "ready",
                    }
                },
                "spec": {
                    "runtimeClassName": "wasmtime-spin-v2",
                    "serviceAccountName": "default",
                    "containers": [
                        {
                            "name": "my-app",
                            "image": "reg.example/app:v1",
                            "command": ["/"],
                            "ports": [{"name": "http-app", "containerPort": 80}],
                            "env": [{"name": "SPIN_HTTP_LISTEN_ADDR", "value": "0.0.0.0:80"}],
                            "resources": {},
                        }
                    ],
                },
            },
        },
    }


def test_the_service_selects_ready_pods_and_is_made_for_every_app() -> None:
    made = service(app(serviceAnnotations={"a": "b"}))
    assert made["metadata"]["annotations"] == {"a": "b"}
    assert made["metadata"]["labels"] == {"core.spinkube.dev/app-name": "my-app"}
    assert made["spec"] == {
        "type": "ClusterIP",
        "ports": [{"protocol": "TCP", "port": 80, "targetPort": "http-app"}],
        "selector": {"core.spinkube.dev/app.my-app.status": "ready"},
    }


def test_the_environment_is_in_the_operators_order() -> None:
    reference = {"secretKeyRef": {"name": "s", "key": "k"}}
    spin_app = app(
        variables=[{"name": "simple_numb3r", "value": "f00"}, {"name": "secret", "valueFrom": reference}],
        components=["cart", "pay"],
        invocationLimits={"memory": "40M"},
    )
    otel = {"exporter_otlp_logs_endpoint": "http://logs", "exporter_otlp_endpoint": "http://otlp"}
    assert environment(spin_app, otel) == [
        {"name": "SPIN_VARIABLE_SIMPLE_NUMB3R", "value": "f00"},
        {"name": "SPIN_VARIABLE_SECRET", "valueFrom": reference},
        {"name": "SPIN_HTTP_LISTEN_ADDR", "value": "0.0.0.0:80"},
        {"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://otlp"},
        {"name": "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "value": "http://logs"},
        {"name": "SPIN_MAX_INSTANCE_MEMORY", "value": "40000000"},
        {"name": "SPIN_COMPONENTS_TO_RETAIN", "value": "cart,pay"},
    ]


@pytest.mark.parametrize(
    ("quantity", "count"), [("40M", "40000000"), ("1Mi", "1048576"), ("1.5Ki", "1536"), ("100m", "1"), ("7", "7")]
)
def test_a_memory_limit_becomes_bytes(quantity: str, count: str) -> None:
    assert {"name": "SPIN_MAX_INSTANCE_MEMORY", "value": count} in environment(
        app(invocationLimits={"memory": quantity}), {}
    )


def test_a_memory_limit_that_is_no_quantity_fails() -> None:
    with pytest.raises(InputError, match="lots"):
        environment(app(invocationLimits={"memory": "lots"}), {})


def test_with_autoscaling_replicas_are_left_out() -> None:
    assert "replicas" not in deployment(app(enableAutoscaling=True), RUNTIME, runtime_config_secret="")["spec"]


def test_a_probe_is_carried_over_to_port_80() -> None:
    get = {"path": "/var", "httpHeaders": [{"name": "header", "value": "value"}]}
    times = {
        "initialDelaySeconds": 1,
        "timeoutSeconds": 2,
        "periodSeconds": 3,
        "successThreshold": 4,
        "failureThreshold": 5,
    }
    made = container(app(checks={"liveness": {"httpGet": get, **times}}))
    assert made["livenessProbe"] == {"httpGet": {**get, "port": 80}, **times}
    assert "readinessProbe" not in made


def test_a_probe_without_http_get_fails() -> None:
    with pytest.raises(InputError, match="expected httpGet"):
        container(app(checks={"readiness": {}}))


def test_labels_and_annotations_go_where_they_are_meant() -> None:
    made = deployment(
        app(
            podLabels={"my.pod.label": "value", "core.spinkube.dev/app-name": "forged"},
            podAnnotations={"my.pod.annotation": "value"},
            deploymentAnnotations={"my.deployment.annotation": "value"},
        ),
        RUNTIME,
        runtime_config_secret="",
    )
    assert made["metadata"]["annotations"] == {"my.deployment.annotation": "value"}
    assert made["spec"]["template"]["metadata"] == {
        "labels": {
            "my.pod.label": "value",
            "core.spinkube.dev/app-name": "my-app",
            "core.spinkube.dev/app.my-app.status": "ready",
        },
        "annotations": {"my.pod.annotation": "value"},
    }


def test_volumes_are_the_config_then_the_apps_then_the_authorities() -> None:
    spin_app = app(volumes=[{"name": "mine", "emptyDir": {}}], volumeMounts=[{"name": "mine", "mountPath": "/data"}])
    config = {**RUNTIME, "installDefaultCACerts": True}
    pod = deployment(spin_app, config, runtime_config_secret="my-app-1")["spec"]["template"]["spec"]
    assert [volume["name"] for volume in pod["volumes"]] == ["spin-runtime-config", "mine", "spin-ca"]
    assert [mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]] == [
        "/runtime-config.toml",
        "/data",
        "/etc/ssl/certs/ca-certificates.crt",
    ]
    assert pod["volumes"][0]["secret"]["secretName"] == "my-app-1"
    assert pod["volumes"][0]["secret"]["optional"] is True
    assert pod["volumes"][2]["secret"]["secretName"] == "spin-ca"


def test_an_executor_with_an_image_runs_spin_up() -> None:
    made = container(app(components=["cart"]), {"spinImage": "spin:v3"})
    assert made["image"] == "spin:v3"
    assert made["args"] == [
        *("up", "--listen", "0.0.0.0:80", "-f", "reg.example/app:v1", "--runtime-config-file", "/runtime-config.toml"),
        *("--component-id", "cart"),
    ]
    with pytest.raises(InputError, match="runtimeClassName or spinImage"):
        deployment(app(), {}, runtime_config_secret="")


def test_the_runtime_config_is_the_text_that_the_operator_writes() -> None:
    options = [{"name": "url", "value": "redis://localhost:9000"}]
    stores = {"keyValueStores": [{"name": "default", "type": "redis", "options": options}]}
    assert runtime_config(app(runtimeConfig=stores), {}) == (
        "[[config_provider]]\ntype = 'env'\nprefix = 'SPIN_VARIABLE_'\n\n"
        "[key_value_store]\n[key_value_store.default]\ntype = 'redis'\nurl = 'redis://localhost:9000'\n"
    )


def test_an_app_without_stores_has_a_config_with_the_variables_provider() -> None:
    assert runtime_config(app(), {}) == "[[config_provider]]\ntype = 'env'\nprefix = 'SPIN_VARIABLE_'\n"


def test_a_config_loaded_from_a_secret_leaves_all_else_out() -> None:
    config = {"loadFromSecret": "mine", "keyValueStores": [{"name": "default", "type": "redis"}]}
    spin_app = app(runtimeConfig=config)
    assert runtime_config(spin_app, {}) == ""
    assert sources(spin_app) == frozenset()
    made = deployment(spin_app, RUNTIME, runtime_config_secret="")
    assert made["spec"]["template"]["spec"]["volumes"][0]["secret"]["secretName"] == "mine"


def test_values_come_from_config_maps_and_secrets_and_any_text_is_valid_toml() -> None:
    nasty = 'it\'s "quoted"\\\n\x7f\u2028 é'
    config = {
        "sqliteDatabases": [
            {
                "name": "od d",
                "type": "libsql",
                "options": [
                    {"name": "url", "valueFrom": {"configMapKeyRef": {"name": "cm", "key": "url"}}},
                    {"name": "token", "valueFrom": {"secretKeyRef": {"name": "s", "key": "token"}}},
                    {"name": "missing", "valueFrom": {"secretKeyRef": {"name": "s", "key": "none"}}},
                ],
            },
            {"name": "b", "type": "spin"},
        ],
        "llmCompute": {"type": "spin"},
    }
    spin_app = app(runtimeConfig=config)
    assert sources(spin_app) == {Source("ConfigMap", "cm"), Source("Secret", "s")}
    fetched = {
        Source("ConfigMap", "cm"): {"data": {"url": nasty}},
        Source("Secret", "s"): {"data": {"token": base64.b64encode(b"hunter2").decode()}},
    }
    assert tomllib.loads(runtime_config(spin_app, fetched)) == {
        "config_provider": [{"type": "env", "prefix": "SPIN_VARIABLE_"}],
        "sqlite_database": {
            "b": {"type": "spin"},
            "od d": {"type": "libsql", "url": nasty, "token": "hunter2", "missing": ""},
        },
        "llm_compute": {"type": "spin"},
    }


def test_two_stores_of_one_name_fail() -> None:
    stores = [{"name": "a", "type": "spin"}, {"name": "a", "type": "redis"}]
    with pytest.raises(InputError, match="duplicate definition for key value store with name: a"):
        runtime_config(app(runtimeConfig={"keyValueStores": stores}), {})


def test_the_secret_is_named_after_a_checksum_of_the_text() -> None:
    made = secret(app(), "text\n")
    assert made["metadata"]["name"] == f"my-app-{zlib.adler32(b'text' + bytes([10])):x}"
    assert base64.b64decode(made["data"]["runtime-config.toml"]) == b"text\n"
    (owner,) = made["metadata"]["ownerReferences"]
    assert "controller" not in owner


def test_before_there_is_a_deployment_conditions_are_unknown() -> None:
    told = status(app(), None, None, now="now")
    assert [(c["type"], c["status"], c["reason"]) for c in told["conditions"]] == [
        ("Available", "Unknown", "DeploymentNotFound"),
        ("Progressing", "Unknown", "DeploymentNotFound"),
    ]
    assert (told["readyReplicas"], told["activeScheduler"]) == (0, "containerd-shim-spin")
    assert "observedGeneration" not in told


def test_conditions_are_copied_and_keep_the_time_of_their_last_transition() -> None:
    before = status(app(), None, None, now="first")
    conditions = [
        {"type": "Available", "status": "Unknown", "reason": "R", "message": "m", "lastUpdateTime": "x"},
        {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
        {"type": "ReplicaFailure", "status": "True", "reason": "Quota", "message": "m"},
    ]
    made = {"metadata": {"name": "my-app"}, "status": {"conditions": conditions, "readyReplicas": 3}}
    told = status({**app(), "status": before}, made, {"metadata": {"name": "my-app"}}, now="second")
    progressing = {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable", "message": ""}
    assert told == {
        "activeScheduler": "containerd-shim-spin",
        "conditions": [
            {
                "type": "Available",
                "status": "Unknown",
                "reason": "R",
                "message": "m",
                "lastTransitionTime": "first",
            },
            {**progressing, "lastTransitionTime": "second"},
        ],
        "readyReplicas": 3,
        "deploymentName": "my-app",
        "serviceName": "my-app",
    }
