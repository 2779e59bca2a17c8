"""Which version of each app this cluster runs: the newest that is valid, rendered and verified, else its last release.

What is found out here (validity, verdict, dependencies, records) goes through the table of rollout/decision.py; a last
release is rendered from its own commit, with today's Cluster document and policy.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.agent.artifact_policy import denied, expected_of, wanted
from reconciler.agent.assigning import suspended_in_git
from reconciler.agent.backoff import Backoff
from reconciler.agent.decryption import Decryption
from reconciler.agent.fleetsync import Policy
from reconciler.agent.logs import about
from reconciler.agent.metrics import Metrics
from reconciler.artifact.checklist import refusal
from reconciler.artifact.model import Verdict, VerdictStatus
from reconciler.artifact.reference import parse_reference
from reconciler.artifact.sources import CommitFiles, Sources
from reconciler.artifact.verify import Verifier
from reconciler.errors import ArtifactError
from reconciler.fleet.model import AppAssignment, Assignment, BundleAssignment, Cluster, Unit, Withheld
from reconciler.problems import Problem, Severity
from reconciler.render import render_unit
from reconciler.render.labels import unversioned
from reconciler.render.model import Rendered
from reconciler.rollout import Last, Move, Newest, Record, Released, decide

logger = logging.getLogger(__name__)

#: How long finished verdicts wait for others before they are acted on: one slow registry must not hold up the rest.
_PATIENCE = 1.0
_AT_ONCE = 8

Runnable = AppAssignment | BundleAssignment
#: Gives an app as a commit has it, for this cluster as it is today, and that commit's files; None where that can't be had.
EarlierUnit = Callable[[str, Released], Awaitable[tuple[Unit, CommitFiles] | None]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """A version that runs: its unit, what was rendered from it (its problems alone in `Releases.released`), and its record's commit."""

    unit: Runnable
    rendered: Rendered
    verdict: Verdict | None
    commit: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """Why a unit's newest version does not run, or, where `denied`, why nothing of it is touched.

    `waits_for` names the dependencies that are not ready. `again`: trying again later may help.
    """

    unit: Unit
    state: Newest
    reason: str
    problems: tuple[Problem, ...] = ()
    verdict: Verdict | None = None
    waits_for: tuple[str, ...] = ()
    again: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What becomes of one app: the move, the release to run (None: nothing is to be wanted), and what is held back."""

    name: str
    move: Move
    release: Release | None = None
    held: Held | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Circumstances:
    """What decisions depend on besides the apps themselves. `not_ready` gives why a dependency is not ready, or nothing.

    `files` are those of the assignment's commit, which artifacts are compared with.
    """

    assignment: Assignment
    record_of: Callable[[str], Record | None]
    earlier: EarlierUnit
    not_ready: Callable[[str], str]
    suspended: frozenset[str] = frozenset()
    files: CommitFiles | None = None

    @property
    def cluster(self) -> Cluster:
        """Today's Cluster document."""
        return self.assignment.cluster

    @property
    def artifacts(self) -> Mapping[str, Any]:
        """Today's rules for artifacts in the repository."""
        return self.assignment.fleet.spec.get("artifacts") or {}


@dataclass(frozen=True, slots=True)
class _Judged:
    """How it stands with a newest version, and what was rendered of it."""

    state: Newest
    rendered: Rendered | None = None
    held: Held | None = None
    verdict: Verdict | None = None


@dataclass(kw_only=True, slots=True)
class Releases:
    """Decides for the apps that may have changed, and remembers: the others cost nothing.

    `undecided` are still to be decided, `unsettled` decided and not wanted yet.
    """

    verifier: Verifier
    metrics: Metrics
    policy: Policy
    decryption: Decryption
    released: dict[str, Release] = field(default_factory=dict)
    held: dict[str, Held] = field(default_factory=dict)
    undecided: set[str] = field(default_factory=set)
    unsettled: set[str] = field(default_factory=set)
    _awaited: dict[str, set[str]] = field(default_factory=dict)
    _backoff: Backoff = field(default_factory=lambda: Backoff(first=2.0, longest=300.0))
    _due: dict[str, float] = field(default_factory=dict)
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

    def touch(self, names: Iterable[str]) -> None:
        """Have these decided anew."""
        self.undecided.update(names)

    def take_due(self, assignment: Assignment) -> list[Unit]:
        """Give the units to decide now: those touched, and those whose verification is due again."""
        now = time.monotonic()
        names = self.undecided | {name for name, due in self._due.items() if due <= now}
        self.undecided = names & assignment.units.keys()
        return [assignment.units[name] for name in sorted(self.undecided)]

    def forget(self, names: Iterable[str]) -> None:
        """Drop apps that are not placed here any more."""
        for name in names:
            self.released.pop(name, None)
            self._hold(name, None)
            self.undecided.discard(name)
            self._settled(name)

    def settle(self, names: Iterable[str]) -> None:
        """Say that what was decided for these is wanted now."""
        self.unsettled.difference_update(names)

    def next_try(self) -> float | None:
        """Give the seconds until a verification that could not be completed is tried again; None where none waits."""
        return max(0.0, min(self._due.values()) - time.monotonic()) if self._due else None

    def waiting_for(self, name: str) -> frozenset[str]:
        """Give the apps that are held back until this one is ready."""
        return frozenset(self._awaited.get(name, ()))

    def _settled(self, name: str) -> None:
        self._backoff.forget(name)
        self._due.pop(name, None)

    async def decide(self, units: Iterable[Unit], now: Circumstances) -> AsyncIterator[list[Decision]]:
        """Decide for each unit, in batches as verdicts come in; records each decision before it is given."""
        pending = {asyncio.create_task(self._decide(unit, now)) for unit in units}
        try:
            while pending:
                await asyncio.wait(pending, timeout=_PATIENCE)
                done = {task for task in pending if task.done()}
                pending -= done
                batch = [task.result() for task in done]
                if batch:
                    yield sorted(batch, key=lambda decision: decision.name)
        finally:
            for task in pending:
                task.cancel()

    async def _decide(self, unit: Unit, now: Circumstances) -> Decision:
        try:
            decision = await self._move(unit, now)
        except Exception as error:  # a fault of ours in one app must not stop the others (design, invariant 3)
            logger.exception("deciding on %s", unit.name)
            reason = f"internal error: {type(error).__name__}: {error}"
            held = Held(unit=unit, state=Newest.INCOMPLETE, reason=reason, again=True)
            decision = Decision(name=unit.name, move=Move.LEAVE, held=held)
        self._remember(unit.name, decision)
        return decision

    def _remember(self, name: str, decision: Decision) -> None:
        self.undecided.discard(name)
        if decision.release is not None:
            # The objects go on to be wanted, as bytes; kept here as well they would be most of the agent's memory.
            told = Rendered(name=name, problems=decision.release.rendered.problems)
            self.released[name] = replace(decision.release, rendered=told)
        else:
            self.released.pop(name, None)
        self.unsettled.add(name)
        self._hold(name, decision.held)
        if decision.held is not None and decision.held.again:
            verdict = decision.held.verdict
            asked = verdict.retry_after if verdict is not None else None
            self._due[name] = time.monotonic() + max(self._backoff.next_delay(name), asked or 0.0)
        else:
            self._settled(name)

    def _hold(self, name: str, held: Held | None) -> None:
        before = self.held.pop(name, None)
        for other in before.waits_for if before is not None else ():
            self._awaited[other].discard(name)
            if not self._awaited[other]:
                del self._awaited[other]
        if held is not None:
            if before is None or before.reason != held.reason:
                with about(app=name):
                    logger.info("held back: %s", held.reason)
            self.held[name] = held
            for other in held.waits_for:
                self._awaited.setdefault(other, set()).add(name)

    async def _move(self, unit: Unit, now: Circumstances) -> Decision:
        """Find out how newest version and last release stand, and do as the table says."""
        name, record = unit.name, now.record_of(unit.name)
        judged = await self._newest(unit, now)
        last = Last.NONE if record is None else Last.SAME if version_of(unit) == record.last.version else Last.OTHER
        move, kept, why = decide(last, judged.state), None, ""
        if move is Move.KEEP and record is not None:
            last, kept, why = await self._last(name, record, now)
            if judged.state in {Newest.WAITING, Newest.GATED} and kept is not None and _equal(judged, kept):
                judged = replace(judged, state=Newest.EQUAL)
            move = decide(last, judged.state)
        if move in {Move.ADVANCE, Move.STAY} and judged.rendered is not None and not isinstance(unit, Withheld):
            commit = record.last.commit if move is Move.STAY and record is not None else now.assignment.commit or ""
            release = Release(unit=unit, rendered=judged.rendered, verdict=judged.verdict, commit=commit)
            return Decision(name=name, move=move, release=release, held=_still_held(judged, move))
        held = judged.held
        if last is Last.SAME and judged.state is Newest.DENIED:
            why = "RunningUnverified: it runs already, and is left as it is, neither healed nor pruned"
        if held is not None and why:
            held = replace(held, reason=f"{held.reason}; {why}", again=held.again or last is Last.LOST)
        return Decision(name=name, move=move, release=kept if move is Move.KEEP else None, held=held)

    async def _newest(self, unit: Unit, now: Circumstances) -> _Judged:
        """Judge a newest version: the first state that applies, in the order of `Newest` (design, invariant 1)."""
        if unit.name in now.suspended or suspended_in_git(unit, now.assignment.fleet):
            by = "the FleetSync" if unit.name in now.suspended else "Git"
            return _held(unit, Newest.SUSPENDED, f"suspended by {by}: neither released nor healed")
        if isinstance(unit, Withheld):
            return _invalid(unit, unit.problems)
        rendered = render_unit(unit, now.cluster)
        if any(problem.severity is Severity.ERROR for problem in rendered.problems):
            return _invalid(unit, rendered.problems)
        if (undecrypted := self.decryption.problem(rendered.sealed.values())) is not None:
            problem, again = undecrypted
            state = Newest.INCOMPLETE if again else Newest.INVALID
            return _Judged(
                state, rendered, Held(unit=unit, state=state, reason=str(problem), problems=(problem,), again=again)
            )
        verdict = None
        if isinstance(unit, AppAssignment):
            verdict = await self._verify(unit, now, now.files)
            if (state := _state_of(verdict)) is not Newest.CLEAR:
                reason = f"artifact {verdict.reference}: {verdict.message}"
                held = Held(unit=unit, state=state, reason=reason, verdict=verdict, again=verdict.again)
                return _Judged(state, rendered, held, verdict)
        waits = {name: why for name in unit.spec.get("dependsOn") or () if (why := now.not_ready(name))}
        if waits:
            reason = "waits for " + "; ".join(f"{name} ({why})" for name, why in waits.items())
            held = Held(unit=unit, state=Newest.WAITING, reason=reason, verdict=verdict, waits_for=tuple(waits))
            return _Judged(Newest.WAITING, rendered, held, verdict)
        return _Judged(Newest.CLEAR, rendered, None, verdict)

    async def _last(self, name: str, record: Record, now: Circumstances) -> tuple[Last, Release | None, str]:
        """Render an app's last release from its own commit; says why where that can't be, or where policy refuses it by now."""
        commit = record.last.commit[:12]
        found = await now.earlier(name, record.last)
        if found is None:
            return Last.LOST, None, f"its last release can't be rendered: commit {commit} does not have it"
        unit, files = found
        if isinstance(unit, Withheld):
            return Last.LOST, None, f"its last release can't be rendered any more: {_first_error(unit.problems)}"
        rendered = render_unit(unit, now.cluster)
        if any(problem.severity is Severity.ERROR for problem in rendered.problems):
            return Last.LOST, None, f"its last release can't be rendered any more: {_first_error(rendered.problems)}"
        verdict = None
        if isinstance(unit, AppAssignment):
            verdict = await self._verify(unit, now, files)
            if _state_of(verdict) is Newest.DENIED:
                return Last.DENIED, None, f"RunningUnverified: policy refuses what runs: {verdict.message}"
        return Last.OTHER, Release(unit=unit, rendered=rendered, verdict=verdict, commit=record.last.commit), ""

    async def _verify(self, unit: AppAssignment, now: Circumstances, files: CommitFiles | None) -> Verdict:
        """Ask the policy first: what it refuses is not even fetched."""
        reference = unit.spec["artifact"]
        try:
            asked = wanted(parse_reference(reference), now.artifacts, now.assignment.fleet.signatures, self.policy)
        except ArtifactError as error:
            verdict = refusal(reference, error)
        else:
            async with self._slots:
                sources = Sources(commit=files, manifest=unit.manifest_path) if files is not None else None
                expected = expected_of(asked, now.artifacts, unit.application, unit.spec, now.cluster.spec, sources)
                verdict = await self.verifier.verify(reference, expected)
            verdict = replace(verdict, warnings=(*verdict.warnings, *asked.warnings))
        self.metrics.count_verdict(verdict)
        return verdict


def version_of(unit: Unit) -> str:
    """Give a unit's version; empty where it is withheld."""
    return "" if isinstance(unit, Withheld) else unit.version


def digest_of(release: Release) -> str:
    """Give the digest of the artifact that a release runs; empty for a bundle and where only a tag is known."""
    if release.verdict is not None and release.verdict.digest:
        return release.verdict.digest
    reference = str(release.unit.spec.get("artifact") or "") if isinstance(release.unit, AppAssignment) else ""
    return reference.rpartition("@")[2] if "@sha256:" in reference else ""


def _state_of(verdict: Verdict) -> Newest:
    if verdict.status is VerdictStatus.VERIFIED:
        return Newest.CLEAR
    if verdict.status is VerdictStatus.INCOMPLETE:
        return Newest.INCOMPLETE
    return Newest.DENIED if denied(verdict.code) else Newest.REFUSED


def _equal(judged: _Judged, kept: Release) -> bool:
    """Tell whether only the version that objects name differs: then nothing that runs would change."""
    if judged.rendered is None:
        return False
    return [unversioned(obj) for obj in judged.rendered.objects] == [unversioned(obj) for obj in kept.rendered.objects]


def _still_held(judged: _Judged, move: Move) -> Held | None:
    """A released version that runs on is told about only where its artifact could not be verified again."""
    waiting = {Newest.WAITING, Newest.GATED, Newest.EQUAL}
    return None if move is Move.ADVANCE or judged.state in waiting else judged.held


def _held(unit: Unit, state: Newest, reason: str) -> _Judged:
    return _Judged(state, held=Held(unit=unit, state=state, reason=reason))


def _invalid(unit: Unit, problems: tuple[Problem, ...]) -> _Judged:
    held = Held(unit=unit, state=Newest.INVALID, reason=_first_error(problems), problems=problems)
    return _Judged(Newest.INVALID, held=held)


def _first_error(problems: tuple[Problem, ...]) -> str:
    return str(next((problem for problem in problems if problem.severity is Severity.ERROR), "not valid"))
