"""The part of two commits that a change between them can touch, so that a small change of a large fleet costs little.

What is read as documents: the Fleet, its clusters and rollouts, the changed files, what those need to be understood, and what bears on
others (docs: the table in fleet/affected.py, and what clashes). All else is looked at as text alone. Where that can't be told apart, such as
after a change of the Fleet itself, everything is read. A part gives the same report as the whole.
"""

from __future__ import annotations

import re
from typing import Any

from reconciler.check.bearing import ON_EVERY_APP, Bearing, seen_by_others
from reconciler.check.needs import Needs
from reconciler.check.selection import EverythingError, OfAll, Selection
from reconciler.fleet import LoadCache, load
from reconciler.fleet.cache import canonical
from reconciler.fleet.dependencies import dependencies
from reconciler.fleet.model import AppDefinition, BundleDefinition, Fleet
from reconciler.tree import Tree

#: More changed files are no small change.
_MOST_CHANGED = 1000
_SHARED_BY_ALL = frozenset({"Fleet", "FleetSync", "Cluster", "Rollout"})
_LABEL = re.compile(r"[\w-]+")


def touched(base: Tree, head: Tree, cache: LoadCache) -> tuple[Tree, Tree] | None:
    """Give the parts of base and head that the difference between them can touch; None where that may be everything.

    What was read on the way is in the cache.
    """
    files = base.files.keys() | head.files.keys()
    changed = frozenset(path for path in files if base.files.get(path) != head.files.get(path))
    if not base.files or base.problems != head.problems or len(changed) > _MOST_CHANGED:
        return None
    try:
        return _Search(Selection(base, head, changed, cache), cache).parts()
    except EverythingError:
        return None


class _Search:
    """Goes from what changed to all that it touches."""

    def __init__(self, selection: Selection, cache: LoadCache) -> None:
        self._selection, self._cache = selection, cache
        self._of_all = _of_all(selection)
        self._needs = Needs(selection, self._of_all)
        #: Apps and bundles that changed.
        self._names: set[str] = set()

    def parts(self) -> tuple[Tree, Tree]:
        self._changed_documents()
        self._owners_of_changed_files()
        self._needs.fill()
        before, after = self._fleets()
        if before is not None and after is not None:
            bearing = Bearing(self._selection, self._of_all)
            for name in sorted(self._names):
                bearing.on_others(name, before, after)
            self._needs.fill()
            self._hold_to_what_changed(bearing.moved)
        return self._selection.parts()

    def _fleets(self) -> tuple[Fleet | None, Fleet | None]:
        before, after = (load(each, cache=self._cache).fleet for each in self._selection.parts())
        return before, after

    def _changed_documents(self) -> None:
        sides: list[dict[tuple[str, str], list[Any]]] = []
        for tree in self._selection.trees:
            found: dict[tuple[str, str], list[Any]] = {}
            for path in sorted(self._selection.changed):
                for each in self._selection.documents(path, tree):
                    found.setdefault((each.kind, each.name), []).append((path, each.line, each.yaml.value))
                    self._needs.of(each)
            sides.append(found)
        for kind, name in sides[0].keys() | sides[1].keys():
            if sides[0].get((kind, name)) == sides[1].get((kind, name)):
                continue
            if kind in {"Fleet", "Cluster", "Rollout"}:
                raise EverythingError
            if kind != "FleetSync":
                self._names.add(name)

    def _owners_of_changed_files(self) -> None:
        """Find the apps and bundles, unchanged themselves, whose files changed."""
        for path in self._selection.changed:
            if path.rpartition("/")[2].encode() in self._of_all.text:
                raise EverythingError
            self._selection.keep(self._selection.bundles_of(path, self._names))
            self._selection.keep(self._selection.apps_of(path, self._of_all.defaults, self._names))

    def _hold_to_what_changed(self, moved: set[str]) -> None:
        """Make sure that no other app or bundle becomes valid or invalid, on any cluster: then what it shares and claims would count as well."""
        before, after = self._fleets()
        assert before is not None  # noqa: S101 - it was read before with less
        assert after is not None  # noqa: S101
        for fleet, other in ((before, after), (after, before)):
            definitions: list[AppDefinition | BundleDefinition] = [*fleet.apps.values(), *fleet.bundles.values()]
            for each in definitions:
                if each.name in self._names:
                    continue
                now = other.apps.get(each.name) or other.bundles.get(each.name)
                if seen_by_others(fleet, each) != seen_by_others(other, now):
                    raise EverythingError
                if any(one.name in moved for one in dependencies(fleet, each)):
                    raise EverythingError


def _of_all(selection: Selection) -> OfAll:
    """Keep what every app depends on, and give what of it is looked for elsewhere. Raises EverythingError."""
    texts = selection.texts
    core = set(texts.with_kind(*_SHARED_BY_ALL)) & texts.documents
    selection.keep(core | (texts.odd & texts.documents) | texts.unread)
    documents = list(selection.kept())
    fleets = [each for each in documents if each.kind == "Fleet"]
    if len(fleets) != 1:
        raise EverythingError
    defaults = fleets[0].spec.get("defaults") or {}
    executors = [each.spec.get("executors") for each in documents if each.kind in {"Fleet", "Cluster"}]
    text = canonical([defaults, [each for each in executors if each]])
    variables = tuple(
        {"name": each.name, **(each.spec.get("variables") or {})} for each in documents if each.kind == "Cluster"
    )
    texts.know(variables)
    said = [text, *(value for each in variables for value in each.values())]
    for path in set(texts.with_kind(*ON_EVERY_APP)):
        bundles = set(selection.bundles_of(path))
        selection.keep(bundles)
        # An executor, or a patch of it, may name the app that telemetry goes to.
        found = (texts.of.get(each, b"") for each in bundles | {path})
        said += [data.decode("utf-8", "replace") for data in found if b"otel" in data]
    labels = frozenset(label for each in said for label in _LABEL.findall(each))
    return OfAll(defaults=defaults, text=text.encode(), labels=labels, variables=variables)
