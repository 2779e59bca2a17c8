"""What a branch would hold after a merge, made in the object database alone: no branch, index or file of a checkout is touched."""

from __future__ import annotations

from dataclasses import dataclass

import pygit2

from reconciler.errors import InputError, UnavailableError

#: Who a merge is by that is only looked at; the same two commits give the same third.
_NOBODY = pygit2.Signature("spinfleet", "spinfleet@localhost", 0, 0)
_MOST_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Merged:
    """A commit with what head changes, put on top of base. `note` says why that is head itself although base went on; else empty."""

    commit: str
    note: str = ""


def merged(repository: pygit2.Repository, base: str, head: str) -> Merged:
    """Give head merged into base: head itself where it has everything of base. Raises InputError where they conflict."""
    ours, theirs = repository[base].id, repository[head].id
    if base == head or ours in repository[head].peel(pygit2.Commit).parent_ids:
        return Merged(head)
    try:
        ancestor = repository.merge_base(ours, theirs)
    except (KeyError, pygit2.GitError):
        ancestor = None
    if ancestor is None:
        why = "this clone is shallow" if repository.is_shallow else "they have no common ancestor"
        return Merged(head, f"head was compared as it is, not merged into base: {why}")
    if ancestor == ours:
        return Merged(head)
    index = repository.merge_commits(ours, theirs)
    if index.conflicts is not None:
        raise _conflict(index)
    try:
        tree = index.write_tree(repository)
        commit = repository.create_commit(None, _NOBODY, _NOBODY, "merge", tree, [ours, theirs])
    except (OSError, pygit2.GitError) as error:
        message = f"the merge of {head[:12]} into {base[:12]} can't be written to the repository: {error}"
        raise UnavailableError(message, hint="merge them yourself and name the merge with --head") from error
    return Merged(str(commit))


def _conflict(index: pygit2.Index) -> InputError:
    sides = [next(each for each in conflict if each is not None) for conflict in index.conflicts or ()]
    paths = sorted({each.path for each in sides})
    shown = ", ".join(repr(each) for each in paths[:_MOST_SHOWN])
    more = f" and {len(paths) - _MOST_SHOWN} more" if len(paths) > _MOST_SHOWN else ""
    return InputError(f"head can't be merged into base: both changed {shown}{more}", hint="merge base into head first")
