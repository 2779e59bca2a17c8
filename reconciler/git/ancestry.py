"""How two commits stand to each other in the history that a clone has."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pygit2


@dataclass(frozen=True, kw_only=True, slots=True)
class Distance:
    """Of a commit and another: the commits that only it has, `ahead`, and that only the other has, `behind`.

    `behind` is None where a shallow clone has too little of the history to count.
    """

    ahead: int
    behind: int | None


def distance(folder: Path, commit: str, other: str) -> Distance | None:
    """Give how far a commit (a whole id) is from another; None where the clone that a folder lies in can't tell."""
    found = pygit2.discover_repository(str(folder))
    if found is None:
        return None
    repository = pygit2.Repository(found)
    try:
        ours, theirs = (repository[pygit2.Oid(hex=each)].peel(pygit2.Commit).id for each in (commit, other))
        if not repository.is_shallow:
            ahead, behind = repository.ahead_behind(ours, theirs)
            return Distance(ahead=ahead, behind=behind)
        # What a shallow clone lacks may join the two in either direction: only a way that is there counts.
        return Distance(ahead=0, behind=None) if repository.descendant_of(theirs, ours) else None
    except (KeyError, ValueError, pygit2.GitError):
        return None
