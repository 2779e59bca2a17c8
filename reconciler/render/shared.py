"""Objects that several apps need: rendered once for all of them, under the owner `_shared`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from reconciler.fleet.model import AppAssignment, BundleAssignment, Cluster
from reconciler.plan.model import ObjectKey, key_of
from reconciler.render.labels import MANAGED_BY, traced
from reconciler.render.model import SHARED, Rendered
from reconciler.render.spinapp import API_VERSION

#: SpinKube's own names for its default executor and runtime class.
DEFAULT_EXECUTOR = "containerd-shim-spin"
RUNTIME_CLASS = "wasmtime-spin-v2"


def render_shared(units: Iterable[AppAssignment | BundleAssignment], cluster: Cluster) -> Rendered:  # noqa: ARG001 - one signature with render_unit
    """Give the namespaces and executors that released apps need and no released Bundle brings.

    Only the default executor can be made up: another one says in its own object what it runs on, so a Bundle brings it.
    """
    brought: set[ObjectKey] = set()
    wanted: dict[ObjectKey, tuple[dict[str, Any], str, int]] = {}
    for unit in sorted(units, key=lambda unit: unit.name):
        if isinstance(unit, BundleAssignment):
            brought |= {_placed(unit, key_of(sourced.object)) for sourced in unit.objects}
            continue
        for obj in (_namespace(unit.namespace), *_executor(unit)):
            wanted.setdefault(key_of(obj), (obj, unit.path, unit.line))
    objects = [
        traced(obj, owner=SHARED, path=path) for key, (obj, path, line) in sorted(wanted.items()) if key not in brought
    ]
    return Rendered(name=SHARED, objects=tuple(objects))


def _placed(bundle: BundleAssignment, key: ObjectKey) -> ObjectKey:
    return key if key.namespace or key.kind == "Namespace" else key._replace(namespace=bundle.namespace or "")


def _namespace(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/managed-by": MANAGED_BY}},
    }


def _executor(app: AppAssignment) -> list[dict[str, Any]]:
    if app.spec["executor"] != DEFAULT_EXECUTOR:
        return []
    metadata = {
        "name": DEFAULT_EXECUTOR,
        "namespace": app.namespace,
        "labels": {"app.kubernetes.io/managed-by": MANAGED_BY},
    }
    spec = {
        "createDeployment": True,
        "deploymentConfig": {"runtimeClassName": RUNTIME_CLASS, "installDefaultCACerts": True},
    }
    return [{"apiVersion": API_VERSION, "kind": "SpinAppExecutor", "metadata": metadata, "spec": spec}]
