"""Objects that several apps need: rendered once for all of them, under the owner `_shared`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from reconciler.fleet.model import AppAssignment, BundleAssignment, Cluster
from reconciler.plan.model import ObjectKey, key_of
from reconciler.plan.order import rank
from reconciler.render.bundle import rendered_key
from reconciler.render.labels import shared_labels, traced
from reconciler.render.model import SHARED, Rendered
from reconciler.render.namespace import namespace_labels
from reconciler.render.service_account import makes_account, service_account
from reconciler.render.spinkube import API_VERSION

#: Namespaces that every cluster has from its start.
_BUILT_IN = frozenset({"default", "kube-system", "kube-public", "kube-node-lease"})
_SHAREABLE = frozenset({"Namespace", "ServiceAccount", "SpinAppExecutor", "RuntimeClass", "Shim"})


def render_shared(units: Iterable[AppAssignment | BundleAssignment], cluster: Cluster) -> Rendered:  # noqa: ARG001 - one signature with render_unit
    """Give the namespaces, accounts, executors, RuntimeClasses and Shims that released apps need and no released Bundle brings.

    Of apps that want one of them otherwise, the first by name has it (see sharing.clashes).
    """
    brought: set[ObjectKey] = set()
    wanted: dict[ObjectKey, tuple[dict[str, Any], str]] = {}
    units = sorted(units, key=lambda unit: unit.name)
    for unit in units:
        brought |= brings(unit)
    apps = [unit for unit in units if isinstance(unit, AppAssignment)]
    for app, obj, path in (*_namespaces(apps), *_needs(apps)):
        key = key_of(obj)
        if key not in brought and key not in wanted:
            obj["metadata"]["labels"] = {**(obj["metadata"].get("labels") or {}), **shared_labels(app.fleet)}
            wanted[key] = (traced(obj, owner=SHARED, path=path), path)
    return Rendered(name=SHARED, objects=tuple(sorted((wanted[key][0] for key in sorted(wanted)), key=rank)))


def brings(unit: AppAssignment | BundleAssignment) -> frozenset[ObjectKey]:
    """Give what a bundle brings that apps may need: it is then not made for them. An app brings nothing."""
    if not isinstance(unit, BundleAssignment):
        return frozenset()
    shareable = (sourced.object for sourced in unit.objects if sourced.object["kind"] in _SHAREABLE)
    return frozenset(rendered_key(unit, obj) for obj in shareable)


def _namespaces(apps: list[AppAssignment]) -> Iterator[tuple[AppAssignment, dict[str, Any], str]]:
    """Give each namespace with the labels that its apps ask for together."""
    by_name: dict[str, list[AppAssignment]] = {}
    for app in apps:
        by_name.setdefault(app.namespace, []).append(app)
    for name, inside in by_name.items():
        labels = namespace_labels(inside)
        if name in _BUILT_IN and not labels:
            continue
        metadata = {"name": name, "labels": labels}
        yield inside[0], {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}, inside[0].path


def _needs(apps: list[AppAssignment]) -> Iterator[tuple[AppAssignment, dict[str, Any], str]]:
    seen: set[tuple[str, str]] = set()
    for app in apps:
        if makes_account(app):
            yield app, service_account(app), app.path
        place = (app.namespace, app.spec["executor"])
        executor = app.executor
        if executor is not None and executor.shim is not None:
            shim = executor.shim
            yield app, {**shim.object, "metadata": dict(shim.object["metadata"])}, shim.path
        if executor is None or not executor.made or place in seen:
            continue
        # A job runs under the executor's RuntimeClass, without the executor.
        if executor.runtime_class is not None:
            yield app, {**executor.runtime_class, "metadata": dict(executor.runtime_class["metadata"])}, executor.path
        if "job" in app.spec:
            continue
        seen.add(place)
        metadata = {"name": executor.name, "namespace": app.namespace}
        made = {"apiVersion": API_VERSION, "kind": "SpinAppExecutor", "metadata": metadata, "spec": executor.spec}
        yield app, made, executor.path or app.path
