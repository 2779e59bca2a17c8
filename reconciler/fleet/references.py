"""What only the whole fleet can tell: names that stand twice, references, cycles, placement that matches nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from reconciler.fleet.cache import Reader, canonical
from reconciler.fleet.cycles import cycles
from reconciler.fleet.documents import Document, without_nulls
from reconciler.fleet.merge_patch import merge_patch
from reconciler.fleet.model import AppDefinition, BundleDefinition, Cluster, RolloutDefinition
from reconciler.fleet.placement import placed, selects
from reconciler.problems import Problem, has_errors
from reconciler.schema_check import closest

#: Names of a cycle that a message shows.
_LONGEST_WAY = 10
_Definition = TypeVar("_Definition", AppDefinition, BundleDefinition)


@dataclass(frozen=True, slots=True)
class Links:
    """The parts of a fleet before they are linked. Apps and bundles are those that come first by their name."""

    documents: Mapping[str, tuple[Document, ...]]
    apps: Mapping[str, AppDefinition]
    bundles: Mapping[str, BundleDefinition]
    rollouts: Mapping[str, RolloutDefinition]
    clusters: Mapping[str, Cluster]
    defaults: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Linked:
    """Apps and bundles with the problems of their references; `problems` are those that belong to neither, warnings included."""

    apps: Mapping[str, AppDefinition]
    bundles: Mapping[str, BundleDefinition]
    problems: tuple[Problem, ...]


def link(links: Links, reader: Reader) -> Linked:
    """Hold every document against the others."""
    found: dict[str, list[Problem]] = {}
    for name, problem in (*_duplicates(links), *_dependencies(links), *_rollouts(links), *_placements(links, reader)):
        found.setdefault(name, []).append(problem)
    apps, bundles = dict(links.apps), dict(links.bundles)
    for name, problems in found.items():
        if name in apps:
            apps[name] = _with(apps[name], problems)
        elif name in bundles:
            bundles[name] = _with(bundles[name], problems)
    return Linked(apps, bundles, tuple(_other_duplicates(links)))


def _with(definition: _Definition, problems: list[Problem]) -> _Definition:
    together = tuple(sorted({*definition.problems, *problems}, key=Problem.sort_key))
    return replace(definition, problems=together, version="" if has_errors(together) else definition.version)


def _duplicates(links: Links) -> Iterator[tuple[str, Problem]]:
    """Apps and bundles share one space of names, since dependsOn names either. Which one is meant can't be told: none runs."""
    seen: dict[str, Document] = {}
    for document in (*links.documents["App"], *links.documents["Bundle"]):
        first = seen.setdefault(document.name, document)
        if first is not document:
            message = f"{first.kind} {document.name!r} stands already in {first.path}:{first.line}"
            yield document.name, document.problem("/metadata/name", "fleet.duplicate", message, "rename one of them")


def _other_duplicates(links: Links) -> Iterator[Problem]:
    for kind in ("Rollout", "FleetSync"):
        seen: dict[tuple[str, Any], Document] = {}
        for document in links.documents[kind]:
            metadata = document.yaml.value["metadata"]
            first = seen.setdefault((document.name, str(metadata.get("namespace"))), document)
            if first is not document:
                message = f"{kind} {document.name!r} stands already in {first.path}:{first.line}"
                yield document.problem("/metadata/name", "fleet.duplicate", message, "rename one of them")


def _dependencies(links: Links) -> Iterator[tuple[str, Problem]]:
    graph: dict[str, list[str]] = {}
    documents: dict[str, Document] = {}
    for document in (*links.documents["App"], *links.documents["Bundle"]):
        default = links.defaults.get("dependsOn") if document.kind == "App" else None
        needs = document.written.get("dependsOn", default)
        if isinstance(needs, list) and document.name not in graph:
            graph[document.name] = [each for each in needs if isinstance(each, str)]
            documents[document.name] = document
    for name, needs in graph.items():
        for index, each in enumerate(needs):
            if each not in links.apps and each not in links.bundles:
                message = f"there is no app or bundle {each!r}"
                hint = closest(each, sorted({*links.apps, *links.bundles})) or "remove it from dependsOn"
                pointer = f"/spec/dependsOn/{index}"
                yield name, documents[name].problem(pointer, "fleet.unknown-reference", message, hint)
    for names, way in cycles(graph):
        shown = " → ".join(way if len(way) <= _LONGEST_WAY else (*way[: _LONGEST_WAY - 2], "…", way[-1]))
        for name in names:
            message = f"{name!r} depends on itself: {shown}"
            yield (
                name,
                documents[name].problem("/spec/dependsOn", "fleet.cycle", message, "remove one of these dependencies"),
            )


def _rollouts(links: Links) -> Iterator[tuple[str, Problem]]:
    for document in (*links.documents["App"], *links.documents["Bundle"]):
        default = links.defaults.get("rollout") if document.kind == "App" else None
        name = document.written.get("rollout", default)
        if not isinstance(name, str) or not document.valid:
            continue
        rollout = links.rollouts.get(name)
        if rollout is None:
            message = f"there is no Rollout {name!r}"
            hint = closest(name, sorted(links.rollouts)) or "add a Rollout document of that name"
            yield document.name, document.problem("/spec/rollout", "fleet.unknown-reference", message, hint)
        elif has_errors(rollout.problems):
            message = f"Rollout {name!r} is invalid"
            hint = f"see {rollout.path}:{rollout.line}"
            yield document.name, document.problem("/spec/rollout", "fleet.invalid-reference", message, hint)
        else:
            for cluster in _in_no_stage(rollout, _placement(document, links), links.clusters):
                message = (
                    f"cluster {cluster!r} is in no stage of Rollout {name!r}, so nothing would ever be released there"
                )
                hint = "add it to a stage, or take it out of the placement"
                yield document.name, document.problem("/spec/rollout", "rollout.no-stage", message, hint)


def _in_no_stage(rollout: RolloutDefinition, placement: Any, clusters: Mapping[str, Cluster]) -> list[str]:
    stages = [stage["clusters"] for stage in rollout.spec["stages"]]
    here = [each for each in clusters.values() if placed(placement, each)]
    return [each.name for each in here if not any(selects(stage, each) for stage in stages)]


def _placements(links: Links, reader: Reader) -> Iterator[tuple[str, Problem]]:
    """Tell of apps that run nowhere. Equal placements are looked at once: fleets have thousands of apps and few placements."""
    default = canonical(links.defaults.get("placement"))
    somewhere: dict[str, bool] = {}
    for document in (*links.documents["App"], *links.documents["Bundle"]):
        if not document.valid:
            continue
        known = reader.cache.placements.get(document)
        if known is None or known[0] != default:
            known = (default, canonical(_placement(document, links)))
        reader.kept.placements[document] = known
        key = known[1]
        if key not in somewhere:
            placement = json.loads(key)
            named = all(name in links.clusters for _, name in _named(placement))
            somewhere[key] = named and any(placed(placement, each) for each in links.clusters.values())
        if not somewhere[key]:
            yield from ((document.name, problem) for problem in _misplaced(document, json.loads(key), links))


def _misplaced(document: Document, placement: Any, links: Links) -> Iterator[Problem]:
    for pointer, name in _named(placement):
        if name not in links.clusters:
            hint = closest(name, sorted(links.clusters)) or "add a Cluster document of that name"
            yield document.problem(pointer, "fleet.unknown-reference", f"there is no cluster {name!r}", hint)
    if not any(placed(placement, each) for each in links.clusters.values()):
        message = f"{document.kind} {document.name!r} runs on no cluster"
        yield document.warning("/spec/placement", "fleet.placed-nowhere", message, "check its placement")


def _placement(document: Document, links: Links) -> Any:
    default = links.defaults.get("placement") if document.kind == "App" else None
    written = without_nulls(document.written.get("placement"))
    return merge_patch(default, written) if default and written else written or default


def _named(placement: Any) -> Iterator[tuple[str, str]]:
    for index, name in enumerate((placement or {}).get("names") or ()):
        yield f"/spec/placement/names/{index}", name
    for index, name in enumerate(((placement or {}).get("clusters") or {}).get("names") or ()):
        yield f"/spec/placement/clusters/names/{index}", name
