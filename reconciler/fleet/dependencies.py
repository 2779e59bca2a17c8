"""What an app or bundle waits for: the names in `dependsOn`."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.fleet.model import AppDefinition, BundleDefinition, Fleet
from reconciler.fleet.overrides import every_layer


def dependencies(
    fleet: Fleet, definition: AppDefinition | BundleDefinition
) -> Iterator[AppDefinition | BundleDefinition]:
    """Give what a document, its overrides and the fleet's defaults may have it wait for; names that are nothing are left out."""
    layers = every_layer(definition, fleet if isinstance(definition, AppDefinition) else None)
    lists = [needs for layer in layers if isinstance(needs := layer.get("dependsOn"), list)]
    for name in sorted({name for needs in lists for name in needs if isinstance(name, str)}):
        found = fleet.apps.get(name) or fleet.bundles.get(name)
        if found is not None:
            yield found
