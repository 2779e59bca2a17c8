"""What the fleet brings to a cluster that bears on its apps: executors, the Secrets and ConfigMaps they read, the Services they call."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from reconciler.fleet.cache import canonical
from reconciler.fleet.definitions import cluster_scoped_in
from reconciler.fleet.executors import Runtimes, brought_executor, declared_executors, declared_shims
from reconciler.fleet.model import BundleDefinition, Cluster, Executor, Fleet, SourcedObject, Target
from reconciler.fleet.patches import as_on, patches_for
from reconciler.fleet.placement import may_be_placed, placement_of
from reconciler.fleet.variables import filled, variables_of
from reconciler.manifest.report import mapping

_SPINKUBE = "core.spinkube.dev"
#: Kinds (group, kind) of objects of bundles that bear on apps.
_EXECUTOR, _RUNTIME_CLASS = (_SPINKUBE, "SpinAppExecutor"), ("node.k8s.io", "RuntimeClass")
_SHIM, _SERVICE = ("runtime.spinkube.dev", "Shim"), ("", "Service")
_INPUTS = frozenset({("", "Secret"), ("", "ConfigMap")})
_BEARING = frozenset({_EXECUTOR, _RUNTIME_CLASS, _SHIM, _SERVICE, *_INPUTS})
_MARK = 16
_What = TypeVar("_What")


@dataclass(frozen=True)
class Brought:
    """What a cluster gets beside its apps.

    `declared` are executors by name, for any namespace; `executors` those of bundles by (namespace, name). `inputs` are marks of
    Secrets and ConfigMaps by (kind, namespace, name): equal marks, equal content. `services` are by (namespace, name). `alike` is a text
    that is equal where there are the same inputs and services, whatever the inputs hold.
    """

    declared: Mapping[str, Executor]
    executors: Mapping[tuple[str, str], Executor]
    inputs: Mapping[tuple[str, str, str], str]
    services: Mapping[tuple[str, str], Target]
    alike: str

    def executor(self, namespace: str, name: str) -> Executor | None:
        """Give what is known of an executor in a namespace: a Bundle's own before one that is declared for all."""
        return self.executors.get((namespace, name)) or self.declared.get(name)

    @cached_property
    def bearing(self) -> str:
        """Give a text that is equal where this makes the same difference to whether an app is right."""
        executors = [
            [*key, each.spec, each.faults, each.made]
            for key, each in (
                *sorted(self.executors.items()),
                *(((name,), each) for name, each in self.declared.items()),
            )
        ]
        return canonical([executors, self.alike])


class Bearing:
    """The objects of a fleet's bundles that bear on apps; for many clusters made once: what they have alike is held once."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        each = ((bundle, _bearing_objects(bundle)) for bundle in fleet.bundles.values())
        self._bundles = [(bundle, objects) for bundle, objects in each if objects]
        scoped = ((bundle, cluster_scoped_in(bundle)) for bundle in fleet.bundles.values())
        self._scoped = [(bundle, kinds) for bundle, kinds in scoped if kinds]
        self._plain: dict[tuple[str, ...], _Parts] = {}
        # Bundles by the hundred share a few placements.
        self._placements = {
            bundle.name: canonical(placement_of(fleet, bundle)) for bundle, _ in (*self._bundles, *self._scoped)
        }

    def parts(self, cluster: Cluster) -> _Parts:
        """Give what a cluster gets. Bundles that are invalid count as they can be read: what they bring may be there."""
        placed = self._placed(self._bundles, cluster)
        if any(bundle.spec.get("patches") for bundle, _ in placed):
            return _parts(placed, cluster)
        key = tuple(bundle.name for bundle, _ in placed)
        if key not in self._plain:
            self._plain[key] = _parts(placed, cluster)
        return self._plain[key]

    def cluster_scoped(self, cluster: Cluster) -> frozenset[tuple[str, str]]:
        """Give group and kind of the custom kinds without a namespace that a cluster gets definitions of, as they are written."""
        return frozenset[tuple[str, str]]().union(*(kinds for _, kinds in self._placed(self._scoped, cluster)))

    def _placed(
        self, bundles: list[tuple[BundleDefinition, _What]], cluster: Cluster
    ) -> list[tuple[BundleDefinition, _What]]:
        asked: dict[str, bool] = {}
        for bundle, _ in bundles:
            text = self._placements[bundle.name]
            if text not in asked:
                asked[text] = may_be_placed(placement_of(self._fleet, bundle), cluster)
        return [each for each in bundles if asked[self._placements[each[0].name]]]


@dataclass(frozen=True, slots=True)
class _Parts:
    """What bundles bring to a cluster: by kind, and as Brought has it."""

    of: Mapping[tuple[str, str], list[tuple[BundleDefinition, SourcedObject]]]
    inputs: Mapping[tuple[str, str, str], str]
    services: Mapping[tuple[str, str], Target]
    alike: str


def _bearing_objects(bundle: BundleDefinition) -> list[SourcedObject]:
    return [each for each in bundle.objects if group_kind(each.object) in _BEARING]


def _parts(placed: list[tuple[BundleDefinition, list[SourcedObject]]], cluster: Cluster) -> _Parts:
    here = [
        (bundle, each, patched)
        for bundle, objects in placed
        if _patchable(bundle)
        for each in objects
        if _is_named(patched := as_on(bundle, each, cluster))
    ]
    of: dict[tuple[str, str], list[tuple[BundleDefinition, SourcedObject]]] = {kind: [] for kind in _BEARING}
    for bundle, _, each in here:
        if (kind := group_kind(each.object)) in of:  # a patch may have made something else of it
            of[kind].append((bundle, each))
    inputs = {
        (each.object["kind"], _namespace(bundle, each.object), each.object["metadata"]["name"]): _mark(
            bundle, written, cluster
        )
        for bundle, written, each in here
        if group_kind(each.object) in _INPUTS
    }
    services = dict(_services(of[_SERVICE]))
    called = [[*key, each.labels, sorted(each.ports.items())] for key, each in sorted(services.items())]
    return _Parts(of, inputs, services, canonical([sorted(inputs), called]))


def brought(fleet: Fleet, cluster: Cluster, bearing: Bearing) -> Brought:
    """Give what a fleet brings to a cluster. `bearing` is that of the fleet."""
    parts = bearing.parts(cluster)
    runtimes = Runtimes(
        classes={each.object["metadata"]["name"]: each for _, each in parts.of[_RUNTIME_CLASS]},
        shims={each.object["metadata"]["name"]: each for _, each in parts.of[_SHIM]},
        declared=declared_shims(fleet, cluster),
    )
    return Brought(
        declared=declared_executors(fleet, cluster, runtimes),
        executors={
            (_namespace(bundle, each.object), each.object["metadata"]["name"]): brought_executor(
                each, runtimes, cluster
            )
            for bundle, each in parts.of[_EXECUTOR]
        },
        inputs=parts.inputs,
        services=parts.services,
        alike=parts.alike,
    )


def bears_on_apps(bundle: BundleDefinition) -> Any:
    """Give a value that is equal where a bundle bears on apps in the same way; None where it bears on none.

    What Secrets and ConfigMaps hold is left out: it decides when pods are rolled, and never whether an app is right.
    """
    found = [
        (each.object if group_kind(each.object) not in _INPUTS else _identity(each.object), each.path, each.line)
        for each in bundle.objects
        if group_kind(each.object) in _BEARING
    ]
    if not found:
        return None
    return (bundle.spec.get("namespace"), bundle.spec.get("placement"), bundle.spec.get("patches"), found)


def inputs_in(bundle: BundleDefinition) -> set[tuple[str, str]]:
    """Give kind and name of the Secrets and ConfigMaps of a bundle."""
    return {
        (each.object["kind"], each.object["metadata"]["name"])
        for each in bundle.objects
        if group_kind(each.object) in _INPUTS
    }


def group_kind(obj: Mapping[str, Any]) -> tuple[str, str]:
    """Give group and kind of an object; the core group is empty."""
    return str(obj.get("apiVersion")).rpartition("/")[0], str(obj.get("kind"))


def _identity(obj: Mapping[str, Any]) -> tuple[Any, ...]:
    return obj["kind"], obj["metadata"].get("namespace"), obj["metadata"]["name"]


def _patchable(bundle: BundleDefinition) -> bool:
    """Tell whether its patches can be read."""
    patches = bundle.spec.get("patches") or []
    return isinstance(patches, list) and all(
        isinstance(each, dict) and isinstance(each.get("patch"), dict) for each in patches
    )


def _is_named(sourced: SourcedObject) -> bool:
    """Tell whether an object still has kind and name after its patches, which may have broken it."""
    metadata = sourced.object.get("metadata")
    return isinstance(metadata, dict) and all(
        isinstance(each, str) for each in (sourced.object.get("kind"), metadata.get("name"))
    )


def _namespace(bundle: BundleDefinition, obj: Mapping[str, Any]) -> str:
    return str(obj["metadata"].get("namespace") or bundle.spec.get("namespace") or "")


def _mark(bundle: BundleDefinition, sourced: SourcedObject, cluster: Cluster) -> str:
    """Give the Git id of the file, or a hash of it and of the patches: what an encrypted file holds never comes into it."""
    patches = [filled(patch, variables_of(cluster)) for _, patch in patches_for(bundle, sourced, cluster)]
    if not patches:
        return sourced.blob
    return hashlib.sha256(canonical([sourced.blob, patches]).encode()).hexdigest()[:_MARK]


def _services(found: list[tuple[BundleDefinition, SourcedObject]]) -> Iterator[tuple[tuple[str, str], Target]]:
    """Give the Services that choose pods; those without a selector lead to where only the cluster knows."""
    for bundle, each in found:
        spec, namespace = mapping(each.object.get("spec")), _namespace(bundle, each.object)
        selector = spec.get("selector")
        if not isinstance(selector, dict) or not all(isinstance(value, str) for value in selector.values()):
            continue
        if not selector or spec.get("type") == "ExternalName":
            continue
        # A headless Service's name gives the pods themselves: no port is mapped.
        ports = spec.get("ports") if spec.get("clusterIP") != "None" else None
        mapped = {
            port["port"]: port.get("targetPort") or port["port"]
            for port in (ports if isinstance(ports, list) else ())
            if isinstance(port, dict) and isinstance(port.get("port"), int)
        }
        yield (namespace, each.object["metadata"]["name"]), Target(namespace=namespace, labels=selector, ports=mapped)
