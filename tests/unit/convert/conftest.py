from __future__ import annotations

import copy
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from reconciler.convert.compare import differences
from reconciler.convert.fleet import Converted, convert
from reconciler.convert.objects import take
from reconciler.convert.rendering import rendering_of
from reconciler.plan.model import ObjectKey, key_of

IMAGE = "ghcr.io/acme/shop@sha256:" + "a" * 64


def spinapp(name: str = "shop", **spec: Any) -> dict[str, Any]:
    fields = {"image": IMAGE, "executor": "containerd-shim-spin", "replicas": 2, **spec}
    return {
        "apiVersion": "core.spinkube.dev/v1alpha1", "kind": "SpinApp", "metadata": {"name": name, "namespace": "apps"},
        "spec": {field: value for field, value in fields.items() if value is not None},
    }  # fmt: skip


def hpa(name: str = "shop-autoscaler", app: str = "shop", **spec: Any) -> dict[str, Any]:
    target = {"type": "Utilization", "averageUtilization": 60}
    fields = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": app}, "minReplicas": 2, "maxReplicas": 3,
        "metrics": [{"type": "Resource", "resource": {"name": each, "target": target}} for each in ("cpu", "memory")],
        **spec,
    }  # fmt: skip
    metadata = {"name": name, "namespace": "apps"}
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": fields}


def config() -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "b"}}


def converted(*objects: Any, **manifests: str) -> Converted:
    return convert(
        take(copy.deepcopy(list(objects))), fleet="acme", cluster="here", cluster_spec={}, manifests=manifests
    )


def rendered(files: Mapping[str, str]) -> dict[ObjectKey, Mapping[str, Any]]:
    return dict(rendering_of(files, "here").objects)


def lost(given: Any, found: Converted) -> list[str]:
    """Give what the fleet does not say any more of an object."""
    obj = next(iter(take([copy.deepcopy(given)]).objects.values()))
    back = rendered(found.files).get(key_of(obj))
    return [f"{key_of(obj)} is not there"] if back is None else list(differences(obj, back))


def became(found: Converted) -> dict[str, str]:
    return {entry.object.split()[0].split(".")[0]: entry.became for entry in found.entries}


@pytest.fixture
def make() -> SimpleNamespace:
    """Give what makes objects, converts them, and renders what came of it."""
    return SimpleNamespace(
        image=IMAGE,
        spinapp=spinapp,
        hpa=hpa,
        config=config,
        converted=converted,
        rendered=rendered,
        lost=lost,
        became=became,
    )
