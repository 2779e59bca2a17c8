"""An app as an earlier commit has it: what a release that is held at an older version is rendered from.

Its App document, its manifest and the Fleet's defaults are that commit's; the Cluster document, and what bundles bring to the
cluster, are today's (design: "Release"). Its references to other documents don't count: they held when it was released.
"""

from __future__ import annotations

from dataclasses import replace

from reconciler.fleet.apps import common_of, define_app
from reconciler.fleet.assign import Here, assign_here
from reconciler.fleet.bundles import define_bundle
from reconciler.fleet.cache import LoadCache, Reader
from reconciler.fleet.load import find_documents
from reconciler.fleet.model import Fleet, Unit
from reconciler.tree import Tree


class Earlier:
    """The documents of an earlier commit, read app by app as they are asked for."""

    def __init__(self, tree: Tree, cache: LoadCache | None = None) -> None:
        """Find the documents. With the cache of today's load only what differs is parsed; the cache itself is left as it is."""
        self._reader = Reader(tree, cache if cache is not None else LoadCache())
        found = find_documents(self._reader)
        fleets = [each for each in found["Fleet"] if each.valid]
        self._spec = fleets[0].spec if len(fleets) == 1 else None
        self._documents = {each.name: each for each in (*reversed(found["Bundle"]), *reversed(found["App"]))}

    def unit(self, name: str, today: Fleet, place: Here) -> Unit | None:
        """Give an app or bundle as a cluster is to run it; None where the commit does not have it for this cluster."""
        document = self._documents.get(name)
        if document is None or self._spec is None:
            return None
        spec = {**today.spec, "defaults": self._spec.get("defaults") or {}}
        if document.kind == "App":
            app = define_app(document, self._reader, common_of(self._spec))
            return assign_here(replace(today, spec=spec, apps={name: app}, bundles={}), place, name)
        bundle = define_bundle(document, self._reader)
        return assign_here(replace(today, spec=spec, apps={}, bundles={name: bundle}), place, name)
