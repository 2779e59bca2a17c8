"""The objects of bundles held against the API of the clusters that get them: its built-in kinds, and the fleet's own definitions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from reconciler import data
from reconciler.fleet.definitions import definitions_in, definitions_on
from reconciler.fleet.model import BundleDefinition, Cluster, Fleet, SourcedObject
from reconciler.fleet.patches import as_on, patches_for
from reconciler.openapi.definitions import CustomKind, custom_kinds
from reconciler.openapi.findings import Finding
from reconciler.openapi.judge import CAPABILITY_GROUPS, Api, judge
from reconciler.openapi.kinds import Catalogue
from reconciler.problems import Problem, Severity, has_errors
from reconciler.schema_check import pointer_of

#: Of one file; nobody reads more, and a file of thousands of objects with one mistake each would take seconds.
_MOST_ERRORS = 100
_Kinds = Mapping[tuple[str, str], CustomKind]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a cluster says of itself: its built-in kinds, and the custom ones."""

    built_in: Catalogue
    custom: _Kinds


class ObjectCheck:
    """Holds the objects of one fleet's bundles against its clusters."""

    def __init__(self, fleet: Fleet, bringing: Collection[BundleDefinition], asked: Asked | None = None) -> None:
        """Look at nothing yet. `bringing` are the bundles that define custom kinds, by name.

        `asked` is what the one cluster that counts says of itself.
        """
        self._fleet = fleet
        self._asked = asked
        self._bringing = bringing
        self._apis: dict[str, Api] = {}
        self._compiled: dict[int, tuple[Any, _Kinds]] = {}
        self._brought: dict[tuple[str, str], str] | None = None

    def problems(self, bundle: BundleDefinition, cluster: Cluster) -> Iterator[Problem]:
        """Give what the API of a cluster would refuse of a bundle, and what could not be checked."""
        api = self._api(cluster)
        # Patches of a document that is wrong can't be read: its objects are held as they are written.
        unpatched = has_errors([problem for problem in bundle.problems if problem.path == bundle.path])
        told = {(problem.path, problem.pointer) for problem in bundle.problems}
        warned: dict[str, list[Problem]] = {}
        refused, left_out = Counter[str](), set[str]()
        for each in bundle.objects:
            if refused[each.path] >= _MOST_ERRORS:
                left_out.add(each.path)
                continue
            for problem in self._of(bundle, each, None if unpatched else cluster, api):
                refused[each.path] += problem.severity is Severity.ERROR
                if problem.code == "bundle.unknown-kind" and problem.severity is Severity.WARNING:
                    warned.setdefault(problem.message, []).append(problem)
                elif (problem.path, problem.pointer) not in told:
                    yield problem
        yield from (_one_for_all(each) for each in warned.values())
        yield from (_and_more(path) for path in left_out)

    def _of(
        self, bundle: BundleDefinition, written: SourcedObject, cluster: Cluster | None, api: Api
    ) -> Iterator[Problem]:
        here = written if cluster is None else as_on(bundle, written, cluster)
        # What is encrypted has a mark in its place, which says nothing of the value.
        marks = {pointer_of(list(place.target)) for place in here.sealed.places} if here.sealed is not None else set()
        findings = [each for each in judge(here.object, api) if each.pointer not in marks]
        if not findings:
            return
        before = frozenset(judge(written.object, api)) if here is not written else frozenset(findings)
        for finding in findings:
            if cluster is None or finding in before:
                yield problem_of(written, finding)
            else:
                yield _of_patch(bundle, written, cluster, finding)

    def _api(self, cluster: Cluster) -> Api:
        if cluster.name not in self._apis:
            capabilities = frozenset(cluster.spec.get("capabilities") or ())
            custom = dict(shipped_kinds(capabilities) if self._asked is None else self._asked.custom)
            for definition in definitions_on(self._bringing, cluster):
                custom.update(self._kinds(definition))
            self._apis[cluster.name] = Api(
                cluster=cluster.name,
                built_in=self._asked.built_in if self._asked is not None else None,
                kubernetes=cluster.spec.get("kubernetes"),
                custom=custom,
                elsewhere=self._elsewhere(),
                capabilities=capabilities,
                trusted=frozenset(self._fleet.spec.get("customKinds") or ()),
            )
        return self._apis[cluster.name]

    def _kinds(self, definition: Mapping[str, Any]) -> _Kinds:
        """Give the kinds of a definition; equal for every cluster that gets the same one."""
        if id(definition) not in self._compiled:
            # The definition is kept with it, so that its id stays its own.
            self._compiled[id(definition)] = (definition, custom_kinds([definition]))
        return self._compiled[id(definition)][1]

    def _elsewhere(self) -> Mapping[tuple[str, str], str]:
        if self._brought is None:
            self._brought = {
                key: each.name for each in self._bringing for one in definitions_in(each) for key in self._kinds(one)
            }
        return self._brought


def shipped_kinds(capabilities: Iterable[str]) -> _Kinds:
    """Give the custom kinds whose definitions ship: SpinKube's, and those that a capability says are there."""
    return {key: kind for key, kind in _shipped().items() if CAPABILITY_GROUPS.get(key[0]) in {None, *capabilities}}


@cache
def _shipped() -> _Kinds:
    return custom_kinds(data.definitions())


def _and_more(path: str) -> Problem:
    message = f"{_MOST_ERRORS} errors in the objects of this file: those after them were not looked at"
    return Problem(path=path, code="bundle.many-errors", message=message, hint="mend these, and check again")


def problem_of(written: SourcedObject, finding: Finding) -> Problem:
    """Give a finding as a problem at its place in the object's file."""
    pointer = written.pointer + finding.pointer
    place = written.document.place(pointer) if written.document is not None else None
    line, column = place or (written.line, None)
    return _problem(finding, written.path, line, column, pointer)


def _problem(finding: Finding, path: str, line: int, column: int | None, pointer: str) -> Problem:
    return Problem(
        path=path, line=line, column=column, pointer=pointer, code=finding.code, message=finding.message,
        severity=finding.severity, hint=finding.hint,
    )  # fmt: skip


def _of_patch(bundle: BundleDefinition, written: SourcedObject, cluster: Cluster, finding: Finding) -> Problem:
    """Give what a patch brought about, at the place in the patch that comes nearest to it."""
    parts = [part.replace("~1", "/").replace("~0", "~") for part in finding.pointer.split("/")[1:]]
    candidates = [(_depth(patch, parts), index) for index, patch in patches_for(bundle, written, cluster)]
    depth, index = max(candidates, default=(0, 0))
    pointer = f"/spec/patches/{index}/patch{pointer_of(parts[:depth])}"
    place = bundle.document.place(pointer) if bundle.document is not None else None
    line, column = place or (bundle.line, None)
    named = f"{written.object['kind']} {written.object['metadata']['name']}"
    told = replace(finding, message=f"after this patch of {named}: {finding.message}")
    return _problem(told, bundle.path, line, column, pointer)


def _depth(patch: Any, parts: list[str]) -> int:
    """Tell how much of the way to a value a patch has written."""
    depth, at = 0, patch
    for part in parts:
        if isinstance(at, dict) and part in at:
            at = at[part]
        elif isinstance(at, list) and part.isdecimal() and int(part) < len(at):
            at = at[int(part)]
        else:
            break
        depth += 1
    return depth


def _one_for_all(problems: list[Problem]) -> Problem:
    """Say once of a kind what holds for each of its objects."""
    first, others = problems[0], len(problems) - 1
    if not others:
        return first
    return replace(
        first, message=f"{first.message} ({others} more object{'' if others == 1 else 's'} of it in this bundle)"
    )
