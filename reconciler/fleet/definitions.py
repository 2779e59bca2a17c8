"""Custom kinds that the fleet's bundles bring."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.fleet.model import BundleDefinition, Cluster, Fleet
from reconciler.fleet.placement import placed


def custom_kinds(fleet: Fleet, cluster: Cluster) -> tuple[str, ...]:
    """Give the bundles that bring CustomResourceDefinitions to a cluster, by name."""
    return tuple(
        sorted(
            name
            for name, bundle in fleet.bundles.items()
            if brings_definition(bundle) and placed(bundle.spec.get("placement"), cluster)
        )
    )


def is_definition(obj: Mapping[str, Any]) -> bool:
    """Tell whether an object is a CustomResourceDefinition."""
    return obj.get("kind") == "CustomResourceDefinition" and str(obj.get("apiVersion")).startswith(
        "apiextensions.k8s.io/"
    )


def brings_definition(bundle: BundleDefinition) -> bool:
    """Tell whether a bundle has a CustomResourceDefinition: then what it says bears on other bundles."""
    return any(is_definition(each.object) for each in bundle.objects)
