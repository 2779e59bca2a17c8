"""What a workflow's event asks to be compared. Pure: the payload in, two commits out.

Sources: docs.github.com, "Events that trigger workflows" and "Webhook events and payloads".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.errors import InputError

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.ASCII)
_HINT = "run it on pull_request, merge_group, push or workflow_run, or say what to compare with in the input base"


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Two commits, and what GitHub says they are about.

    `base` is empty where a branch is new: it is then compared with the default branch. `pull_request` is the number, 0 where the event has
    none at hand; `fork` is True where the head is another repository's.
    """

    base: str
    head: str
    pull_request: int = 0
    fork: bool = False
    default_branch: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """A finished run of another workflow, for a pull request that GitHub knows by these."""

    commit: str
    owner: str
    branch: str
    fork: str


def comparison_of(name: str, payload: Mapping[str, Any]) -> Comparison:
    """Give what an event asks for. Raises InputError for one that compares nothing."""
    default = _text(payload, "repository", "default_branch")
    match name:
        case "pull_request" | "pull_request_target":
            number = payload.get("number")
            return Comparison(
                base=_commit(payload, "pull_request", "base", "sha"),
                head=_commit(payload, "pull_request", "head", "sha"),
                pull_request=number if isinstance(number, int) else 0,
                fork=_text(payload, "pull_request", "head", "repo", "full_name")
                != _text(payload, "repository", "full_name"),
                default_branch=default,
            )
        case "merge_group":
            base, head = _commit(payload, "merge_group", "base_sha"), _commit(payload, "merge_group", "head_sha")
            return Comparison(base=base, head=head, default_branch=default)
        case "push":
            before = _text(payload, "before")
            base = "" if not before.strip("0") else _commit(payload, "before")
            return Comparison(base=base, head=_commit(payload, "after"), default_branch=default)
    raise InputError(f"the event {name!r} names no two commits", hint=_HINT)


def run_of(payload: Mapping[str, Any]) -> Run | None:
    """Give the run that a workflow_run event is about; None where it was not one for a pull request. Raises InputError."""
    if _text(payload, "workflow_run", "event") != "pull_request":
        return None
    fork = _text(payload, "workflow_run", "head_repository", "full_name")
    return Run(
        commit=_commit(payload, "workflow_run", "head_sha"),
        owner=fork.partition("/")[0],
        branch=_text(payload, "workflow_run", "head_branch"),
        fork=fork,
    )


def _commit(payload: Mapping[str, Any], *keys: str) -> str:
    found = _text(payload, *keys)
    if _COMMIT.fullmatch(found) is None:
        raise InputError(f"the event's {'.'.join(keys)} is no commit", hint=_HINT)
    return found


def _text(payload: Mapping[str, Any], *keys: str) -> str:
    value: Any = payload
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, str) else ""
