"""An App becomes a SpinApp (source: spin-operator, api/v1alpha1/spinapp_types.go; what its webhooks refuse is caught before)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.fleet.model import AppAssignment
from reconciler.render.inputs import inputs_annotation
from reconciler.render.labels import metadata_of
from reconciler.render.named import named
from reconciler.render.runtime_config import spinapp_fields
from reconciler.render.service_account import account_name
from reconciler.render.spinkube import API_VERSION, resources_of

HEALTH_PATH = "/.well-known/spin/health"
_PASSED = (
    "volumes", "volumeMounts", "components", "podLabels", "podAnnotations", "deploymentAnnotations",
    "serviceAnnotations", "invocationLimits",
)  # fmt: skip


def spinapp(app: AppAssignment, config_secret: str = "") -> dict[str, Any]:
    """Give the SpinApp of an app, without labels of ours. `config_secret` is a rendered Secret to load the runtime config from."""
    wanted = app.spec
    spec: dict[str, Any] = {"executor": wanted["executor"], "image": wanted["artifact"]}
    if "autoscaling" in wanted:
        spec["enableAutoscaling"] = True
    else:
        spec["replicas"] = wanted.get("replicas", 1)
    if checks := _checks(app):
        spec["checks"] = checks
    if wanted.get("variables"):
        spec["variables"] = [named(name, value) for name, value in sorted(wanted["variables"].items())]
    config = {"loadFromSecret": config_secret} if config_secret else wanted.get("runtimeConfig") or {}
    if fields := spinapp_fields(config):
        spec["runtimeConfig"] = fields
    if wanted.get("imagePullSecrets"):
        spec["imagePullSecrets"] = [{"name": name} for name in wanted["imagePullSecrets"]]
    if account := account_name(app):
        spec["serviceAccountName"] = account
    if wanted.get("resources"):
        spec["resources"] = resources_of(wanted["resources"])
    spec |= {field: wanted[field] for field in _PASSED if wanted.get(field)}
    if inputs := inputs_annotation(app):
        spec["podAnnotations"] = {**spec.get("podAnnotations", {}), **inputs}
    return {
        "apiVersion": API_VERSION,
        "kind": "SpinApp",
        "metadata": metadata_of(app.name, app.namespace, wanted),
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
