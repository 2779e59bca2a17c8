"""What a status says of objects that the fleet no longer has and that are still there, with the very command that lets them go."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.agent.fleetsync import FleetSync
from reconciler.agent.state import State
from reconciler.plan.guard import list_digest
from reconciler.problems import Problem, Severity

#: How much of a digest is typed: the command finds the whole one in the status.
SHORT = 16


def approve_command(digest: str, namespace: str, name: str) -> str:
    """Give the command that approves a list."""
    return f"spinfleet approve prune {digest[:SHORT]} --fleetsync {namespace}/{name}"


def prune_problems(state: State, sync: FleetSync) -> Iterator[Problem]:
    """Give a problem for what is held, for each protected object, for each that its annotation keeps, and for an approval of nothing."""
    for each in state.waiting:
        if each.guarded:
            command = approve_command(each.digest, sync.namespace, sync.name)
            hint = f"if the commit is as meant: {command}"
            yield _warning("prune.held", f"nothing is pruned: {each.reason}", hint)
            continue
        for key in each.keys:
            command = approve_command(list_digest([key]), sync.namespace, sync.name)
            message = f"{key} is not in the fleet any more and is kept: {each.reason}"
            yield _warning("prune.protected", message, f"to have it deleted: {command}")
    for key in state.kept:
        message = f"{key} is not in the fleet any more and is kept: its annotation (spinfleet.dev/prune or spinfleet.dev/reconcile) says so"
        yield _warning("prune.disabled", message, "take the annotation away to have it deleted")
    if state.unused_approval:
        message = f"the approval {state.unused_approval[:80]} names no list that waits; nothing was pruned by it"
        yield _warning(
            "prune.approval", message, "spinfleet approve prune shows what waits, and the digest of each list"
        )


def _warning(code: str, message: str, hint: str) -> Problem:
    return Problem(path="", code=code, severity=Severity.WARNING, message=message, hint=hint)
