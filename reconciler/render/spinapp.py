"""An App becomes a SpinApp (source: spin-operator, api/v1alpha1/spinapp_types.go; what its webhooks refuse is caught before)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.fleet.model import AppAssignment

API_VERSION = "core.spinkube.dev/v1alpha1"
HEALTH_PATH = "/.well-known/spin/health"
_PASSED = (
    "resources", "volumes", "volumeMounts", "serviceAccountName", "components", "podLabels", "podAnnotations",
    "deploymentAnnotations", "serviceAnnotations", "invocationLimits",
)  # fmt: skip


def spinapp(app: AppAssignment) -> dict[str, Any]:
    """Give the SpinApp of an app, without labels of ours."""
    wanted = app.spec
    spec: dict[str, Any] = {"executor": wanted["executor"], "image": wanted["artifact"]}
    if "autoscaling" in wanted:
        spec["enableAutoscaling"] = True
    else:
        spec["replicas"] = wanted.get("replicas", 1)
    if checks := _checks(app):
        spec["checks"] = checks
    if wanted.get("variables"):
        spec["variables"] = [_named(name, value) for name, value in sorted(wanted["variables"].items())]
    if config := _runtime_config(wanted.get("runtimeConfig") or {}):
        spec["runtimeConfig"] = config
    if wanted.get("imagePullSecrets"):
        spec["imagePullSecrets"] = [{"name": name} for name in wanted["imagePullSecrets"]]
    spec |= {field: wanted[field] for field in _PASSED if wanted.get(field)}
    return {
        "apiVersion": API_VERSION,
        "kind": "SpinApp",
        "metadata": {"name": app.name, "namespace": app.namespace},
        "spec": spec,
    }


def _checks(app: AppAssignment) -> dict[str, Any]:
    """Give the probes; an HTTP app is asked for its health by default, because Spin answers there by itself."""
    wanted = app.spec.get("checks") or {}
    is_http = any(trigger.type == "http" for trigger in app.application.triggers)
    checks: dict[str, Any] = {}
    for name in ("readiness", "liveness"):
        probe = wanted.get(name, {"path": HEALTH_PATH} if name == "readiness" and is_http else False)
        if probe:
            checks[name] = _probe(probe)
    return checks


def _probe(probe: Mapping[str, Any]) -> dict[str, Any]:
    get: dict[str, Any] = {"path": probe["path"]}
    if probe.get("headers"):
        get["httpHeaders"] = [{"name": name, "value": value} for name, value in sorted(probe["headers"].items())]
    return {"httpGet": get, **{key: value for key, value in probe.items() if key not in {"path", "headers"}}}


def _named(name: str, value: Mapping[str, Any] | str) -> dict[str, Any]:
    """Give a variable or option as SpinKube lists them: {name, value} or {name, valueFrom}."""
    if isinstance(value, str):
        return {"name": name, "value": value}
    if "secretKeyRef" in value:
        return {"name": name, "valueFrom": {"secretKeyRef": value["secretKeyRef"]}}
    return {"name": name, **value}


def _store(store: Mapping[str, Any]) -> dict[str, Any]:
    options = store.get("options") or {}
    found: dict[str, Any] = {"type": store["type"]}
    if options:
        found["options"] = [_named(name, value) for name, value in sorted(options.items())]
    return found


def _runtime_config(config: Mapping[str, Any]) -> dict[str, Any]:
    if "loadFromSecret" in config:
        return {"loadFromSecret": config["loadFromSecret"]}
    found: dict[str, Any] = {}
    for field in ("keyValueStores", "sqliteDatabases"):
        if config.get(field):
            found[field] = [{"name": name, **_store(store)} for name, store in sorted(config[field].items())]
    if config.get("llmCompute"):
        found["llmCompute"] = _store(config["llmCompute"])
    return found
