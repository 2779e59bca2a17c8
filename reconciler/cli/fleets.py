"""Opening a fleet for a command: from a folder or a commit, whole or for one cluster."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.errors import InputError
from reconciler.fleet import assign, load
from reconciler.fleet.model import Assignment, Fleet, Withheld
from reconciler.git.snapshot import Snapshot, TreeCache
from reconciler.git.worktree import WorkTree
from reconciler.problems import Problem
from reconciler.tree import NoTree, Tree

if TYPE_CHECKING:
    import pygit2


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


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenedChange:
    """The trees of two commits of a fleet's folder: base, and head merged into it. `notes` are what a reader must know of that."""

    base: Tree
    head: Tree
    base_commit: str
    head_commit: str
    notes: tuple[str, ...]


def open_change(path: Path, base: str, head: str) -> OpenedChange:
    """Open two commits of the repository that a fleet's folder lies in. Raises InputError, with what a shallow clone would need."""
    import pygit2

    from reconciler.git.merge import merged

    found = pygit2.discover_repository(str(path))
    if found is None:
        raise InputError(f"{path} is not in a Git repository", hint="name the fleet's folder in a clone, with --path")
    repository = pygit2.Repository(found)
    before, after = (_commit(repository, each, path) for each in (base, head))
    merge = merged(repository, before, after)
    below = "." if repository.is_bare else str(path.resolve().relative_to(Path(repository.workdir).resolve()))
    cache = TreeCache()
    after_tree = Snapshot(Path(found), merge.commit, path=below, cache=cache)
    try:
        before_tree: Tree = Snapshot(Path(found), before, path=below, cache=cache.fork())
    except InputError:
        before_tree = NoTree(before)
    return OpenedChange(
        base=before_tree,
        head=after_tree,
        base_commit=before,
        head_commit=after,
        notes=(merge.note,) if merge.note else (),
    )


def _commit(repository: pygit2.Repository, revision: str, path: Path) -> str:
    import pygit2

    try:
        return str(repository.revparse_single(revision).peel(pygit2.Commit).id)
    except (KeyError, ValueError, pygit2.GitError) as error:
        if repository.is_shallow:
            message = f"{revision!r} is not in this clone, which is shallow: it has only the newest commits"
            hint = f"git fetch --depth=1 origin {revision}; or clone with the whole history (actions/checkout: fetch-depth: 0)"
            raise InputError(message, hint=hint) from error
        hint = "git fetch origin, then name a branch as origin/main, a tag, or a commit's id"
        raise InputError(f"{revision!r} is not a commit of {path}", hint=hint) from error


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
