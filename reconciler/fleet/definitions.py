"""Custom kinds that the fleet's bundles bring."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reconciler.fleet.model import BundleDefinition, Cluster, Fleet, SourcedObject
from reconciler.fleet.patches import as_on, patches_for
from reconciler.fleet.placement import placed


def bringing(fleet: Fleet) -> tuple[BundleDefinition, ...]:
    """Give the bundles that have a CustomResourceDefinition, by name: what they say bears on other bundles."""
    return tuple(fleet.bundles[name] for name in sorted(fleet.bundles) if brings_definition(fleet.bundles[name]))


def custom_kinds(bundles: Iterable[BundleDefinition], cluster: Cluster) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Of bundles that bring definitions, give those that a cluster gets, by name, with the numbers of the patches that change them."""
    return tuple(
        (
            each.name,
            tuple(sorted({index for one in _definitions(each) for index, _ in patches_for(each, one, cluster)})),
        )
        for each in bundles
        if placed(each.spec.get("placement"), cluster)
    )


def definitions_on(bundles: Iterable[BundleDefinition], cluster: Cluster) -> Iterator[Mapping[str, Any]]:
    """Give the CustomResourceDefinitions that bundles bring to a cluster, as it gets them."""
    for bundle in bundles:
        if placed(bundle.spec.get("placement"), cluster):
            yield from (as_on(bundle, each, cluster).object for each in _definitions(bundle))


def cluster_scoped_in(bundle: BundleDefinition) -> frozenset[tuple[str, str]]:
    """Give group and kind of the custom kinds without a namespace that a bundle defines."""
    specs = [spec for each in definitions_in(bundle) if isinstance(spec := each.get("spec"), dict)]
    return frozenset(
        (str(spec.get("group")), str(spec["names"].get("kind")))
        for spec in specs
        if spec.get("scope") == "Cluster" and isinstance(spec.get("names"), dict)
    )


def definitions_in(bundle: BundleDefinition) -> Iterator[Mapping[str, Any]]:
    """Give the CustomResourceDefinitions of a bundle, as they are written."""
    return (each.object for each in _definitions(bundle))


def _definitions(bundle: BundleDefinition) -> Iterator[SourcedObject]:
    return (each for each in bundle.objects if is_definition(each.object))


def is_definition(obj: Mapping[str, Any]) -> bool:
    """Tell whether an object is a CustomResourceDefinition."""
    return obj.get("kind") == "CustomResourceDefinition" and str(obj.get("apiVersion")).startswith(
        "apiextensions.k8s.io/"
    )


def brings_definition(bundle: BundleDefinition) -> bool:
    """Tell whether a bundle has a CustomResourceDefinition."""
    return any(is_definition(each.object) for each in bundle.objects)
