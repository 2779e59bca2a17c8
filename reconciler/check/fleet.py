"""Every problem of a fleet: the walk of the agent up to the last step before a cluster, on one cluster of each case.

    Tree ─► load ─► cases ─► assign ─► render ─► what clashes ─► Report

A second check through the same value looks only at what changed since the first: what an app's problems are made of is its
definition, those of the apps it waits for, and what all apps share.
"""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from reconciler.check.claims import Claim, Claims, Clash
from reconciler.check.files import Files, missing_files
from reconciler.check.known import cluster_warnings, rollout_warnings, unsaid_spin_warnings, zone_warnings
from reconciler.check.objects import Asked, ObjectCheck
from reconciler.check.override_cycles import override_cycles
from reconciler.check.report import Report
from reconciler.errors import InputError
from reconciler.fleet import Cases, LoadCache, facts, load
from reconciler.fleet.assign import assign_here
from reconciler.fleet.brought import bears_on_apps
from reconciler.fleet.cache import canonical
from reconciler.fleet.cases import Case
from reconciler.fleet.definitions import brings_definition
from reconciler.fleet.dependencies import dependencies
from reconciler.fleet.documents import MANIFEST_SUFFIXES
from reconciler.fleet.model import AppAssignment, AppDefinition, BundleDefinition, Fleet, Unit, Withheld
from reconciler.fleet.overrides import layers_of, merged
from reconciler.fleet.placement import placement_of
from reconciler.fleet.reads import has_network, reached_apps, stands
from reconciler.fleet.variables import variables_of
from reconciler.plan.model import ObjectKey, key_of
from reconciler.problems import Problem, has_errors
from reconciler.render import render_unit
from reconciler.render.places import problem_at
from reconciler.render.routes import routes_of
from reconciler.render.service_account import account_name, makes_account, service_account
from reconciler.schema_check import closest
from reconciler.tree import Tree

_Definition = AppDefinition | BundleDefinition


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was found of an app or bundle: it holds as long as these are the same values.

    `names` are all that it refers to, there or not; `placements` are where those stand that are there.
    Without a definition it is to be looked at again.
    """

    definition: _Definition | None
    names: tuple[str, ...]
    placements: tuple[tuple[str, Any, Any], ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class _Brings:
    """A bundle, what of it bears on apps, and whether it defines custom kinds."""

    bundle: BundleDefinition
    bearing: Any
    definitions: bool


class FleetCheck:
    """Checks trees of one fleet, one after the other."""

    def __init__(
        self, clusters: Collection[str] = (), *, asked: Asked | None = None, cache: LoadCache | None = None
    ) -> None:
        """Check for some clusters; none named means every one. `asked` is what the one that is named says of itself.

        `cache` is of who loads the same trees as well.
        """
        self._asked = asked
        self._only = tuple(clusters)
        self._cache = cache if cache is not None else LoadCache()
        self._seen: dict[str, _Seen] = {}
        self._shared: Any = None
        self._bundles: Mapping[str, BundleDefinition] = {}
        self._brings: dict[str, _Brings] = {}
        self._cases: Cases | None = None
        self._unknown: tuple[Problem, ...] = ()
        self._bringing: tuple[BundleDefinition, ...] = ()
        self._claims = Claims(())
        self._clashing: tuple[Problem, ...] = ()
        self._circles: tuple[Problem, ...] = ()

    def check(self, tree: Tree, files: Files | None = None) -> Report:
        """Give every problem of a tree. With `files`, those that manifests name must be there.

        Raises InputError where a cluster that was asked for is not in the fleet.
        """
        with few_collections():
            return self._check(tree, files)

    def _check(self, tree: Tree, files: Files | None) -> Report:
        loaded = load(tree, cache=self._cache)

        def sources(path: str) -> bytes | None:
            # Of files whose values Apps take no line is shown.
            secret = path.endswith(MANIFEST_SUFFIXES) and facts.file(path) in self._cache.last.linked.referred
            return tree.read(path) if path in tree.files and not secret else None

        fleet = loaded.fleet
        if fleet is None:
            return Report(subject="fleet", problems=loaded.problems, sources=sources)
        self._known(fleet)
        found = {*loaded.problems, *self._placed(fleet), *self._unknown, *rollout_warnings(fleet.rollouts.values())}
        if files is not None:
            found.update(missing_files(fleet, tree, files))
        counted = ((fleet.clusters, "cluster"), (fleet.apps, "app"), (fleet.bundles, "bundle"))
        subject = f"fleet {fleet.name}: {', '.join(_count(len(each), word) for each, word in counted)}"
        return Report(subject=subject, problems=tuple(sorted(found, key=Problem.sort_key)), sources=sources)

    def _known(self, fleet: Fleet) -> None:
        unknown = [name for name in self._only if name not in fleet.clusters]
        if unknown:
            hint = closest(unknown[0], sorted(fleet.clusters)) or f"one of: {', '.join(sorted(fleet.clusters)[:20])}"
            raise InputError(f"there is no cluster {unknown[0]!r}", hint=hint)

    def _placed(self, fleet: Fleet) -> Iterator[Problem]:
        """Give what shows on clusters: of every app and bundle, and between them."""
        cases = self._cases_of(fleet)
        objects = ObjectCheck(fleet, self._bringing, self._asked)
        definitions: dict[str, _Definition] = {**fleet.apps, **fleet.bundles}
        gone = self._seen.keys() - definitions.keys()
        changed = self._to_look_at(fleet, cases, definitions, gone)
        for name in gone:
            del self._seen[name]
            self._claims.replace(name, ())
        first = len(changed) == len(definitions)
        before = {text for name in changed for text in self._claims.texts(name)}
        for name in changed:
            self._look(fleet, cases, definitions[name], objects)
        if first:
            self._claims.link()
        else:
            self._claims.link({text for name in changed for text in self._claims.texts(name)} - before)
        if changed or gone:
            self._clashing = tuple(_told(fleet, cases, clash) for clash in self._claims.clashes())
            self._circles = tuple(override_cycles(fleet))
        yield from self._circles
        yield from self._clashing
        for seen in self._seen.values():
            if seen.problems:
                yield from seen.problems

    def _to_look_at(
        self, fleet: Fleet, cases: Cases, definitions: Mapping[str, _Definition], gone: Collection[str]
    ) -> list[str]:
        """Give who is another one than when it was seen, or refers to one that comes, goes or moves."""
        known = self._seen
        changed = {
            name for name, each in definitions.items() if name not in known or known[name].definition is not each
        }
        moving, collectors = changed.union(gone), cases.collectors
        asked = (
            [name for name, each in known.items() if each.names and not moving.isdisjoint(each.names)] if moving else []
        )
        changed.update(
            name
            for name in asked
            if name in definitions and known[name].placements != _placements(fleet, definitions[name], collectors)
        )
        return [name for name in definitions if name in changed] if changed else []

    def _cases_of(self, fleet: Fleet) -> Cases:
        """Give the clusters' cases; where what all apps share has changed, everything is looked at again."""
        if fleet.bundles is not self._bundles:
            self._bundles, known = fleet.bundles, self._brings
            self._brings = {name: _brings(each, known.get(name)) for name, each in fleet.bundles.items()}
        bearing = [(name, each.bearing) for name, each in self._brings.items() if each.bearing is not None]
        shared = (fleet.spec, fleet.path, fleet.clusters, bearing)
        if self._cases is None or shared != self._shared:
            self._seen, self._shared = {}, shared
            self._clashing, self._circles = (), ()
            self._cases = Cases(fleet, self._only or None)
            self._unknown = tuple(cluster_warnings(fleet.clusters[name] for name in self._cases.names))
            self._claims = Claims([variables_of(fleet.clusters[name]) for name in self._cases.names])
        definitions = tuple(each.bundle for _, each in sorted(self._brings.items()) if each.definitions)
        if definitions != self._bringing:
            # What defines custom kinds bears on every bundle, and on no app.
            self._bringing = definitions
            self._cases = Cases(fleet, self._only or None)
            self._seen = {
                name: each if isinstance(each.definition, AppDefinition) else replace(each, definition=None)
                for name, each in self._seen.items()
            }
        return self._cases

    def _look(self, fleet: Fleet, cases: Cases, definition: _Definition, objects: ObjectCheck) -> None:
        problems: set[Problem] = set()
        claims: list[tuple[Claim, int]] = []
        placements = _placements(fleet, definition, cases.collectors)
        for case in cases.of(definition, [placement for _, placement, _ in placements]):
            place = cases.here(case.cluster)
            unit = assign_here(fleet, place, definition.name)
            if unit is None:
                continue
            found = [*unit.problems]
            if isinstance(unit, AppAssignment):
                found += (*zone_warnings(unit), *unsaid_spin_warnings(unit, place.cluster))
            if isinstance(definition, BundleDefinition):
                found += objects.problems(definition, place.cluster)
            if not isinstance(unit, Withheld):
                rendered = render_unit(unit, place.cluster)
                found += rendered.problems
                if not has_errors(rendered.problems):
                    keys = [key_of(obj) for obj in rendered.objects]
                    claims += [(claim, case.clusters) for claim in _claims(fleet, definition, unit, keys, case.cluster)]
            problems.update(_for_others(problem, case) for problem in found)
        self._claims.replace(definition.name, claims)
        self._seen[definition.name] = _Seen(
            definition, _names(fleet, definition, cases.collectors), placements, tuple(problems)
        )


@contextmanager
def few_collections() -> Iterator[None]:
    """Have Python look for cycles seldom: of a large fleet nearly everything stays, and each full look goes through all of it."""
    before = gc.get_threshold()
    gc.set_threshold(200_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _brings(bundle: BundleDefinition, known: _Brings | None) -> _Brings:
    if known is not None and known.bundle is bundle:
        return known
    return _Brings(bundle, bears_on_apps(bundle), brings_definition(bundle))


def _names(fleet: Fleet, definition: _Definition, collectors: frozenset[str]) -> tuple[str, ...]:
    if not isinstance(definition, AppDefinition):
        return definition.waits_for
    reported_to = sorted(collectors) if collectors and has_network(fleet, definition) else ()
    return (*definition.waits_for, *definition.calls, *reported_to)


def _placements(fleet: Fleet, definition: _Definition, collectors: frozenset[str]) -> tuple[tuple[str, Any, Any], ...]:
    """Give what bears on an app of those it waits for or calls: their names, where they are placed, and by which names they are called there."""
    found = [(each.name, placement_of(fleet, each), None) for each in dependencies(fleet, definition)]
    if isinstance(definition, AppDefinition):
        called = reached_apps(fleet, definition, collectors)
        found += [(each.name, placement_of(fleet, each), stands(fleet, each)) for each in called]
    return tuple(found)


def _for_others(problem: Problem, case: Case) -> Problem:
    """Say of a problem that names its cluster on how many others it shows."""
    others = case.clusters.bit_count() - 1
    if not others or f"cluster {case.cluster!r}" not in problem.message:
        return problem
    named = f"cluster {case.cluster!r}"
    return replace(problem, message=problem.message.replace(named, f"{named} (and {others} more like it)", 1))


def _claims(fleet: Fleet, definition: _Definition, unit: Unit, keys: list[ObjectKey], cluster: str) -> Iterator[Claim]:
    """Give what a unit claims, with the variables of clusters as they are written."""
    if not isinstance(unit, AppAssignment) or not isinstance(definition, AppDefinition):
        yield from (_object(key, key.namespace) for key in keys)
        return
    written = merged(layers_of(fleet, definition, fleet.clusters[cluster]))
    namespace = str(written.get("namespace", unit.namespace))
    for key in keys:
        yield _object(key, namespace if key.namespace == unit.namespace else key.namespace)
    for route in routes_of(unit):
        entry = written["routes"][route.index]
        path = entry.get("path", route.path) if entry.get("paths") != "fromManifest" else route.path
        text = f"route {entry['host']}{path.rstrip('/')} {route.match}"
        yield Claim(text, f"/routes/{route.index}/host")
    for label, value in (unit.spec.get("namespaceLabels") or {}).items():
        yield Claim(f"label {label} of namespace {namespace!r}", "/namespaceLabels", value)
    if makes_account(unit):
        yield Claim(f"account {namespace}/{account_name(unit)}", "/serviceAccount", canonical(service_account(unit)))


def _object(key: ObjectKey, namespace: str) -> Claim:
    return Claim(f"object {key._replace(namespace=namespace)}", "")


def _told(fleet: Fleet, cases: Cases, clash: Clash) -> Problem:
    """Give the error of the one who comes later by name, with the place of the other."""
    definitions: Mapping[str, _Definition] = {**fleet.apps, **fleet.bundles}
    loser, winner = definitions[clash.loser.owner], definitions[clash.winner.owner]
    cluster = cases.cluster(clash.cluster)
    kind, _, what = clash.loser.claim.text.partition(" ")
    holder = f"{winner.name!r} ({winner.path}:{winner.line})"
    messages = {
        "route": (f"{what.rpartition(' ')[0]} leads to app {holder} already", "give one of them another host or path"),
        "object": (f"{what} is {holder}'s already", "rename one of them, or give one another namespace"),
        "label": (
            f"app {holder} wants label {what} otherwise",
            "write the same value in both, or once in the fleet's defaults",
        ),
        "account": (
            f"app {holder} wants ServiceAccount {what} otherwise",
            "write the same annotations in both, or give each its own serviceAccountName",
        ),
    }
    message, hint = messages[kind]
    message = f"{message}, on cluster {cluster.name!r}"
    code = f"render.{kind}-clash"
    unit = assign_here(fleet, cases.here(cluster.name), loser.name)
    if isinstance(unit, AppAssignment) and clash.loser.claim.pointer:
        return problem_at(unit, clash.loser.claim.pointer, code, message, hint)
    return Problem(path=loser.path, line=loser.line, code=code, message=message, hint=hint)


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
