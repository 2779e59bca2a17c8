"""Cycles that only overrides of `dependsOn` close: on some cluster apps would wait for one another for ever."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.fleet.cycles import cycles
from reconciler.fleet.model import AppDefinition, BundleDefinition, Cluster, Fleet
from reconciler.fleet.placement import selects
from reconciler.problems import Problem, has_errors

#: The overrides of an app that have dependsOn: number, clusters, names.
_Changes = Sequence[tuple[int, Mapping[str, Any], Sequence[str]]]
_LONGEST_WAY = 10


def override_cycles(fleet: Fleet) -> Iterator[Problem]:
    """Give an error for each override that closes a cycle, at its place. Cycles without overrides are told where documents are linked."""
    changes = {
        name: found for name, app in fleet.apps.items() if "overrides" in app.spec and (found := _changes_of(app))
    }
    if not changes:
        return
    default = (fleet.spec.get("defaults") or {}).get("dependsOn")
    definitions: dict[str, AppDefinition | BundleDefinition] = {**fleet.apps, **fleet.bundles}
    graph = {
        name: list(needs)
        for name, each in definitions.items()
        if (needs := each.spec.get("dependsOn", default if name in fleet.apps else None))
        and not has_errors(each.problems)
    }
    for name, index, cluster, way in _closed(graph, changes, fleet.clusters):
        document = fleet.apps[name].document
        shown = " → ".join(way if len(way) <= _LONGEST_WAY else (*way[: _LONGEST_WAY - 2], "…", way[-1]))
        message = f"{name!r} depends on itself on cluster {cluster!r}: {shown}"
        if document is not None:
            pointer = f"/spec/overrides/{index}/spec/dependsOn"
            yield document.problem("fleet.cycle", message, pointer, "remove one of these dependencies")


def _changes_of(app: AppDefinition) -> _Changes:
    if has_errors(app.problems):
        return ()
    overrides = enumerate(app.spec.get("overrides") or ())
    return [
        (index, each["clusters"], each["spec"]["dependsOn"])
        for index, each in overrides
        if each["spec"].get("dependsOn")
    ]


def _closed(
    graph: Mapping[str, Sequence[str]], changes: Mapping[str, _Changes], clusters: Mapping[str, Cluster]
) -> Iterator[tuple[str, int, str, tuple[str, ...]]]:
    """Give each app whose override closes a cycle, with the override's number, a cluster that has it, and the way round.

    Only names that some choice of overrides could bring into a cycle are looked at on every cluster.
    """
    possible = {name: list(needs) for name, needs in graph.items()}
    for name, each in changes.items():
        possible[name] = [*possible.get(name, ()), *(need for _, _, needs in each for need in needs)]
    already = {name for names, _ in cycles(graph) for name in names}
    told: set[tuple[str, int]] = set()
    for names in [frozenset(names) for names, _ in cycles(possible) if changes.keys() & set(names)]:
        for cluster in clusters.values():
            chosen: dict[str, int] = {}
            here: dict[str, Sequence[str]] = {name: graph[name] for name in names if name in graph}
            for name in names & changes.keys():
                for index, selector, needs in changes[name]:
                    if selects(selector, cluster):
                        chosen[name], here[name] = index, needs
            for circle, way in cycles(here):
                for name in circle:
                    if name in chosen and name not in already and (name, chosen[name]) not in told:
                        told.add((name, chosen[name]))
                        yield name, chosen[name], cluster.name, way
