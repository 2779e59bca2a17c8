"""What the fleet's bundles bring to a cluster that bears on other documents: SpinAppExecutors and custom kinds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.fleet.model import BundleDefinition, Cluster, Fleet
from reconciler.fleet.placement import placed


def executors(fleet: Fleet, cluster: Cluster) -> dict[tuple[str, str], bool]:
    """Give, by namespace and name, whether an executor creates Deployments."""
    found: dict[tuple[str, str], bool] = {}
    for bundle in fleet.bundles.values():
        if not placed(bundle.spec.get("placement"), cluster):
            continue
        for each in bundle.objects:
            if is_executor(each.object):
                metadata, spec = each.object["metadata"], each.object.get("spec") or {}
                namespace = metadata.get("namespace") or bundle.spec.get("namespace") or ""
                found[namespace, metadata["name"]] = spec.get("createDeployment") is not False
    return found


def custom_kinds(fleet: Fleet, cluster: Cluster) -> tuple[str, ...]:
    """Give the bundles that bring CustomResourceDefinitions to a cluster, by name."""
    return tuple(
        sorted(
            name
            for name, bundle in fleet.bundles.items()
            if brings_definition(bundle) and placed(bundle.spec.get("placement"), cluster)
        )
    )


def creates_deployment(spec: Mapping[str, Any], known: Mapping[tuple[str, str], bool]) -> bool:
    """Tell whether an app's executor creates its Deployment; one that the fleet does not bring is taken to."""
    return known.get((spec["namespace"], spec["executor"]), True)


def is_executor(obj: Mapping[str, Any]) -> bool:
    """Tell whether an object is a SpinAppExecutor."""
    return obj.get("kind") == "SpinAppExecutor" and str(obj.get("apiVersion")).startswith("core.spinkube.dev/")


def brings_executor(bundle: BundleDefinition) -> bool:
    """Tell whether a bundle has a SpinAppExecutor: then what it says bears on apps."""
    return any(is_executor(each.object) for each in bundle.objects)


def is_definition(obj: Mapping[str, Any]) -> bool:
    """Tell whether an object is a CustomResourceDefinition."""
    return obj.get("kind") == "CustomResourceDefinition" and str(obj.get("apiVersion")).startswith(
        "apiextensions.k8s.io/"
    )


def brings_definition(bundle: BundleDefinition) -> bool:
    """Tell whether a bundle has a CustomResourceDefinition: then what it says bears on other bundles."""
    return any(is_definition(each.object) for each in bundle.objects)
