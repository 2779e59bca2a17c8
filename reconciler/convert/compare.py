"""Whether a rendered object says what a given one said: their differences, by field, where they mean something else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.convert.app_document import without_empty
from reconciler.schema_check import pointer_of

#: Fields of a SpinApp that are lists of named things: their order says nothing.
_NAMED = frozenset({"variables", "keyValueStores", "sqliteDatabases", "options", "httpHeaders"})
_OURS = ("spinfleet.dev/", "app.kubernetes.io/")
_ABSENT = object()
#: What a scaler has where it says nothing (sources: autoscaling/v2; keda.sh/v1alpha1).
_DEFAULTS: dict[str, dict[str, Any]] = {
    "HorizontalPodAutoscaler": {"minReplicas": 1},
    "ScaledObject": {"minReplicaCount": 0, "maxReplicaCount": 100},
}
_TARGET = {"apiVersion": "apps/v1", "kind": "Deployment"}


def differences(given: Mapping[str, Any], rendered: Mapping[str, Any]) -> tuple[str, ...]:
    """Give the JSON Pointers of fields of `given` that `rendered` says otherwise or not at all, and of what it adds.

    What Spinfleet adds to metadata to trace an object does not count.
    """
    return tuple(_differ(_meaning(given), _without_ours(_meaning(rendered), given), []))


def _meaning(obj: Mapping[str, Any]) -> dict[str, Any]:
    """Give an object in one form for equal meanings."""
    shown: dict[str, Any] = without_empty({name: value for name, value in obj.items() if name != "status"})
    if shown["kind"] == "SpinApp":
        return _spinapp(shown)
    if shown["kind"] == "HTTPRoute":
        return _http_route(shown)
    defaults = _DEFAULTS.get(shown["kind"])
    if defaults is None:
        return shown
    spec = {**defaults, **(shown.get("spec") or {})}
    return {**shown, "spec": {**spec, "scaleTargetRef": {**_TARGET, **(spec.get("scaleTargetRef") or {})}}}


def _http_route(obj: dict[str, Any]) -> dict[str, Any]:
    """Fill in what the API server does (source: gateway.networking.k8s.io/v1)."""
    spec = dict(obj.get("spec") or {})
    parent = {"group": "gateway.networking.k8s.io", "kind": "Gateway"}
    spec["parentRefs"] = [{**parent, **each} for each in spec.get("parentRefs") or ()]
    backend = {"group": "", "kind": "Service", "weight": 1}
    spec["rules"] = [
        {**rule, "backendRefs": [{**backend, **each} for each in rule.get("backendRefs") or ()]}
        for rule in spec.get("rules") or ()
    ]
    return {**obj, "spec": spec}


def _without_ours(obj: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    metadata = dict(obj["metadata"])
    for part in ("labels", "annotations"):
        theirs = given["metadata"].get(part) or {}
        pairs = metadata.pop(part, None) or {}
        kept = {name: text for name, text in pairs.items() if name in theirs or not name.startswith(_OURS)}
        if kept:
            metadata[part] = kept
    return {**obj, "metadata": metadata}


def _spinapp(obj: dict[str, Any]) -> dict[str, Any]:
    spec = dict(obj.get("spec") or {})
    if not spec.get("enableAutoscaling"):
        spec.pop("enableAutoscaling", None)
    elif not spec.get("replicas"):
        spec.pop("replicas", None)
    annotations = {
        name: text
        for name, text in (spec.pop("podAnnotations", None) or {}).items()
        if not name.startswith("spinfleet.dev/")
    }
    if annotations:
        spec["podAnnotations"] = annotations
    config = spec.get("runtimeConfig") or {}
    if "loadFromSecret" in config:
        # The operator ignores the rest.
        spec["runtimeConfig"] = {"loadFromSecret": config["loadFromSecret"]}
    return {**obj, "spec": _sets(spec)}


def _sets(value: Any, field: str = "") -> Any:
    """Give lists of named things in the order of their names; an entry without a value has an empty one."""
    if isinstance(value, Mapping):
        return {name: _sets(below, name) for name, below in value.items()}
    if isinstance(value, list):
        items = [_sets(item) for item in value]
        if field in _NAMED:
            filled = [
                {"value": "", **item} if item.keys() == {"name"} and field != "httpHeaders" else item for item in items
            ]
            return sorted(filled, key=lambda item: str(item.get("name")))
        return items
    return value


def _differ(given: Any, rendered: Any, at: list[str | int]) -> Iterator[str]:
    # What is missing as a whole is told field by field.
    given = {} if given is _ABSENT and isinstance(rendered, Mapping) else given
    rendered = {} if rendered is _ABSENT and isinstance(given, Mapping) else rendered
    if isinstance(given, Mapping) and isinstance(rendered, Mapping):
        for name in [*given, *(name for name in rendered if name not in given)]:
            yield from _differ(given.get(name, _ABSENT), rendered.get(name, _ABSENT), [*at, name])
    elif isinstance(given, list) and isinstance(rendered, list) and len(given) == len(rendered):
        for index, (mine, theirs) in enumerate(zip(given, rendered, strict=True)):
            yield from _differ(mine, theirs, [*at, index])
    elif type(given) is not type(rendered) or given != rendered:
        yield pointer_of(at)
