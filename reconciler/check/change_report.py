"""The report of the pull-request check: what one commit of a fleet would do that another did not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.check.artifacts import ArtifactChange, Status
from reconciler.check.change import ClusterChange, Problems, StartedRollout
from reconciler.check.live import Live
from reconciler.check.report import Sources
from reconciler.check.review import Level
from reconciler.check.risks import Risk
from reconciler.fleet.model import AppAssignment, Fleet

ASSUMPTION = "every cluster runs base"


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeReport:
    """What merging head into base would do, under the assumption that every cluster runs base. `risks` are the heaviest first.

    `clusters` are groups of clusters with equal changes, in the order of their first names; `unchanged` are the others by name.
    `left_out` says what was not looked at, one sentence each; empty where the report is whole. `refused` is True where head can't be
    read as a fleet: every agent stays at the commit that it is at. `notes` are what else a reader must know.
    `live` is what clusters said where they were asked; it bears on the result only where it is required.
    With `verify` an artifact that is not verified is an error. `asked` are the apps that `artifacts` speak of, as they are on the first of
    the clusters of each; `fleets` those of base and head.
    """

    fleet: str
    base: str
    head: str
    problems: Problems = field(default_factory=Problems)
    risks: tuple[Risk, ...] = ()
    artifacts: tuple[ArtifactChange, ...] = ()
    clusters: tuple[ClusterChange, ...] = ()
    unchanged: tuple[str, ...] = ()
    rollouts: tuple[StartedRollout, ...] = ()
    left_out: tuple[str, ...] = ()
    refused: bool = False
    notes: tuple[str, ...] = ()
    verify: bool = False
    live: Live | None = None
    asked: tuple[AppAssignment, ...] = field(default=(), repr=False, compare=False)
    fleets: tuple[Fleet, ...] = field(default=(), repr=False, compare=False)
    sources: Sources = field(default=lambda _: None, repr=False, compare=False)

    @property
    def unverified(self) -> tuple[ArtifactChange, ...]:
        """Give the artifacts that stand against the change: refused ones, and with `verify` all that are not verified."""
        fine = {Status.VERIFIED} if self.verify else {Status.VERIFIED, Status.INCOMPLETE, Status.NOT_ASKED}
        return tuple(each for each in self.artifacts if each.status not in fine)

    @property
    def result(self) -> str:
        """`error`, `warning`, `changed` or `unchanged`: the worst that stands in it."""
        levels = {each.level for each in self.risks}
        not_held = self.live is not None and self.live.required and self.live.contrary
        if self.refused or self.problems.errors or Level.ERROR in levels or self.unverified or not_held:
            return "error"
        if self.problems.new or self.left_out or Level.WARNING in levels:
            return "warning"
        return "changed" if self.clusters else "unchanged"

    def to_json(self) -> Mapping[str, Any]:
        """Give the stable JSON form (schemas/check.schema.json)."""
        return {
            "fleet": self.fleet,
            "base": self.base,
            "head": self.head,
            "assumes": ASSUMPTION,
            "notes": list(self.notes),
            "result": self.result,
            "problems": self.problems.to_json(),
            "risks": [each.to_json() for each in self.risks],
            "artifacts": [each.to_json() for each in self.artifacts],
            "clusters": [each.to_json() for each in self.clusters],
            "unchanged": list(self.unchanged),
            "rollouts": [each.to_json() for each in self.rollouts],
            "leftOut": list(self.left_out),
            "live": self.live.to_json() if self.live is not None else None,
        }
