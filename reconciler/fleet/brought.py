"""What the fleet brings to a cluster that bears on its apps: executors, the Secrets and ConfigMaps they read, the Services they call."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

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


@dataclass(frozen=True)
class Brought:
    """What a cluster gets beside its apps.

    `declared` are executors by name, for any namespace; `executors` those of bundles by (namespace, name).
    """

    declared: Mapping[str, Executor]
    executors: Mapping[tuple[str, str], Executor]
    parts: _Parts

    @property
    def inputs(self) -> Mapping[tuple[str, str, str], str]:
        """The marks of Secrets and ConfigMaps by (kind, namespace, name): equal marks, equal content."""
        return self.parts.inputs

    @property
    def services(self) -> Mapping[tuple[str, str], Target]:
        """What Services lead to, by (namespace, name)."""
        return self.parts.services

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
        return canonical([executors, self.parts.alike])


class Bearing:
    """The objects of a fleet's bundles that bear on apps; for many clusters made once: what they have alike is held once.

    `before` is that of the commit before: what a bundle brings is looked up again only where the bundle is another.
    """

    def __init__(self, fleet: Fleet, before: Bearing | None = None) -> None:
        self._fleet = fleet
        known = before.own if before is not None else {}
        self.own: dict[str, _Own] = {
            name: same if (same := known.get(name)) is not None and same.bundle is bundle else _own(bundle)
            for name, bundle in fleet.bundles.items()
        }
        self._bundles = [each for each in self.own.values() if each.objects]
        self._scoped = [each for each in self.own.values() if each.cluster_scoped]
        self._plain: dict[tuple[str, ...], _Parts] = {}
        self._placements = self._texts()

    def _texts(self) -> dict[str, str]:
        """Give each bundle's placement as text. Bundles by the hundred share a few, and most have none of their own."""
        texts: dict[int, str] = {}
        found: dict[str, str] = {}
        for each in (*self._bundles, *self._scoped):
            placement = placement_of(self._fleet, each.bundle)
            if id(placement) not in texts:
                texts[id(placement)] = canonical(placement)
            found[each.bundle.name] = texts[id(placement)]
        return found

    def parts(self, cluster: Cluster) -> _Parts:
        """Give what a cluster gets. Bundles that are invalid count as they can be read: what they bring may be there."""
        placed = self._placed(self._bundles, cluster)
        if any(each.brings is None for each in placed):
            return _parts(placed, cluster)
        key = tuple(each.bundle.name for each in placed)
        if key not in self._plain:
            self._plain[key] = _parts(placed, cluster)
        return self._plain[key]

    def cluster_scoped(self, cluster: Cluster) -> frozenset[tuple[str, str]]:
        """Give group and kind of the custom kinds without a namespace that a cluster gets definitions of, as they are written."""
        kinds = (each.cluster_scoped for each in self._placed(self._scoped, cluster))
        return frozenset[tuple[str, str]]().union(*kinds)

    def _placed(self, bundles: list[_Own], cluster: Cluster) -> list[_Own]:
        asked: dict[str, bool] = {}
        for each in bundles:
            text = self._placements[each.bundle.name]
            if text not in asked:
                asked[text] = may_be_placed(placement_of(self._fleet, each.bundle), cluster)
        return [each for each in bundles if asked[self._placements[each.bundle.name]]]


#: Objects with their bundle, by kind.
_ByKind = dict[tuple[str, str], list[tuple[BundleDefinition, SourcedObject]]]


@dataclass(frozen=True, slots=True)
class _Brings:
    """What one bundle brings to a cluster: by kind, and as Brought has it."""

    of: _ByKind
    inputs: Mapping[tuple[str, str, str], str]
    services: Mapping[tuple[str, str], Target]


@dataclass(frozen=True, slots=True, eq=False)
class _Own:
    """A bundle, its objects that bear on apps, and what it brings; `brings` is None where patches may make that another on each cluster."""

    bundle: BundleDefinition
    objects: list[SourcedObject]
    cluster_scoped: frozenset[tuple[str, str]]
    brings: _Brings | None


def _own(bundle: BundleDefinition) -> _Own:
    objects = [each for each in bundle.objects if group_kind(each.object) in _BEARING]
    brings = _brings(bundle, [(each, each.blob) for each in objects]) if not bundle.spec.get("patches") else None
    return _Own(bundle, objects, cluster_scoped_in(bundle), brings)


@dataclass(frozen=True)
class _Parts:
    """What bundles bring to a cluster: by kind, and as Brought has it."""

    of: _ByKind
    inputs: Mapping[tuple[str, str, str], str]
    services: Mapping[tuple[str, str], Target]

    @cached_property
    def alike(self) -> str:
        """Give a text that is equal where there are the same inputs and services, whatever the inputs hold."""
        called = [[*key, each.labels, sorted(each.ports.items())] for key, each in sorted(self.services.items())]
        return canonical([sorted(self.inputs), called])


def _parts(placed: list[_Own], cluster: Cluster) -> _Parts:
    of: _ByKind = {kind: [] for kind in _BEARING}
    inputs: dict[tuple[str, str, str], str] = {}
    services: dict[tuple[str, str], Target] = {}
    for each in placed:
        brings = each.brings or _patched(each, cluster)
        for kind, found in brings.of.items():
            of[kind] += found
        inputs.update(brings.inputs)
        services.update(brings.services)
    return _Parts(of, inputs, services)


def _patched(own: _Own, cluster: Cluster) -> _Brings:
    bundle, objects = own.bundle, own.objects if _patchable(own.bundle) else []
    return _brings(bundle, [(as_on(bundle, each, cluster), _mark(bundle, each, cluster)) for each in objects])


def _brings(bundle: BundleDefinition, objects: list[tuple[SourcedObject, str]]) -> _Brings:
    """Give what a bundle brings, given its objects as a cluster gets them and the mark of what each holds."""
    here = [(each, mark) for each, mark in objects if _is_named(each)]
    of: _ByKind = {}
    for each, _ in here:
        if (kind := group_kind(each.object)) in _BEARING:  # a patch may have made something else of it
            of.setdefault(kind, []).append((bundle, each))
    inputs = {
        (each.object["kind"], _namespace(bundle, each.object), each.object["metadata"]["name"]): mark
        for each, mark in here
        if group_kind(each.object) in _INPUTS
    }
    return _Brings(of, inputs, dict(_services(of.get(_SERVICE, []))))


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
        parts=parts,
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
