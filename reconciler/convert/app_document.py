"""A SpinApp becomes the fields of an App. Whether the App says the same is judged by rendering it (convert.fleet), not here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.convert.autoscaling import Unsayable, autoscaling_of
from reconciler.fleet.model import API_GROUP

#: Fields that an App has by the same name and in the same form.
_SAME = (
    "executor", "components", "resources", "serviceAccountName", "podLabels", "podAnnotations", "deploymentAnnotations",
    "serviceAnnotations", "volumes", "volumeMounts", "invocationLimits",
)  # fmt: skip
_KNOWN = frozenset(
    {*_SAME, "image", "imagePullSecrets", "replicas", "enableAutoscaling", "checks", "variables", "runtimeConfig"}
)
_PROBE = frozenset(
    {"httpGet", "initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"}
)


#: Parts of metadata that are the user's own to say.
_METADATA = ("labels", "annotations")


def said_of(obj: Mapping[str, Any]) -> dict[str, Any]:
    """Give the labels and annotations of an object, where it has any, as a part of an App asks for them."""
    return {part: dict(obj["metadata"][part]) for part in _METADATA if obj["metadata"].get(part)}


def app_fields(spinapp: Mapping[str, Any], scaler: Mapping[str, Any] | None) -> dict[str, Any]:
    """Give `spec` of the App that stands for a SpinApp and its scaler. Raises Unsayable."""
    spec = without_empty(spinapp["spec"])
    if unknown := sorted(spec.keys() - _KNOWN):
        raise Unsayable(f"an App has no words for spec.{', spec.'.join(unknown)}")
    fields: dict[str, Any] = {
        "artifact": spec["image"],
        "namespace": spinapp["metadata"]["namespace"],
        **said_of(spinapp),
    }
    if spec.get("enableAutoscaling"):
        if scaler is None:
            raise Unsayable("enableAutoscaling is true, and no HorizontalPodAutoscaler or ScaledObject for it is given")
        fields["autoscaling"] = autoscaling_of(spinapp["metadata"]["name"], scaler) | said_of(scaler)
    else:
        fields["replicas"] = spec.get("replicas", 0)
    fields |= {name: spec[name] for name in _SAME if name in spec}
    if annotations := _foreign(fields.pop("podAnnotations", {})):
        fields["podAnnotations"] = annotations
    checks = spec.get("checks") or {}
    # Without a word on it an App with an http trigger would get a readiness check.
    fields["checks"] = {"readiness": _probe(checks["readiness"]) if "readiness" in checks else False}
    if "liveness" in checks:
        fields["checks"]["liveness"] = _probe(checks["liveness"])
    if "variables" in spec:
        fields["variables"] = _by_name(spec["variables"], "variable")
    if "imagePullSecrets" in spec:
        fields["imagePullSecrets"] = [each["name"] for each in spec["imagePullSecrets"]]
    if "runtimeConfig" in spec:
        fields["runtimeConfig"] = _runtime_config(spec["runtimeConfig"])
    return {name: literal(value) for name, value in fields.items()}


def without_empty(value: Any) -> Any:
    """Give a value without fields that are null, or empty mappings and lists: to SpinKube they say nothing."""
    if isinstance(value, Mapping):
        pairs = {name: without_empty(below) for name, below in value.items()}
        return {name: below for name, below in pairs.items() if below is not None and below not in ({}, [])}
    if isinstance(value, list):
        return [without_empty(below) for below in value]
    return value


def literal(value: Any) -> Any:
    """Give a value in which nothing is taken for a reference to a variable of the cluster."""
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, Mapping):
        return {name: literal(below) for name, below in value.items()}
    return [literal(below) for below in value] if isinstance(value, list) else value


def _foreign(annotations: Mapping[str, str]) -> dict[str, str]:
    """Give annotations of pods without those that Spinfleet sets anew: there are some where the cluster was run by it before."""
    return {name: text for name, text in annotations.items() if not name.startswith(f"{API_GROUP}/")}


def _probe(probe: Mapping[str, Any]) -> dict[str, Any]:
    get = probe.get("httpGet") or {}
    if "path" not in get or get.keys() - {"path", "httpHeaders"} or probe.keys() - _PROBE:
        raise Unsayable("a check of an App asks for a path over HTTP, with headers")
    found: dict[str, Any] = {"path": get["path"]}
    if get.get("httpHeaders"):
        headers = get["httpHeaders"]
        found["headers"] = {each["name"]: each.get("value", "") for each in headers}
        if len(found["headers"]) != len(headers):
            raise Unsayable("a check sends one header twice, which an App can't say")
    return found | {name: value for name, value in probe.items() if name != "httpGet"}


def _by_name(entries: list[Mapping[str, Any]], what: str) -> dict[str, Any]:
    """Give named entries as a mapping; a reference to a Secret in its short form."""
    found: dict[str, Any] = {}
    for entry in entries:
        if entry["name"] in found:
            raise Unsayable(f"{what} {entry['name']!r} stands twice, which an App can't say")
        source = entry.get("valueFrom") or {}
        if "value" in entry and source:
            raise Unsayable(f"{what} {entry['name']!r} has a value and valueFrom")
        if source.keys() == {"secretKeyRef"}:
            found[entry["name"]] = {"secretKeyRef": source["secretKeyRef"]}
        else:
            found[entry["name"]] = {"valueFrom": source} if source else {"value": entry.get("value", "")}
    return found


def _runtime_config(config: Mapping[str, Any]) -> dict[str, Any]:
    if "loadFromSecret" in config:
        return {"loadFromSecret": config["loadFromSecret"]}
    found: dict[str, Any] = {}
    for field in ("keyValueStores", "sqliteDatabases"):
        stores = config.get(field) or ()
        if stores:
            found[field] = {store["name"]: _store(store) for store in stores}
            if len(found[field]) != len(stores):
                raise Unsayable(f"runtimeConfig.{field} has one name twice, which an App can't say")
    if "llmCompute" in config:
        found["llmCompute"] = _store(config["llmCompute"])
    return found


def _store(store: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"type": store["type"]}
    if store.get("options"):
        found["options"] = {
            name: option.get("value", option) for name, option in _by_name(store["options"], "option").items()
        }
    return found
