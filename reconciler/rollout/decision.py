"""The hinge of every rollout: may this cluster run an app's newest version now, and if not, what does it run?

A table of states in place of nested conditions (after h11's connection states): each row is what is known of the last
release, each column what holds the newest version back, each cell what the agent does. A case that is missing can't hide,
and `diagram` draws what the table says.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Newest(StrEnum):
    """How it stands with the version in the newest commit: the first of these that applies, in this order."""

    SUSPENDED = "Suspended"  # by Git (App.spec.suspend) or by an annotation on the FleetSync
    INVALID = "Invalid"  # its documents or its rendering have errors
    DENIED = "Denied"  # policy refuses its artifact, whatever the artifact holds
    REFUSED = "Refused"  # its artifact was looked at and is not what it must be
    INCOMPLETE = "Incomplete"  # its artifact could not be looked at, or not to the end
    EQUAL = "Equal"  # it may wait, but its objects are those of the last release: nothing would change
    WAITING = "Waiting"  # something in dependsOn does not run its newest version in health yet
    GATED = "Gated"  # its rollout has not come to this cluster yet
    CLEAR = "Clear"


class Last(StrEnum):
    """What is known of the last release in this cluster."""

    NONE = "None"  # no record: never released here
    SAME = "Same"  # it is the newest version
    OTHER = "Other"  # another version, and it can be rendered from its own commit
    DENIED = "Denied"  # another version, whose artifact policy refuses by now
    LOST = "Lost"  # another version, whose commit or rendering can't be had now


class Move(StrEnum):
    """What the agent does."""

    ADVANCE = "Advance"  # record the newest version, then run it
    STAY = "Stay"  # run the newest version, which is the released one: drift is healed
    KEEP = "Keep"  # run the last release, rendered from its own commit: drift is healed
    LEAVE = "Leave"  # touch nothing that runs: not healed, not pruned
    WAIT = "Wait"  # nothing was released and nothing is


#: Whatever is known of a last release that can't be rendered, only the way forward is left.
_FORWARD_ONLY: Mapping[Newest, Move] = {
    **dict.fromkeys(Newest, Move.LEAVE),
    Newest.CLEAR: Move.ADVANCE,
    Newest.EQUAL: Move.ADVANCE,
}

TABLE: Mapping[Last, Mapping[Newest, Move]] = {
    Last.NONE: {
        Newest.SUSPENDED: Move.WAIT,
        Newest.INVALID: Move.WAIT,
        Newest.DENIED: Move.WAIT,
        Newest.REFUSED: Move.WAIT,
        Newest.INCOMPLETE: Move.WAIT,
        Newest.EQUAL: Move.ADVANCE,
        Newest.WAITING: Move.WAIT,
        Newest.GATED: Move.WAIT,
        Newest.CLEAR: Move.ADVANCE,
    },
    # A release that runs is refused by policy alone: a registry that is away or a dependency that fails stop no healing.
    Last.SAME: {
        Newest.SUSPENDED: Move.LEAVE,
        Newest.INVALID: Move.LEAVE,
        Newest.DENIED: Move.LEAVE,
        Newest.REFUSED: Move.STAY,
        Newest.INCOMPLETE: Move.STAY,
        Newest.EQUAL: Move.STAY,
        Newest.WAITING: Move.STAY,
        Newest.GATED: Move.STAY,
        Newest.CLEAR: Move.STAY,
    },
    Last.OTHER: {
        Newest.SUSPENDED: Move.LEAVE,
        Newest.INVALID: Move.KEEP,
        Newest.DENIED: Move.KEEP,
        Newest.REFUSED: Move.KEEP,
        Newest.INCOMPLETE: Move.KEEP,
        Newest.EQUAL: Move.ADVANCE,
        Newest.WAITING: Move.KEEP,
        Newest.GATED: Move.KEEP,
        Newest.CLEAR: Move.ADVANCE,
    },
    Last.DENIED: _FORWARD_ONLY,
    Last.LOST: _FORWARD_ONLY,
}


def decide(last: Last, newest: Newest) -> Move:
    """Give what the agent does for an app whose last release and newest version stand so."""
    return TABLE[last][newest]


def diagram() -> str:
    """Draw the table as Markdown, as the documentation has it."""
    head = ["last release", *(str(newest) for newest in Newest)]
    rows = [[str(last), *(str(TABLE[last][newest]) for newest in Newest)] for last in Last]
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
