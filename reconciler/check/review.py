"""What is made of each risk: note, warning or error, as `Fleet.spec.review` says.

A pull request may edit the policy that judges it: base's and head's are both asked, and the stricter one counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    """How much a risk weighs."""

    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


#: Each risk with what is made of it where no policy says otherwise.
DEFAULTS: Mapping[str, Level] = {
    "all-at-once": Level.NOTE,
    "cluster-scoped": Level.WARNING,
    "prune-guard": Level.WARNING,
    "removed-route": Level.WARNING,
    "replicas-to-zero": Level.WARNING,
    "review-policy": Level.WARNING,
    "rollout": Level.WARNING,
    "signing": Level.WARNING,
    "status-key": Level.WARNING,
    "unpinned-tag": Level.WARNING,
    "wildcard-egress": Level.WARNING,
}
_ORDER = tuple(Level)


@dataclass(frozen=True, slots=True)
class Review:
    """The policies of base and head."""

    base: Mapping[str, Any]
    head: Mapping[str, Any]

    def level(self, risk: str) -> tuple[Level, str]:
        """Give what is made of a risk, and whose word it is: `base`, `head`, `both` or `default`."""
        said = [
            (Level(policy[risk]), whose)
            for policy, whose in ((self.base, "base"), (self.head, "head"))
            if risk in policy
        ]
        if not said:
            return DEFAULTS[risk], "default"
        # A policy that does not name the risk leaves it at its default.
        both = [*said, *([(DEFAULTS[risk], "default")] if len(said) == 1 else [])]
        strictest = max(both, key=lambda each: _ORDER.index(each[0]))
        return strictest[0], "both" if len(said) == 2 and said[0][0] == said[1][0] else strictest[1]

    def weakened(self) -> tuple[str, ...]:
        """Give the risks that head takes more lightly than base."""
        return tuple(
            risk
            for risk, default in DEFAULTS.items()
            if _ORDER.index(Level(self.head.get(risk, default))) < _ORDER.index(Level(self.base.get(risk, default)))
        )
