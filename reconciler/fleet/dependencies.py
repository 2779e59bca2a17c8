"""What an app or bundle waits for: the names in `dependsOn`."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.fleet.model import AppDefinition, BundleDefinition, Fleet


def dependencies(
    fleet: Fleet, definition: AppDefinition | BundleDefinition
) -> Iterator[AppDefinition | BundleDefinition]:
    """Give what a document, its overrides and the fleet's defaults may have it wait for; names that are nothing are left out."""
    layers = [definition.spec, *(each.get("spec") or {} for each in definition.spec.get("overrides") or ())]
    if isinstance(definition, AppDefinition):
        layers.append(fleet.spec.get("defaults") or {})
    for name in sorted({name for layer in layers for name in layer.get("dependsOn") or ()}):
        found = fleet.apps.get(name) or fleet.bundles.get(name)
        if found is not None:
            yield found
