"""What an app or bundle waits for: the names in `dependsOn`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reconciler.fleet.model import AppDefinition, BundleDefinition, Fleet


def names_waited_for(specs: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Give every name in the dependsOn of some specs, sorted."""
    lists = [needs for spec in specs if isinstance(needs := spec.get("dependsOn"), list)]
    return tuple(sorted({name for needs in lists for name in needs if isinstance(name, str)}))


def dependencies(
    fleet: Fleet, definition: AppDefinition | BundleDefinition
) -> Iterator[AppDefinition | BundleDefinition]:
    """Give what a document, its overrides and the fleet's defaults may have it wait for; names that are nothing are left out."""
    for name in definition.waits_for:
        found = fleet.apps.get(name) or fleet.bundles.get(name)
        if found is not None:
            yield found
