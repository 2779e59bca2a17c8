"""An app as an earlier commit has it: what a release that is held at an older version is rendered from.

Its App document, its manifest and the Fleet's defaults are that commit's; the Cluster document, and what bundles bring to the
cluster, are today's (design: "Release"). Its references to other documents don't count: they held when it was released.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reconciler.fleet.apps import common_of, define_app
from reconciler.fleet.assign import Here, assign_here
from reconciler.fleet.bundles import define_bundle
from reconciler.fleet.found import find
from reconciler.fleet.load import LoadCache
from reconciler.fleet.model import Fleet, Unit
from reconciler.tree import Tree


class Earlier:
    """The documents of an earlier commit, read app by app as they are asked for."""

    def __init__(self, tree: Tree, cache: LoadCache | None = None) -> None:
        """Find the documents. With the cache of today's load only what differs is parsed; the cache itself is left as it is."""
        today = cache if cache is not None else LoadCache()
        self._reader = today.reader(tree)
        found = find(self._reader, today.last.found)
        fleets = [each for each in found.of("Fleet") if each.valid]
        self._spec = fleets[0].spec if len(fleets) == 1 else None
        self._documents = {name: documents[0] for name, documents in found.named.items()}

    def unit(self, name: str, today: Fleet, place: Here) -> Unit | None:
        """Give an app or bundle as a cluster is to run it; None where the commit does not have it for this cluster."""
        document = self._documents.get(name)
        if document is None or self._spec is None:
            return None
        # What it depends on delays releases alone, and this one is released.
        defaults = _without_dependencies(self._spec.get("defaults") or {})
        fleet = replace(today, spec={**today.spec, "defaults": defaults})
        if document.kind == "App":
            app = define_app(document, self._reader, common_of(self._spec))
            app = replace(app, spec=_without_dependencies(app.spec))
            bundles = {each: bundle for each, bundle in today.bundles.items() if each != name}
            return assign_here(replace(fleet, apps={**today.apps, name: app}, bundles=bundles), place, name)
        bundle = define_bundle(document, self._reader)
        bundle = replace(bundle, spec=_without_dependencies(bundle.spec))
        apps = {each: app for each, app in today.apps.items() if each != name}
        return assign_here(replace(fleet, apps=apps, bundles={**today.bundles, name: bundle}), place, name)


def _without_dependencies(spec: Mapping[str, Any]) -> dict[str, Any]:
    kept = {field: value for field, value in spec.items() if field != "dependsOn"}
    if "overrides" in kept:
        overrides = (
            each if "spec" not in each else {**each, "spec": _without_dependencies(each["spec"])}
            for each in kept["overrides"]
        )
        kept["overrides"] = list(overrides)
    return kept
