"""What is sent of a rendered object: its membership label, Secret data in one form, no replicas where a scaler has them."""

from __future__ import annotations

import base64
from collections.abc import Container, Iterable, Mapping
from typing import Any

from reconciler.manifest.report import mapping
from reconciler.plan.adoption import without_adoption
from reconciler.plan.membership import PART_OF_LABEL
from reconciler.plan.model import ObjectKey, key_of
from reconciler.sops.sealed import is_mark

_SCALERS = {
    ("autoscaling", "HorizontalPodAutoscaler"), ("keda.sh", "ScaledObject"), ("http.keda.sh", "HTTPScaledObject"),
}  # fmt: skip


def prepare(obj: Mapping[str, Any], applyset: str, scaled: Container[ObjectKey] = frozenset()) -> dict[str, Any]:
    """Give the object as it is to be applied. `scaled` are the workloads whose replicas a scaler sets."""
    obj = without_adoption(obj)
    metadata = dict(obj["metadata"])
    metadata["labels"] = {**(metadata.get("labels") or {}), PART_OF_LABEL: applyset}
    prepared = {**obj, "metadata": metadata}
    texts = obj.get("stringData")
    # What is no mapping is sent as it stands: the server says what is wrong with it.
    if obj["kind"] == "Secret" and obj["apiVersion"] == "v1" and texts and isinstance(texts, dict):
        # Server-side apply tracks stringData and data apart: a key dropped from stringData would stay in data for ever.
        # What stands for an encrypted value stays: whoever has its key puts the encoded value in its place.
        encoded = {
            key: value if is_mark(value) else base64.b64encode(str(value).encode()).decode()
            for key, value in texts.items()
        }
        prepared.pop("stringData")
        prepared["data"] = {**mapping(obj.get("data")), **encoded}
    if key_of(obj) in scaled and "replicas" in mapping(obj.get("spec")):
        prepared["spec"] = {key: value for key, value in obj["spec"].items() if key != "replicas"}
    return prepared


def scaled_workloads(objects: Iterable[Mapping[str, Any]]) -> frozenset[ObjectKey]:
    """Give the workloads that an autoscaler among the objects targets."""
    return frozenset(found for obj in objects if (found := scaled_workload(obj)) is not None)


def scaled_workload(obj: Mapping[str, Any]) -> ObjectKey | None:
    """Give the workload that an object targets; None where it is no autoscaler."""
    key = key_of(obj)
    if (key.group, key.kind) not in _SCALERS:
        return None
    target = mapping(mapping(obj.get("spec")).get("scaleTargetRef"))
    group = str(target.get("apiVersion") or "apps/v1").rpartition("/")[0]
    return ObjectKey(group, str(target.get("kind") or "Deployment"), key.namespace, str(target.get("name") or ""))
