"""What only the whole fleet can tell of an app or bundle: a name that stands twice, references to nothing, placement that matches nothing."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from reconciler.fleet import facts
from reconciler.fleet.cache import canonical
from reconciler.fleet.documents import Document
from reconciler.fleet.facts import Fact
from reconciler.fleet.merge_patch import merge_patch, without_nulls
from reconciler.fleet.model import Cluster, RolloutDefinition
from reconciler.fleet.placement import placed, selects
from reconciler.fleet.selections import Selections, rules_of
from reconciler.problems import Problem, has_errors
from reconciler.schema_check import closest

#: Names of a cycle that a message shows.
_LONGEST_WAY = 10


@dataclass(frozen=True)
class Surroundings:
    """What references are held against: the names of apps and bundles, the rollouts and clusters, and the Fleet's defaults."""

    names: Collection[str]
    rollouts: Mapping[str, RolloutDefinition]
    clusters: Mapping[str, Cluster]
    defaults: Mapping[str, Any]
    _somewhere: dict[str, bool] = field(default_factory=dict)
    _in_no_stage: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    @cached_property
    def sorted_names(self) -> list[str]:
        """The names of apps and bundles in order: what may be meant by one that is not there."""
        return sorted(self.names)

    @cached_property
    def selections(self) -> Selections:
        """What tells of rules that select nothing."""
        return Selections(self.clusters)

    def is_somewhere(self, placement: str) -> bool:
        """Tell whether a placement (canonical JSON) means a cluster, and names none that is not there.

        Equal placements are looked at once: fleets have thousands of apps and few placements.
        """
        known = self._somewhere.get(placement)
        if known is None:
            value = json.loads(placement)
            known = all(name in self.clusters for _, name in _named_clusters(value))
            known = known and any(placed(value, each) for each in self.clusters.values())
            self._somewhere[placement] = known
        return known

    def in_no_stage(self, rollout: RolloutDefinition, placement: str) -> list[str]:
        """Give the clusters of a placement (canonical JSON) that are in no stage of a rollout; each pair is looked at once."""
        known = self._in_no_stage.get((rollout.name, placement))
        if known is None:
            stages, value = [stage["clusters"] for stage in rollout.spec["stages"]], json.loads(placement)
            here = [each for each in self.clusters.values() if placed(value, each)]
            known = [each.name for each in here if not any(selects(stage, each) for stage in stages)]
            self._in_no_stage[rollout.name, placement] = known
        return known


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was found of one name: problems, the names that it waits for (None where it says nothing), and the facts it is based on."""

    problems: tuple[Problem, ...]
    waits_for: tuple[str, ...] | None
    facts: tuple[Fact, ...]


def judge(documents: tuple[Document, ...], around: Surroundings) -> Judgement:
    """Hold the documents of one name, Apps first, against the rest of the fleet. Cycles are not seen here."""
    problems, based_on = list(_duplicates(documents)), [facts.CLUSTERS]
    waiting = next((each for each in documents if isinstance(_written(each, "dependsOn", around), list)), None)
    waits_for = None
    if waiting is not None:
        needs = [(at, name) for at, name in enumerate(_written(waiting, "dependsOn", around)) if isinstance(name, str)]
        waits_for = tuple(name for _, name in needs)
        based_on += [facts.named(name) for name in waits_for]
        missing = [(at, name) for at, name in needs if name not in around.names]
        based_on += [facts.NAMES] if missing else []
        problems += [_no_such_name(waiting, f"/spec/dependsOn/{at}", name, around) for at, name in missing]
    for document in documents:
        based_on += [facts.COMMON] if document.kind == "App" else []
        if document.valid:
            overridden = [*_overridden(document)]
            based_on += [facts.named(name) for _, name in overridden]
            unknown = [(pointer, name) for pointer, name in overridden if name not in around.names]
            based_on += [facts.NAMES] if unknown else []
            problems += [_no_such_name(document, pointer, name, around) for pointer, name in unknown]
            problems += _held_against_clusters(document, around)
            based_on += _facts_of_rollout(document, around)
    return Judgement(tuple(problems), waits_for, tuple(dict.fromkeys(based_on)))


def cycle_problem(document: Document, way: tuple[str, ...]) -> Problem:
    """Give the problem of a document that waits for itself; `way` leads from a name of the cycle back to it."""
    shown = " → ".join(way if len(way) <= _LONGEST_WAY else (*way[: _LONGEST_WAY - 2], "…", way[-1]))
    message = f"{document.name!r} depends on itself: {shown}"
    return document.problem("/spec/dependsOn", "fleet.cycle", message, "remove one of these dependencies")


def waiting_document(documents: tuple[Document, ...]) -> Document:
    """Give which of the documents of one name says what it waits for: the first, where only the Fleet's default does."""
    return next((each for each in documents if isinstance(each.written.get("dependsOn"), list)), documents[0])


def _written(document: Document, name: str, around: Surroundings) -> Any:
    """Give a field as written, or the Fleet's default of it where an App has none."""
    return document.written.get(name, around.defaults.get(name) if document.kind == "App" else None)


def _duplicates(documents: tuple[Document, ...]) -> Iterator[Problem]:
    """Apps and bundles share one space of names, since dependsOn names either. Which one is meant can't be told: none runs."""
    first = documents[0]
    for document in documents[1:]:
        message = f"{first.kind} {document.name!r} stands already in {first.path}:{first.line}"
        yield document.problem("/metadata/name", "fleet.duplicate", message, "rename one of them")


def _overridden(document: Document) -> Iterator[tuple[str, str]]:
    """Give what overrides of a valid App have it wait for, each name with its pointer."""
    for index, override in enumerate((document.written.get("overrides") or ()) if document.kind == "App" else ()):
        needs = override["spec"].get("dependsOn")
        for at, name in enumerate(needs if isinstance(needs, list) else ()):
            if isinstance(name, str):
                yield f"/spec/overrides/{index}/spec/dependsOn/{at}", name


def _no_such_name(document: Document, pointer: str, name: str, around: Surroundings) -> Problem:
    hint = closest(name, around.sorted_names) or "remove it from dependsOn"
    message = f"there is no app or bundle {name!r}"
    return document.problem(pointer, "fleet.unknown-reference", message, hint)


def _held_against_clusters(document: Document, around: Surroundings) -> Iterator[Problem]:
    placement = canonical(_placement(document, around))
    yield from _rollout(document, placement, around)
    if not around.is_somewhere(placement):
        yield from _misplaced(document, json.loads(placement), around)
    else:
        yield from around.selections.warnings(document, rules_of(document), placement)


def _rollout(document: Document, placement: str, around: Surroundings) -> Iterator[Problem]:
    name = _written(document, "rollout", around)
    if not isinstance(name, str):
        return
    rollout = around.rollouts.get(name)
    if rollout is None:
        message = f"there is no Rollout {name!r}"
        hint = closest(name, sorted(around.rollouts)) or "add a Rollout document of that name"
        yield document.problem("/spec/rollout", "fleet.unknown-reference", message, hint)
    elif has_errors(rollout.problems):
        message = f"Rollout {name!r} is invalid"
        hint = f"see {rollout.path}:{rollout.line}"
        yield document.problem("/spec/rollout", "fleet.invalid-reference", message, hint)
    else:
        for cluster in around.in_no_stage(rollout, placement):
            message = f"cluster {cluster!r} is in no stage of Rollout {name!r}, so nothing would ever be released there"
            hint = "add it to a stage, or take it out of the placement"
            yield document.problem("/spec/rollout", "rollout.no-stage", message, hint)


def _facts_of_rollout(document: Document, around: Surroundings) -> list[Fact]:
    name = _written(document, "rollout", around)
    if not isinstance(name, str):
        return []
    return [facts.rollout(name)] if name in around.rollouts else [facts.rollout(name), facts.ROLLOUTS]


def _misplaced(document: Document, placement: Any, around: Surroundings) -> Iterator[Problem]:
    for pointer, name in _named_clusters(placement):
        if name not in around.clusters:
            hint = closest(name, sorted(around.clusters)) or "add a Cluster document of that name"
            yield document.problem(pointer, "fleet.unknown-reference", f"there is no cluster {name!r}", hint)
    if not any(placed(placement, each) for each in around.clusters.values()):
        message = f"{document.kind} {document.name!r} runs on no cluster"
        yield document.warning("/spec/placement", "fleet.placed-nowhere", message, "check its placement")


def _placement(document: Document, around: Surroundings) -> Any:
    default = around.defaults.get("placement") if document.kind == "App" else None
    written = without_nulls(document.written.get("placement"))
    return merge_patch(default, written) if default and written else written or default


def _named_clusters(placement: Any) -> Iterator[tuple[str, str]]:
    for index, name in enumerate((placement or {}).get("names") or ()):
        yield f"/spec/placement/names/{index}", name
    for index, name in enumerate(((placement or {}).get("clusters") or {}).get("names") or ()):
        yield f"/spec/placement/clusters/names/{index}", name
