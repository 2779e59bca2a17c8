"""What every Kubernetes object needs before it is worth sending, and what SpinKube's webhooks refuse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.openapi.grammar import (
    MOST_ANNOTATIONS,
    annotations_size,
    is_annotation_key,
    is_dns_label,
    is_label_value,
    is_path_segment,
    is_qualified_name,
)

_SPIN_GROUP, _SHIM_GROUP = "core.spinkube.dev", "runtime.spinkube.dev"
_LONGEST_SPIN_NAME = 52
_WHOLE = "every object has apiVersion, kind and metadata.name"
#: A group is a DNS subdomain; versions and kinds are DNS labels, capitals aside.
_LONGEST_VERSION, _LONGEST_KIND = 253 + 1 + 63, 63
_LABEL = "at most 63 letters, digits, -, _ and ., beginning and ending with a letter or digit"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with an object, at a pointer below it. With `nameless` it can't even be told which object it is."""

    message: str
    pointer: str = ""
    hint: str = ""
    nameless: bool = False


def object_faults(value: Any) -> list[Fault]:
    """Give what is wrong with an object of a Bundle. What its schema says is not looked at here (see openapi)."""
    fault = _identity_fault(value)
    if fault is not None:
        return [fault]
    spinkube = _spinkube_fault(value)
    return [*_metadata_faults(value["metadata"]), *([spinkube] if spinkube is not None else ())]


def _identity_fault(value: Any) -> Fault | None:
    if not isinstance(value, dict):
        return Fault("this is not a Kubernetes object", "", _WHOLE, nameless=True)
    for name, longest in (("apiVersion", _LONGEST_VERSION), ("kind", _LONGEST_KIND)):
        if not isinstance(value.get(name), str) or not value[name]:
            return Fault(f"the object has no {name}", "", _WHOLE, nameless=True)
        if len(value[name]) > longest:
            return Fault(
                f"{name} is longer than {longest} characters", f"/{name}", "there is none of that length", nameless=True
            )
    if value["apiVersion"].startswith("kustomize.config.k8s.io/"):
        hint = "commit what `kustomize build` prints, and ignore its sources"
        return Fault("kustomize is not run here", "/kind", hint, nameless=True)
    kind, metadata = value["kind"], value.get("metadata")
    if not isinstance(metadata, dict):
        return Fault(f"this {kind} has no metadata", "", "give it metadata.name", nameless=True)
    called: Any = metadata.get("name")
    if not isinstance(called, str) or not called:
        generated = "generateName makes a new object each time: write a name"
        hint = generated if "generateName" in metadata else "give it one"
        return Fault(f"this {kind} has no metadata.name", "/metadata", hint, nameless=True)
    if not is_path_segment(called):
        message = f"{called[:80]!r} can't be the name of an object"
        return Fault(message, "/metadata/name", "at most 253 characters, no / and %", nameless=True)
    namespace: Any = metadata.get("namespace")
    if namespace not in (None, "") and (not isinstance(namespace, str) or not is_dns_label(namespace)):
        message = f"{str(namespace)[:80]!r} can't be a namespace"
        return Fault(message, "/metadata/namespace", "a DNS label of at most 63 characters", nameless=True)
    return None


def _metadata_faults(metadata: Mapping[str, Any]) -> Iterator[Fault]:
    for name in ("labels", "annotations"):
        pairs = metadata.get(name)
        if pairs is None:
            continue
        if not isinstance(pairs, dict):
            yield Fault(f"{name} must be text by name", f"/metadata/{name}", "as in {app: web}")
            continue
        for key, each in pairs.items():
            pointer = f"/metadata/{name}/{key.replace('~', '~0').replace('/', '~1')}"
            if not (is_annotation_key if name == "annotations" else is_qualified_name)(key):
                hint = f"{_LABEL}; a domain name and / may stand before it"
                yield Fault(
                    f"{key[:80]!r} can't be the name of a{'n annotation' if name == 'annotations' else ' label'}",
                    pointer,
                    hint,
                )
            if not isinstance(each, str) and each is not None:
                yield Fault(f"{name} must be text by name", pointer, 'write numbers and words like yes in quotes: "1"')
            elif name == "labels" and each is not None and not is_label_value(each):
                yield Fault(f"{key}: {each[:80]} can't be a label", pointer, _LABEL)
    annotations = metadata.get("annotations")
    if isinstance(annotations, dict) and annotations_size(annotations) > MOST_ANNOTATIONS:
        message = "the annotations are larger than 256 KiB together"
        yield Fault(message, "/metadata/annotations", "move the data out")


def _spinkube_fault(value: Mapping[str, Any]) -> Fault | None:
    group, spec = value["apiVersion"].partition("/")[0], value.get("spec")
    if group == _SHIM_GROUP and value["kind"] == "Shim":
        return _shim_fault(spec if isinstance(spec, dict) else {})
    if group != _SPIN_GROUP:
        return None
    if not isinstance(spec, dict):
        return Fault(f"this {value['kind']} has no spec", "")
    if value["kind"] == "SpinAppExecutor":
        return _executor_fault(spec)
    return _app_fault(value["metadata"]["name"], spec) if value["kind"] == "SpinApp" else None


def _shim_fault(spec: Mapping[str, Any]) -> Fault | None:
    """Source: runtime-class-manager, api/v1alpha1/shim_types.go; its controller knows no rolling update yet."""
    runtime_class = spec.get("runtimeClass")
    if not isinstance(runtime_class, dict) or not runtime_class.get("name") or not runtime_class.get("handler"):
        hint = "as in runtimeClass: {name: wasmtime-spin-v2, handler: spin-v2}"
        return Fault("this Shim says no runtimeClass with name and handler", "/spec", hint)
    fetch = spec.get("fetchStrategy")
    if not isinstance(fetch, dict) or not (fetch.get("anonHttp") or fetch.get("platforms")):
        return Fault("fetchStrategy needs anonHttp or platforms", "/spec", "say where the shim is fetched from")
    rollout = spec.get("rolloutStrategy")
    if isinstance(rollout, dict) and rollout.get("type") == "rolling":
        message = "runtime-class-manager does not carry out rolling updates yet: this Shim would never be installed"
        return Fault(message, "/spec/rolloutStrategy/type", "write type: recreate")
    return None


def _executor_fault(spec: Mapping[str, Any]) -> Fault | None:
    config = spec.get("deploymentConfig")
    if spec.get("createDeployment") is True and not isinstance(config, dict):
        message = "createDeployment: true needs deploymentConfig: without it SpinKube's operator crashes"
        return Fault(message, "/spec", "add deploymentConfig: {runtimeClassName: wasmtime-spin-v2}")
    if isinstance(config, dict) and ("runtimeClassName" in config) == ("spinImage" in config):
        return Fault(
            "deploymentConfig needs one of runtimeClassName and spinImage", "/spec/deploymentConfig", "keep one"
        )
    return None


def _app_fault(name: str, spec: Mapping[str, Any]) -> Fault | None:
    for field in ("executor", "image"):
        if not isinstance(spec.get(field), str) or not spec[field]:
            return Fault(f"this SpinApp has no {field}", "/spec", f"set spec.{field}")
    if len(name) > _LONGEST_SPIN_NAME:
        return Fault(f"a SpinApp's name has at most {_LONGEST_SPIN_NAME} characters", "/metadata/name", "shorten it")
    replicas, scaled = spec.get("replicas") or 0, spec.get("enableAutoscaling") is True
    if not isinstance(replicas, int):
        return Fault("replicas must be a whole number", "/spec/replicas")
    if scaled and replicas > 0:
        return Fault("replicas can't be set with enableAutoscaling", "/spec/replicas", "remove one of the two")
    if not scaled and replicas < 1:
        return Fault("replicas must be at least 1 without enableAutoscaling", "/spec", "set spec.replicas")
    return None
