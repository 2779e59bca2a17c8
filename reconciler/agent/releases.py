"""Which version of each app this cluster may run now: the newest that is valid, rendered and verified, else what it has."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.agent.artifact_policy import expected_of, wanted
from reconciler.agent.backoff import Backoff
from reconciler.agent.decryption import Decryption
from reconciler.agent.fleetsync import Policy
from reconciler.agent.metrics import Metrics
from reconciler.artifact.checklist import refusal
from reconciler.artifact.model import Verdict, VerdictStatus
from reconciler.artifact.reference import parse_reference
from reconciler.artifact.sources import CommitFiles, Sources
from reconciler.artifact.verify import Verifier
from reconciler.errors import ArtifactError
from reconciler.fleet.model import AppAssignment, Assignment, BundleAssignment, Cluster, Unit, Withheld
from reconciler.fleet.signature_rules import SignatureRule
from reconciler.plan.model import ObjectKey
from reconciler.problems import Problem, Severity
from reconciler.render import clashes, render_unit
from reconciler.sops.sealed import Sealed

logger = logging.getLogger(__name__)

#: How long finished verdicts wait for others before they are acted on: one slow registry must not hold up the rest.
_PATIENCE = 1.0
_AT_ONCE = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """A version that may run: its unit and the objects rendered from it (none any more in `Releases.released`)."""

    unit: AppAssignment | BundleAssignment
    objects: tuple[Mapping[str, Any], ...]
    verdict: Verdict | None
    warnings: tuple[Problem, ...] = ()
    sealed: Mapping[ObjectKey, Sealed] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """A unit whose new version may not run: why, and whether trying again may help."""

    unit: Unit
    reason: str
    problems: tuple[Problem, ...] = ()
    verdict: Verdict | None = None
    again: bool = False


Decision = Release | Held


@dataclass(kw_only=True, slots=True)
class Releases:
    """Decides for each unit of an assignment, and remembers: an unchanged unit costs nothing."""

    verifier: Verifier
    metrics: Metrics
    policy: Policy
    decryption: Decryption
    released: dict[str, Release] = field(default_factory=dict)
    held: dict[str, Held] = field(default_factory=dict)
    _rules: tuple[Any, ...] = ()
    _signatures: tuple[SignatureRule, ...] = ()
    _backoff: Backoff = field(default_factory=lambda: Backoff(first=2.0, longest=300.0))
    _due: dict[str, float] = field(default_factory=dict)
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

    def changed(self, assignment: Assignment) -> list[Unit]:
        """Give the units that differ from what was last decided, and those worth another try; all of them where the rules changed."""
        self._signatures = assignment.fleet.signatures
        rules = (assignment.fleet.spec.get("artifacts") or {}, self._signatures, self.policy.floor)
        if rules != self._rules:
            self._rules = rules
            return list(assignment.units.values())
        return [unit for name, unit in assignment.units.items() if not self._decided(name, unit)]

    def _decided(self, name: str, unit: Unit) -> bool:
        held = self.held.get(name)
        if held is not None:
            waiting = not held.again or time.monotonic() < self._due.get(name, 0.0)
            return waiting and held.unit == unit
        release = self.released.get(name)
        return release is not None and release.unit == unit

    def forget(self, names: Iterable[str]) -> None:
        """Drop apps that are not placed here any more."""
        for name in names:
            self.released.pop(name, None)
            self.held.pop(name, None)
            self._settled(name)

    def next_try(self) -> float | None:
        """Give the seconds until a verification that could not be completed is tried again; None where none waits."""
        waiting = [self._due[name] for name, held in self.held.items() if held.again]
        return max(0.0, min(waiting) - time.monotonic()) if waiting else None

    def _settled(self, name: str) -> None:
        self._backoff.forget(name)
        self._due.pop(name, None)

    async def decide(
        self,
        units: Iterable[Unit],
        cluster: Cluster,
        artifacts: Mapping[str, Any],
        files: CommitFiles | None = None,
    ) -> AsyncIterator[list[Decision]]:
        """Decide for each unit, in batches as verdicts come in; records each decision before it is given.

        `files` are those of the units' commit, which artifacts are compared with.
        """
        pending = {asyncio.create_task(self._decide(unit, cluster, artifacts, files)) for unit in units}
        try:
            while pending:
                await asyncio.wait(pending, timeout=_PATIENCE)
                done = {task for task in pending if task.done()}
                pending -= done
                batch = [task.result() for task in done]
                if batch:
                    yield sorted(batch, key=lambda decision: decision.unit.name)
        finally:
            for task in pending:
                task.cancel()

    async def _decide(
        self, unit: Unit, cluster: Cluster, artifacts: Mapping[str, Any], files: CommitFiles | None
    ) -> Decision:
        try:
            decision = await self._judge(unit, cluster, artifacts, files)
        except Exception as error:  # a fault of ours in one app must not stop the others (design, invariant 3)
            logger.exception("deciding on %s", unit.name)
            decision = Held(unit=unit, reason=f"internal error: {type(error).__name__}: {error}", again=True)
        if isinstance(decision, Release):
            # The objects go on to be wanted, as bytes; kept here as well they would be most of the agent's memory.
            self.released[unit.name] = replace(decision, objects=(), sealed={})
            self.held.pop(unit.name, None)
        else:
            self.held[unit.name] = decision
        if isinstance(decision, Held) and decision.again:
            asked = decision.verdict.retry_after if decision.verdict is not None else None
            self._due[unit.name] = time.monotonic() + max(self._backoff.next_delay(unit.name), asked or 0.0)
        else:
            self._settled(unit.name)
        return decision

    async def _judge(
        self, unit: Unit, cluster: Cluster, artifacts: Mapping[str, Any], files: CommitFiles | None
    ) -> Decision:
        """Valid, then rendered, then verified: only then a release (design, invariant 1)."""
        if isinstance(unit, Withheld):
            return _refused(unit, unit.problems)
        rendered = render_unit(unit, cluster)
        if any(problem.severity is Severity.ERROR for problem in rendered.problems):
            return _refused(unit, rendered.problems)
        if (undecrypted := self.decryption.problem(rendered.sealed.values())) is not None:
            problem, again = undecrypted
            return Held(unit=unit, reason=str(problem), problems=(problem,), again=again)
        if isinstance(unit, BundleAssignment):
            return Release(
                unit=unit, objects=rendered.objects, verdict=None, warnings=rendered.problems, sealed=rendered.sealed
            )
        verdict = await self._verify(unit, cluster, artifacts, files)
        if verdict.status is VerdictStatus.VERIFIED:
            return Release(
                unit=unit, objects=rendered.objects, verdict=verdict, warnings=rendered.problems, sealed=rendered.sealed
            )
        reason = f"artifact {verdict.reference}: {verdict.message}"
        return Held(unit=unit, reason=reason, verdict=verdict, again=verdict.again)

    async def _verify(
        self, unit: AppAssignment, cluster: Cluster, artifacts: Mapping[str, Any], files: CommitFiles | None
    ) -> Verdict:
        """Ask the policy first: what it refuses is not even fetched."""
        reference = unit.spec["artifact"]
        try:
            asked = wanted(parse_reference(reference), artifacts, self._signatures, self.policy)
        except ArtifactError as error:
            verdict = refusal(reference, error)
        else:
            async with self._slots:
                sources = Sources(commit=files, manifest=unit.manifest_path) if files is not None else None
                expected = expected_of(asked, artifacts, unit.application, unit.spec, cluster.spec, sources)
                verdict = await self.verifier.verify(reference, expected)
            verdict = replace(verdict, warnings=(*verdict.warnings, *asked.warnings))
        self.metrics.count_verdict(verdict)
        return verdict


def without_clashes(assignment: Assignment) -> Assignment:
    """Give an assignment in which apps that want a route or account of an app before them are withheld: one unit alone can't tell."""
    units = [unit for unit in assignment.units.values() if not isinstance(unit, Withheld)]
    found = clashes(units)
    refused = {
        unit.name: Withheld(name=unit.name, path=unit.path, line=unit.line, problems=found[unit.name])
        for unit in units
        if any(problem.severity is Severity.ERROR for problem in found.get(unit.name, ()))
    }
    return replace(assignment, units={**assignment.units, **refused}) if refused else assignment


def _refused(unit: Unit, problems: tuple[Problem, ...]) -> Held:
    first = next((problem for problem in problems if problem.severity is Severity.ERROR), None)
    return Held(unit=unit, reason=str(first) if first is not None else "not valid", problems=problems)
