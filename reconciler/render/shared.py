"""Objects that several apps need: rendered once for all of them, under the owner `_shared`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.fleet.model import AppAssignment, BundleAssignment, Cluster
from reconciler.plan.model import ObjectKey, key_of
from reconciler.plan.order import rank
from reconciler.render.labels import MANAGED_BY, traced
from reconciler.render.model import SHARED, Rendered
from reconciler.render.service_account import makes_account, service_account
from reconciler.render.spinkube import API_VERSION, DEFAULT_EXECUTOR, RUNTIME_CLASS

#: Namespaces that every cluster has from its start.
_BUILT_IN = frozenset({"default", "kube-system", "kube-public", "kube-node-lease"})
_SHAREABLE = frozenset({"Namespace", "ServiceAccount", "SpinAppExecutor"})


def render_shared(units: Iterable[AppAssignment | BundleAssignment], cluster: Cluster) -> Rendered:  # noqa: ARG001 - one signature with render_unit
    """Give the namespaces, accounts and executors that released apps need and no released Bundle brings.

    Only the default executor can be made up: another one says in its own object what it runs on, so a Bundle brings it.
    """
    sharing: dict[ObjectKey, Need] = {}
    brought: set[ObjectKey] = set()
    for unit in sorted(units, key=lambda unit: unit.name):
        brought |= brings(unit)
        for need in needs(unit):
            sharing.setdefault(key_of(need.object), need)
    found = (need for key, need in sharing.items() if key not in brought)
    return Rendered(name=SHARED, objects=in_order(found))


@dataclass(frozen=True, slots=True)
class Need:
    """An object that an app needs and may share with others, and the app's file."""

    object: Mapping[str, Any]
    path: str


def needs(unit: AppAssignment | BundleAssignment) -> tuple[Need, ...]:
    """Give what an app needs to be there: its namespace, account, executor. A bundle brings what it needs."""
    if isinstance(unit, BundleAssignment):
        return ()
    found = (*_namespace(unit.namespace), *_account(unit), *_executor(unit))
    return tuple(Need(obj, unit.path) for obj in found)


def brings(unit: AppAssignment | BundleAssignment) -> frozenset[ObjectKey]:
    """Give what a bundle brings that apps may need: then it is not made for them."""
    if not isinstance(unit, BundleAssignment):
        return frozenset()
    keys = (_placed(unit, key_of(sourced.object)) for sourced in unit.objects if sourced.object["kind"] in _SHAREABLE)
    return frozenset(keys)


def in_order(found: Iterable[Need]) -> tuple[Mapping[str, Any], ...]:
    """Give needed objects as they are applied under `_shared`."""
    objects = (traced(need.object, owner=SHARED, path=need.path) for need in found)
    return tuple(sorted(sorted(objects, key=key_of), key=rank))


def _placed(bundle: BundleAssignment, key: ObjectKey) -> ObjectKey:
    return key if key.namespace or key.kind == "Namespace" else key._replace(namespace=bundle.namespace or "")


def _namespace(name: str) -> list[dict[str, Any]]:
    if name in _BUILT_IN:
        return []
    metadata = {"name": name, "labels": {"app.kubernetes.io/managed-by": MANAGED_BY}}
    return [{"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}]


def _account(app: AppAssignment) -> list[dict[str, Any]]:
    """Give the account that an app asks for. Of several that want it otherwise the first has it (see sharing.clashes)."""
    if not makes_account(app):
        return []
    account = service_account(app)
    account["metadata"]["labels"] = {"app.kubernetes.io/managed-by": MANAGED_BY}
    return [account]


def _executor(app: AppAssignment) -> list[dict[str, Any]]:
    if app.spec["executor"] != DEFAULT_EXECUTOR or "job" in app.spec:
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
