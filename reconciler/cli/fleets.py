"""Opening a fleet for a command: from a folder or a commit, whole or for one cluster."""

from __future__ import annotations

from pathlib import Path

from reconciler.errors import InputError
from reconciler.fleet import assign, load
from reconciler.fleet.model import Assignment, Fleet, Withheld
from reconciler.git.snapshot import Snapshot
from reconciler.git.worktree import WorkTree
from reconciler.problems import Problem
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


def place_in_repository(path: Path) -> str:
    """Give a folder's place in its repository, empty or ending in `/`: reports name files from the repository's root."""
    import pygit2

    found = pygit2.discover_repository(str(path))
    workdir = pygit2.Repository(found).workdir if found is not None else None
    if workdir is None:
        return ""
    below = path.resolve().relative_to(Path(workdir).resolve()).as_posix()
    return "" if below == "." else f"{below}/"


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
