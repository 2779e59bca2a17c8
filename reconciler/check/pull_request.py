"""The pull-request check: what merging one commit into another would do to every cluster. It runs what the agent runs, on both.

base, head ─► load ─► problems of both ─► what may differ ─► rendered and compared on clusters that are alike ─► ChangeReport
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from reconciler.check.artifacts import ArtifactChange, artifact_changes
from reconciler.check.change import Problems
from reconciler.check.change_report import ChangeReport
from reconciler.check.clusters import ClusterChanges, PartialError, started_rollouts
from reconciler.check.fleet import FleetCheck, few_collections
from reconciler.check.risks import risks
from reconciler.check.sides import Side
from reconciler.check.touched import touched
from reconciler.errors import InputError
from reconciler.fleet import LoadCache, affected, load
from reconciler.fleet.model import AppAssignment, Loaded
from reconciler.problems import Problem
from reconciler.schema_check import closest
from reconciler.tree import Tree

#: Lines, and how many clusters are like the one that a message names, move without a new mistake.
_PATH = re.compile(r"[\w./-]+")
_MOVES = re.compile(r":\d+\b|\(and \d+ more like it\)")


def check_change(
    base: Tree, head: Tree, *, every: bool = False, go_on: Callable[[], bool] = lambda: True, only: Collection[str] = ()
) -> ChangeReport:
    """Compare two commits of a fleet. With `every`, problems that base has already are listed as well.

    With `only`, these clusters are compared and no others; problems are told of all. Raises InputError where neither commit has one of them.

    `go_on` is asked before each app and bundle: where it says no the report is cut off and says so.
    """
    with few_collections():
        cache = LoadCache()
        if not every and (parts := touched(base, head, cache)) is not None:
            try:
                return _checked(*parts, cache, renames(base, head), go_on, only, whole=False)
            except PartialError:
                cache = LoadCache()
        return _checked(base, head, cache, renames(base, head), go_on, only, every=every)


def _checked(
    base: Tree,
    head: Tree,
    cache: LoadCache,
    renamed: Mapping[str, str],
    go_on: Callable[[], bool],
    only: Collection[str],
    *,
    every: bool = False,
    whole: bool = True,
) -> ChangeReport:
    checker = FleetCheck(cache=cache)
    before = checker.check(base).problems
    loaded_base = load(base, cache=cache)
    after = checker.check(head)
    loaded_head = load(head, cache=cache)
    report = ChangeReport(
        fleet=_name(loaded_head, loaded_base),
        base=base.commit or "",
        head=head.commit or "",
        problems=apart(before, after.problems, renamed, every=every),
        sources=after.sources,
    )
    return _compared(report, loaded_base, loaded_head, go_on, only, whole=whole)


def _compared(
    report: ChangeReport, base: Loaded, head: Loaded, go_on: Callable[[], bool], only: Collection[str], *, whole: bool
) -> ChangeReport:
    if head.fleet is None:
        told = "head can't be read as a fleet: agents stay at the commit that they are at, and nothing was compared"
        return replace(report, left_out=(told,), refused=True)
    clusters = tuple(sorted(each for each in head.fleet.clusters if not only or each in only))
    if base.fleet is None and _is_new(base):
        told = "base has no fleet, so there is nothing to compare with: every object of every cluster is new"
        return replace(report, notes=(told,))
    if base.fleet is None:
        told = "base can't be read as a fleet, so what clusters run is not known, and nothing was compared"
        return replace(report, left_out=(told,))
    _known(only, {*base.fleet.clusters, *head.fleet.clusters})
    sides = Side(base.fleet, base.cluster_problems), Side(head.fleet, head.cluster_problems)
    changes = ClusterChanges(*sides, _Affected(sides[0], sides[1]).of, whole=whole, only=only)
    missed = changes.look(go_on)
    groups = changes.groups()
    told_of = {name for group in groups for name in group.clusters}
    found = tuple(changes.evaluated())
    artifacts = artifact_changes(found, changes.written)
    left_out = (
        (f"{len(missed)} of the apps and bundles that may differ, from {missed[0]!r} on: there was no time left",)
        if missed
        else ()
    )
    return replace(
        report,
        risks=risks(base.fleet, head.fleet, groups, found, artifacts, changes.written),
        artifacts=artifacts,
        asked=tuple(_app(sides[1], each) for each in artifacts),
        fleets=(base.fleet, head.fleet),
        clusters=groups,
        unchanged=tuple(name for name in clusters if name not in told_of),
        rollouts=started_rollouts(head.fleet, groups),
        left_out=(*report.left_out, *left_out),
    )


def _known(only: Collection[str], clusters: Collection[str]) -> None:
    for name in only:
        if name not in clusters:
            hint = closest(name, sorted(clusters)) or f"one of: {', '.join(sorted(clusters)[:20]) or 'none'}"
            raise InputError(f"neither commit has a cluster {name!r}", hint=hint)


def _app(head: Side, change: ArtifactChange) -> AppAssignment:
    """Give the app on the first of its clusters."""
    unit = head.made(change.app, change.clusters[0]).unit
    assert isinstance(unit, AppAssignment)  # noqa: S101 - what is not valid has no artifact change
    return unit


class _Affected:
    """What may differ on a cluster; the same for all whose documents did not change, so it is found once."""

    def __init__(self, base: Side, head: Side) -> None:
        self._base, self._head = base.fleet, head
        self._known: dict[bool, frozenset[str]] = {}

    def of(self, cluster: str) -> frozenset[str]:
        """Give the names of apps and bundles that may differ on a cluster."""
        before, after = self._base.clusters.get(cluster), self._head.fleet.clusters.get(cluster)
        same = before is not None and before == after
        if same not in self._known:
            self._known[same] = affected(self._base, self._head.fleet, cluster, self._head.cases.collectors)
        return self._known[same]


def apart(
    base: tuple[Problem, ...], head: tuple[Problem, ...], renamed: Mapping[str, str], *, every: bool = False
) -> Problems:
    """Tell new problems from old ones by what they say and in which file, wherever in it. `renamed` gives base's path of a moved file."""
    left = Counter(_said(each, {}) for each in base)
    new: list[Problem] = []
    existing: list[Problem] = []
    for each in head:
        said = _said(each, renamed)
        (existing if left[said] > 0 else new).append(each)
        left[said] -= 1
    fixed = []
    for each in base:
        said = _said(each, {})
        if left[said] > 0:
            left[said] -= 1
            fixed.append(each)
    return Problems(new=tuple(new), fixed=tuple(fixed), existing=tuple(existing) if every else None)


def _said(problem: Problem, renamed: Mapping[str, str]) -> tuple[str, str, str]:
    message = _MOVES.sub("", problem.message)
    if renamed:
        message = _PATH.sub(lambda found: renamed.get(found[0], found[0]), message)
    return renamed.get(problem.path, problem.path), problem.code, message


def renames(base: Tree, head: Tree) -> dict[str, str]:
    """Give base's path of each file of head that stood elsewhere with the same content."""
    gone = {file.blob: path for path, file in base.files.items() if path not in head.files}
    return {
        path: gone[file.blob] for path, file in head.files.items() if path not in base.files and file.blob in gone
    }  # fmt: skip


def _is_new(base: Loaded) -> bool:
    return {each.code for each in base.commit_problems} == {"fleet.no-fleet"}


def _name(*loaded: Loaded) -> str:
    return next((each.fleet.name for each in loaded if each.fleet is not None), "")
