"""What SpinKube's operator makes of a SpinApp: its Deployment and Service, as values (spin-operator, internal/controller)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal
from typing import Any

from reconciler.errors import InputError

GROUP = "core.spinkube.dev"
APP_NAME_LABEL = f"{GROUP}/app-name"
CA_SECRET = "spin-ca"  # noqa: S105 - the name of a Secret, not one

_PORT = 80
_PORT_NAME = "http-app"
_OTEL = (
    ("exporter_otlp_endpoint", "OTEL_EXPORTER_OTLP_ENDPOINT"),
    ("exporter_otlp_traces_endpoint", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"),
    ("exporter_otlp_metrics_endpoint", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"),
    ("exporter_otlp_logs_endpoint", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"),
)
_PROBE_FIELDS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")


def ready_label(name: str) -> dict[str, str]:
    """Give the label by which an app's Service selects its pods. Its key holds the name: 52 characters at most."""
    return {f"{GROUP}/app.{name}.status": "ready"}


def owner_reference(app: Mapping[str, Any], *, controller: bool) -> dict[str, Any]:
    """Give the owner reference to a SpinApp; only a controller's is watched, and holds its owner's foreground deletion."""
    metadata = app["metadata"]
    reference = {"apiVersion": app["apiVersion"], "kind": app["kind"], "name": metadata["name"], "uid": metadata["uid"]}
    return {**reference, "controller": True, "blockOwnerDeletion": True} if controller else reference


def ca_secret_name(config: Mapping[str, Any]) -> str:
    """Give the name of the Secret with certificate authorities that pods mount, empty where there is none."""
    return str(config.get("caCertSecret") or "") or (CA_SECRET if config.get("installDefaultCACerts") else "")


def deployment(app: Mapping[str, Any], config: Mapping[str, Any], *, runtime_config_secret: str) -> dict[str, Any]:
    """Give the Deployment of an app under an executor's deploymentConfig.

    Raises InputError where the operator fails on it: a probe with no httpGet, neither runtimeClassName nor spinImage, a
    memory limit that is no quantity.
    """
    spec, name = app["spec"], app["metadata"]["name"]
    pod_labels = {APP_NAME_LABEL: name, **ready_label(name)}
    replicas = {} if spec.get("enableAutoscaling") else {"replicas": spec.get("replicas") or 0}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(app, spec.get("deploymentAnnotations")),
        "spec": {
            **replicas,
            "selector": {"matchLabels": pod_labels},
            "template": {
                "metadata": {
                    "labels": {**(spec.get("podLabels") or {}), **pod_labels},
                    **_given(annotations=spec.get("podAnnotations")),
                },
                "spec": _pod(app, config, runtime_config_secret),
            },
        },
    }


def service(app: Mapping[str, Any]) -> dict[str, Any]:
    """Give the Service of an app: made for every one, whatever its triggers."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(app, app["spec"].get("serviceAnnotations")),
        "spec": {
            "type": "ClusterIP",
            "ports": [{"protocol": "TCP", "port": _PORT, "targetPort": _PORT_NAME}],
            "selector": ready_label(app["metadata"]["name"]),
        },
    }


def environment(app: Mapping[str, Any], otel: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give the container's environment, in the operator's order. Raises InputError for a memory limit that is no quantity."""
    spec = app["spec"]
    variables = [
        {
            "name": f"SPIN_VARIABLE_{variable['name'].upper()}",
            **_given(value=variable.get("value"), valueFrom=variable.get("valueFrom")),
        }
        for variable in spec.get("variables") or ()
    ]
    fixed = [("SPIN_HTTP_LISTEN_ADDR", f"0.0.0.0:{_PORT}")]
    fixed += [(variable, otel[field]) for field, variable in _OTEL if otel.get(field)]
    if (memory := (spec.get("invocationLimits") or {}).get("memory")) is not None:
        fixed.append(("SPIN_MAX_INSTANCE_MEMORY", str(_bytes(memory))))
    if spec.get("components"):
        fixed.append(("SPIN_COMPONENTS_TO_RETAIN", ",".join(spec["components"])))
    return variables + [{"name": name, "value": value} for name, value in fixed]


def _metadata(app: Mapping[str, Any], annotations: Mapping[str, str] | None) -> dict[str, Any]:
    name = app["metadata"]["name"]
    return {
        "name": name,
        "namespace": app["metadata"]["namespace"],
        "labels": {APP_NAME_LABEL: name},
        **_given(annotations=annotations),
        "ownerReferences": [owner_reference(app, controller=True)],
    }


def _pod(app: Mapping[str, Any], config: Mapping[str, Any], runtime_config_secret: str) -> dict[str, Any]:
    spec = app["spec"]
    volumes, mounts = _volumes(spec, runtime_config_secret, ca_secret_name(config))
    checks = spec.get("checks") or {}
    container = {
        "name": app["metadata"]["name"],
        **_program(spec, config),
        "ports": [{"name": _PORT_NAME, "containerPort": _PORT}],
        "env": environment(app, config.get("otel") or {}),
        "resources": _given(**{key: (spec.get("resources") or {}).get(key) for key in ("limits", "requests")}),
        **_given(
            volumeMounts=mounts,
            livenessProbe=_probe("liveness", checks.get("liveness")),
            readinessProbe=_probe("readiness", checks.get("readiness")),
        ),
    }
    return {
        **_given(runtimeClassName=config.get("runtimeClassName")),
        "serviceAccountName": spec.get("serviceAccountName") or "default",
        "containers": [container],
        **_given(imagePullSecrets=spec.get("imagePullSecrets"), volumes=volumes),
    }


def _program(spec: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """Give what runs: the artifact itself under a runtime class, or an image with Spin that fetches the artifact."""
    if config.get("runtimeClassName"):
        return {"image": spec["image"], "command": ["/"]}
    if not config.get("spinImage"):
        raise InputError("must specify either runtimeClassName or spinImage")
    retained = [word for component in spec.get("components") or () for word in ("--component-id", component)]
    start = ["up", "--listen", f"0.0.0.0:{_PORT}", "-f", spec["image"]]
    return {
        "image": config["spinImage"],
        "args": [*start, "--runtime-config-file", "/runtime-config.toml", *retained],
    }


def _volumes(
    spec: Mapping[str, Any], runtime_config_secret: str, ca_secret: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    volumes: list[dict[str, Any]] = []
    mounts: list[dict[str, Any]] = []
    if selected := (spec.get("runtimeConfig") or {}).get("loadFromSecret") or runtime_config_secret:
        volume, mount = _secret_file("spin-runtime-config", selected, "runtime-config.toml", "/")
        volumes, mounts = [volume], [mount]
    volumes += spec.get("volumes") or ()
    mounts += spec.get("volumeMounts") or ()
    if ca_secret:
        volume, mount = _secret_file("spin-ca", ca_secret, "ca-certificates.crt", "/etc/ssl/certs/")
        volumes.append(volume)
        mounts.append(mount)
    return volumes, mounts


def _secret_file(name: str, secret: str, file: str, folder: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give volume and mount of one file of a Secret. Optional: pods start without it, as the operator's do."""
    source = {"secretName": secret, "optional": True, "items": [{"key": file, "path": file}]}
    mount = {"name": name, "readOnly": True, "mountPath": f"{folder}{file}", "subPath": file}
    return {"name": name, "secret": source}, mount


def _probe(sort: str, check: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if check is None:
        return None
    get = check.get("httpGet")
    if get is None:
        raise InputError(
            f"failed to construct {sort} probe: probe exists but with unknown configuration, expected httpGet"
        )
    headers = [{"name": header["name"], "value": header["value"]} for header in get.get("httpHeaders") or ()]
    return {
        "httpGet": {"path": get["path"], "port": _PORT, **_given(httpHeaders=headers)},
        **{name: check[name] for name in _PROBE_FIELDS if check.get(name)},
    }


def _bytes(quantity: str) -> int:
    """Give a quantity in whole bytes, rounded up as the API's quantities are."""
    from kubernetes.utils.quantity import parse_quantity  # 0.6 s that only apps with a limit should pay

    try:
        return int(Decimal(parse_quantity(quantity)).to_integral_value(ROUND_CEILING))
    except (ValueError, ArithmeticError) as error:
        raise InputError(f"failed to parse memory limit {quantity!r}") from error


def _given(**fields: Any) -> dict[str, Any]:
    """Leave out what is empty, as Go's omitempty does."""
    return {name: value for name, value in fields.items() if value}
