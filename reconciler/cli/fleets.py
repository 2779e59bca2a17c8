"""Opening a fleet for a command: from a folder or a commit, whole or for one cluster."""

from __future__ import annotations

from pathlib import Path

from reconciler.errors import InputError
from reconciler.fleet import assign, load
from reconciler.fleet.model import Assignment, Fleet, Withheld
from reconciler.git.snapshot import Snapshot
from reconciler.git.worktree import WorkTree
from reconciler.problems import Problem
from reconciler.render import render
from reconciler.tree import Tree


def open_tree(path: Path, revision: str | None = None) -> Tree:
    """Open a folder, or a commit of the repository that it lies in. Raises InputError."""
    if revision is None:
        return WorkTree(path)
    import pygit2

    found = pygit2.discover_repository(str(path))
    if found is None:
        raise InputError(f"{path} is not in a Git repository", hint="leave --revision away to read the files")
    repository = pygit2.Repository(found)
    try:
        commit = str(repository.revparse_single(revision).peel(pygit2.Commit).id)
    except (KeyError, pygit2.GitError) as error:
        raise InputError(f"{revision!r} is not a commit of {path}") from error
    below = "." if repository.is_bare else str(path.resolve().relative_to(Path(repository.workdir).resolve()))
    return Snapshot(Path(found), commit, path=below)


def check_fleet(tree: Tree, clusters: tuple[str, ...] = ()) -> tuple[tuple[Problem, ...], str]:
    """Give every problem of a fleet, on every cluster or the named ones, and a summary in words."""
    loaded = load(tree)
    problems = dict.fromkeys(loaded.problems)
    if loaded.fleet is None:
        return tuple(problems), "fleet"
    unknown = [name for name in clusters if name not in loaded.fleet.clusters]
    if unknown:
        raise InputError(
            f"there is no cluster {unknown[0]!r}", hint=f"one of: {', '.join(sorted(loaded.fleet.clusters))}"
        )
    for name in clusters or sorted(loaded.fleet.clusters):
        if name in loaded.cluster_problems:
            continue
        assignment = assign(loaded.fleet, name)
        for unit in assignment.units.values():
            problems |= dict.fromkeys(unit.problems)
        for rendered in render(assignment).values():
            problems |= dict.fromkeys(rendered.problems)
    fleet = loaded.fleet
    summary = (
        f"fleet {fleet.name}: {len(fleet.clusters)} clusters, {len(fleet.apps)} apps, {len(fleet.bundles)} bundles"
    )
    return tuple(sorted(problems, key=Problem.sort_key)), summary


def sound_fleet(path: Path, revision: str | None = None) -> Fleet:
    """Load a fleet that must be readable. Raises InputError with its commit-scope problems."""
    loaded = load(open_tree(path, revision))
    if loaded.fleet is None:
        raise InputError(
            f"the fleet in {path} can't be read", problems=loaded.commit_problems, hint="see spinfleet validate"
        )
    return loaded.fleet


def assignment_for(path: Path, cluster: str, revision: str | None = None) -> Assignment:
    """Give what a cluster is to run. Raises InputError where the fleet or the cluster's document can't be used."""
    return assign(sound_fleet(path, revision), cluster)


def withheld_problems(assignment: Assignment) -> tuple[Problem, ...]:
    """Give the problems of units that are not rendered."""
    return tuple(
        problem for unit in assignment.units.values() if isinstance(unit, Withheld) for problem in unit.problems
    )
