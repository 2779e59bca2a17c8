"""Selectors of overrides, patches and stages that name clusters which are not there, or match none: warnings, never errors.

What such a rule misses it changes nowhere, and a Cluster document that is taken away must not hold back the apps of all others.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.fleet.cache import canonical
from reconciler.fleet.documents import Document
from reconciler.fleet.model import Cluster
from reconciler.fleet.placement import placed, selects
from reconciler.problems import Problem
from reconciler.schema_check import closest

#: A rule of a document: the pointer of its selector, the selector as canonical text.
Rule = tuple[str, str]
_Missed = tuple[str, str, str, str]
#: The placement of what is placed everywhere.
EVERYWHERE = "null"


def rules_of(document: Document) -> tuple[Rule, ...]:
    """Give the selectors of the overrides of a valid App or the patches of a valid Bundle."""
    field = "overrides" if document.kind == "App" else "patches"
    return tuple(
        (f"/spec/{field}/{index}/clusters", canonical(rule["clusters"]))
        for index, rule in enumerate(document.written.get(field) or ())
        if rule.get("clusters")
    )


class Selections:
    """Tells of each selector what it misses. Equal ones under equal placements are looked at once: fleets have few of them."""

    def __init__(self, clusters: Mapping[str, Cluster]) -> None:
        """Look at nothing yet."""
        self._clusters = clusters
        self._placed: dict[str, Sequence[Cluster]] = {}
        self._known: dict[tuple[str, str], tuple[_Missed, ...]] = {}

    def warnings(self, document: Document, rules: Sequence[Rule], placement: str = EVERYWHERE) -> Iterator[Problem]:
        """Give what the rules of a document miss. `placement` is its own as canonical text; it has one cluster at least."""
        for pointer, selector in rules:
            key = (placement, selector)
            if key not in self._known:
                self._known[key] = tuple(self._missed(json.loads(selector), placement))
            for below, code, message, hint in self._known[key]:
                yield document.warning(pointer + below, code, message, hint)

    def _missed(self, selector: Mapping[str, Any], placement: str) -> Iterator[_Missed]:
        if placement not in self._placed:
            where = json.loads(placement)
            self._placed[placement] = [each for each in self._clusters.values() if placed(where, each)]
        unknown = [(at, name) for at, name in enumerate(selector.get("names") or ()) if name not in self._clusters]
        for at, name in unknown:
            hint = closest(name, sorted(self._clusters)) or "add a Cluster document of that name, or remove it here"
            yield f"/names/{at}", "fleet.unknown-reference", f"there is no cluster {name!r}", hint
        if not unknown and not any(selects(selector, each) for each in self._placed[placement]):
            where = "" if placement == EVERYWHERE else " of the placement"
            hint = "hold it against the names and labels of the Cluster documents"
            yield "", "fleet.selects-nothing", f"no cluster{where} matches this", hint
