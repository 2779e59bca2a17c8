"""What an agent is at with one FleetSync: what its status is made of besides apps and objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.agent.fleetsync import FleetSync
from reconciler.plan.guard import Waiting
from reconciler.plan.model import ObjectKey
from reconciler.problems import Problem


@dataclass(kw_only=True, slots=True)
class State:
    """What the syncing is at, for the status. `accepted` is the commit whose fleet is followed, `seen` the newest fetched, `judged` the one looked at last.

    `releasing`: releases are being made wanted, so what is wanted is not known in full. `waiting` is what would be pruned and needs an
    approval, `kept` what its own annotation keeps, `unused_approval` an approval of nothing that waits. `annotations` are the FleetSync's.
    """

    seen: str = ""
    accepted: str = ""
    source_error: str = ""
    record_error: str = ""
    unsigned: str = ""
    signer: str = ""
    judged: str = ""
    refused: bool = False
    rewritten: bool = False
    stalled: str = ""
    syncing: bool = False
    releasing: bool = False
    waiting: tuple[Waiting, ...] = ()
    kept: tuple[ObjectKey, ...] = ()
    unused_approval: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    handled_request: str = ""


def state_of(sync: FleetSync) -> State:
    """Give the state to begin with: what the FleetSync's status remembers of the process before."""
    return State(
        accepted=str((sync.status.get("commit") or {}).get("applied") or ""),
        handled_request=str(sync.status.get("lastHandledRequest") or ""),
        annotations=sync.annotations,
    )
