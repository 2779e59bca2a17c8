"""What clusters do right now, from the statuses that their agents wrote, beside what a report assumes: that each runs base.

A status comes from outside: whatever it holds is taken as text and numbers, and what is not such as absent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reconciler.git.ancestry import Distance

#: Longer words of a cluster are cut.
_LONGEST = 300
#: Apps named of those that are suspended.
_MOST_APPS = 5


class Position(StrEnum):
    """Where the commit that a cluster applied stands to base. Unknown: it is not in this clone, or the clone has too little history."""

    AT_BASE = "AtBase"
    BEHIND = "Behind"
    AHEAD = "Ahead"
    APART = "Apart"
    UNKNOWN = "Unknown"
    NONE = "None"


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveCluster:
    """One cluster, as its FleetSync (`namespace/name`) has it, or `unread`: why that could not be read.

    `commits` is how many commits of base it lacks, None where that is not known. `ready` is the Ready condition's status, `Unknown`
    without one. `outdated`: the agent has not looked at the newest spec of its FleetSync. `drifted` objects are left as they are
    (drift mode Report), `failed` ones were refused, `waiting` ones go once a person approves, `guarded` of them by the prune guard.
    """

    cluster: str
    fleetsync: str = ""
    unread: str = ""
    commit: str = ""
    position: Position = Position.NONE
    commits: int | None = None
    suspended: bool = False
    suspended_apps: tuple[str, ...] = ()
    ready: str = "Unknown"
    reason: str = ""
    message: str = ""
    outdated: bool = False
    drifted: int = 0
    failed: int = 0
    problems: int = 0
    waiting: int = 0
    guarded: int = 0

    @property
    def contrary(self) -> tuple[str, ...]:
        """Give what speaks against the assumption that it runs base, in words; none where nothing does."""
        if self.unread:
            return (f"could not be read: {self.unread}",)
        against = (self._place(), self._suspension(), self._age(), _counted(self.drifted, "object", "drifted"))
        return tuple(filter(None, against))

    def words(self) -> tuple[str, ...]:
        """Give all that is told of it, in words, what matters first."""
        if self.unread:
            return self.contrary
        ready = f"Ready {self.ready}" + (f" {self.reason}" if self.reason else "")
        told = f": {self.message}" if self.message and self.ready != "True" else ""
        held = f" ({self.guarded} held by the prune guard)" if self.guarded else ""
        return tuple(
            filter(
                None,
                (
                    self._place() or f"at base, {self.commit[:12]}",
                    self._suspension(),
                    f"{ready}{told}",
                    self._age(),
                    _counted(self.drifted, "object", "drifted"),
                    _counted(self.failed, "object", "failed"),
                    _counted(self.waiting, "object", f"waiting for an approval to be pruned{held}"),
                    _counted(self.problems, "problem", ""),
                ),
            )
        )

    def _place(self) -> str:
        at = f"at {self.commit[:12]}"
        match self.position:
            case Position.AT_BASE:
                return ""
            case Position.BEHIND:
                return f"{_counted(self.commits, 'commit', 'behind base') or 'behind base'}, {at}"
            case Position.AHEAD:
                return f"ahead of base, {at}"
            case Position.APART:
                return f"{at}, which is not in base's history"
            case Position.UNKNOWN:
                return f"{at}, which this clone can't hold against base"
            case _:
                return "no commit applied yet"

    def _suspension(self) -> str:
        if self.suspended:
            return "suspended"
        more = f" and {len(self.suspended_apps) - _MOST_APPS} more" if len(self.suspended_apps) > _MOST_APPS else ""
        return f"apps suspended: {', '.join(self.suspended_apps[:_MOST_APPS])}{more}" if self.suspended_apps else ""

    def _age(self) -> str:
        return "its status is older than its FleetSync's spec" if self.outdated else ""

    def to_json(self) -> Mapping[str, Any]:
        """Give the stable JSON form (schemas/check.schema.json)."""
        return {
            "cluster": self.cluster,
            "fleetSync": self.fleetsync,
            "unread": self.unread,
            "commit": self.commit,
            "position": str(self.position) if not self.unread else str(Position.UNKNOWN),
            "commitsBehind": self.commits,
            "suspended": self.suspended,
            "suspendedApps": list(self.suspended_apps),
            "ready": {"status": self.ready, "reason": self.reason, "message": self.message},
            "outdated": self.outdated,
            "drifted": self.drifted,
            "failed": self.failed,
            "problems": self.problems,
            "waiting": self.waiting,
            "guarded": self.guarded,
            "contrary": list(self.contrary),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Live:
    """What was asked of clusters: what each answered, in the order of their names, and how many of the fleet were not asked.

    With `required` a cluster that could not be read, or of which the assumption does not hold, is an error.
    """

    clusters: tuple[LiveCluster, ...]
    not_asked: int = 0
    required: bool = False

    @property
    def contrary(self) -> tuple[LiveCluster, ...]:
        """Give those that do not run base as it is, or could not be read."""
        return tuple(each for each in self.clusters if each.contrary)

    def sentence(self) -> str:
        """Say how the assumption fares: what follows "every cluster runs base"."""
        asked = sorted({each.cluster for each in self.clusters})
        unread = sorted({each.cluster for each in self.clusters if each.unread})
        other = sorted({each.cluster for each in self.contrary if not each.unread})
        holds = len(asked) - len(set(unread) | set(other))
        parts = [
            f"for {_counted(len(other), 'cluster', 'asked')} it does not hold" if other else "",
            f"for {_counted(holds, 'cluster', 'asked')} it holds" if holds else "",
            f"{len(unread)} could not be read" if unread else "",
            f"{self.not_asked} of the fleet {'was' if self.not_asked == 1 else 'were'} not asked"
            if self.not_asked
            else "",
        ]
        return "; ".join(filter(None, parts))

    def to_json(self) -> Mapping[str, Any]:
        """Give the stable JSON form (schemas/check.schema.json)."""
        return {
            "required": self.required,
            "notAsked": self.not_asked,
            "clusters": [each.to_json() for each in self.clusters],
        }


def live_cluster(
    cluster: str, fleetsync: Mapping[str, Any], base: str, distance: Distance | None, suspended_apps: Iterable[str] = ()
) -> LiveCluster:
    """Judge one FleetSync. `distance` is that of the commit that it applied from base; None where it can't be told."""
    metadata, spec, status = (_mapping(fleetsync.get(each)) for each in ("metadata", "spec", "status"))
    commit, counts = applied(fleetsync), _mapping(status.get("counts"))
    ready = next((each for each in _mappings(status.get("conditions")) if each.get("type") == "Ready"), {})
    reason = _text(ready.get("reason"))
    waiting = _mappings(status.get("waiting"))
    return LiveCluster(
        cluster=cluster,
        fleetsync=f"{_text(metadata.get('namespace'))}/{_text(metadata.get('name'))}",
        commit=commit,
        position=_position(commit, base, distance),
        commits=0 if commit == base else distance.behind if distance is not None else None,
        suspended=spec.get("suspend") is True or reason == "Suspended",
        suspended_apps=tuple(sorted(_text(each) for each in suspended_apps)),
        ready=_text(ready.get("status")) or "Unknown",
        reason=reason or ("" if ready else "NoStatus"),
        message=_text(ready.get("message")) or ("" if ready else "no agent has looked at it"),
        outdated=bool(status) and _number(status.get("observedGeneration")) < _number(metadata.get("generation")),
        drifted=_number(counts.get("drifted")),
        failed=_number(counts.get("failedObjects")),
        problems=_number(counts.get("problems")),
        waiting=sum(_number(each.get("count")) for each in waiting),
        guarded=sum(_number(each.get("count")) for each in waiting if each.get("guarded") is True),
    )


def applied(fleetsync: Mapping[str, Any]) -> str:
    """Give the commit that a FleetSync's status says is applied, empty without one."""
    return _text(_mapping(_mapping(fleetsync.get("status")).get("commit")).get("applied"))


def _position(commit: str, base: str, distance: Distance | None) -> Position:
    if not commit:
        return Position.NONE
    if commit == base:
        return Position.AT_BASE
    if distance is None:
        return Position.UNKNOWN
    if distance.ahead:
        return Position.AHEAD if distance.behind == 0 else Position.APART
    return Position.BEHIND


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: object) -> Sequence[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _text(value: object) -> str:
    return value[:_LONGEST] if isinstance(value, str) else ""


def _number(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _counted(number: int | None, word: str, what: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'} {what}".rstrip() if number else ""


def live_lines(live: Live) -> list[tuple[str, str]]:
    """Give a line for each FleetSync that was asked for: whose it is, and what is told of it."""
    return [
        (each.cluster + (f" ({each.fleetsync})" if each.fleetsync else ""), "; ".join(each.words()))
        for each in live.clusters
    ]
