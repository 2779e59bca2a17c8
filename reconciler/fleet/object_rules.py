"""What every Kubernetes object needs before it is worth sending, and what SpinKube's webhooks refuse."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
#: Names end up as path segments of the API (source: apimachinery, IsValidPathSegmentName).
_NAME = re.compile(r"(?!\.{1,2}$)[^/%\x00-\x1f\x7f]{1,253}")
_LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_LABEL_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_ANNOTATIONS_SIZE = 256 * 1024
_SPIN_GROUP = "core.spinkube.dev"
_LONGEST_SPIN_NAME = 52


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with an object, at a pointer below it."""

    message: str
    pointer: str = ""
    hint: str = ""


def object_fault(value: Any) -> Fault | None:
    """Say the first thing that is wrong with an object of a Bundle, or give None."""
    if not isinstance(value, dict):
        return Fault("this is not a Kubernetes object", "", "every object has apiVersion, kind and metadata.name")
    for name in ("apiVersion", "kind"):
        if not isinstance(value.get(name), str) or not value[name]:
            return Fault(f"the object has no {name}", "", "every object has apiVersion, kind and metadata.name")
    if value["apiVersion"].startswith("kustomize.config.k8s.io/"):
        return Fault(
            "kustomize is not run here", "/kind", "commit what `kustomize build` prints, and ignore its sources"
        )
    metadata = value.get("metadata")
    if not isinstance(metadata, dict):
        return Fault(f"this {value['kind']} has no metadata", "", "give it metadata.name")
    return _metadata_fault(value["kind"], metadata) or _spinkube_fault(value)


def _metadata_fault(kind: str, metadata: Mapping[str, Any]) -> Fault | None:
    name, namespace = metadata.get("name"), metadata.get("namespace")
    if not isinstance(name, str) or not name:
        hint = (
            "generateName makes a new object each time: write a name" if "generateName" in metadata else "give it one"
        )
        return Fault(f"this {kind} has no metadata.name", "/metadata", hint)
    if _NAME.fullmatch(name) is None:
        return Fault(
            f"{name[:80]!r} can't be the name of an object", "/metadata/name", "at most 253 characters, no / and %"
        )
    if namespace is not None and (not isinstance(namespace, str) or _NAMESPACE.fullmatch(namespace) is None):
        return Fault(
            f"{namespace!r} can't be a namespace", "/metadata/namespace", "a DNS label of at most 63 characters"
        )
    for name in ("labels", "annotations"):
        pairs = metadata.get(name)
        if pairs is None:
            continue
        if not isinstance(pairs, dict) or not all(isinstance(each, str) for each in pairs.values()):
            return Fault(
                f"{name} must be text by name", f"/metadata/{name}", 'write numbers and words like yes in quotes: "1"'
            )
    for key, each in (metadata.get("labels") or {}).items():
        if _LABEL_KEY.fullmatch(key) is None or _LABEL.fullmatch(each) is None:
            hint = "at most 63 letters, digits, -, _ and ., beginning and ending with a letter or digit"
            return Fault(f"{key}: {each[:80]} can't be a label", "/metadata/labels", hint)
    if sum(len(key) + len(each) for key, each in (metadata.get("annotations") or {}).items()) > _ANNOTATIONS_SIZE:
        return Fault("the annotations are larger than 256 KiB together", "/metadata/annotations", "move the data out")
    return None


def _spinkube_fault(value: Mapping[str, Any]) -> Fault | None:
    if value["apiVersion"].partition("/")[0] != _SPIN_GROUP:
        return None
    spec = value.get("spec")
    if not isinstance(spec, dict):
        return Fault(f"this {value['kind']} has no spec", "")
    if value["kind"] == "SpinAppExecutor":
        return _executor_fault(spec)
    return _app_fault(value["metadata"]["name"], spec) if value["kind"] == "SpinApp" else None


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
