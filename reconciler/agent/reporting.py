"""From what the agent knows to the report that its status is made of."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.agent.desired import DesiredSet
from reconciler.agent.fleetsync import FleetSync
from reconciler.agent.members import Members
from reconciler.agent.releases import Releases
from reconciler.agent.status import AppReport, Report
from reconciler.agent.sync import Syncer
from reconciler.fleet.model import AppAssignment, BundleAssignment, Unit
from reconciler.plan.health import worst
from reconciler.plan.model import Health, HealthResult, ObjectKey
from reconciler.problems import Problem, Severity


def report_of(syncer: Syncer) -> Report:
    """Give the report of this moment."""
    state, assignment = syncer.state, syncer.assignment
    units: Mapping[str, Unit] = assignment.units if assignment is not None else {}
    failures = dict(syncer.writer.failures)
    failed = {failure.owner for failure in failures.values()}
    apps = tuple(
        _app(name, unit, syncer.releases, syncer.desired, syncer.members, failed)
        for name, unit in sorted(units.items())
    )
    held = [problem for decision in syncer.releases.held.values() for problem in decision.problems]
    held += [problem for release in syncer.releases.released.values() for problem in release.warnings]
    known = set(state.problems)
    problems: tuple[Problem, ...] = (*state.problems, *(problem for problem in held if problem not in known))
    if state.prune_held:
        problems = (
            *problems,
            Problem(
                path="",
                code="prune.held",
                message=state.prune_held,
                hint="check the commit; spinfleet approve lets it go on",
            ),
        )
    problems = (*problems, *(_kept(key) for key in state.protected))
    return Report(
        cluster=syncer.sync.cluster,
        generation=syncer.sync.generation,
        handled_request=state.handled_request,
        commit_seen=state.seen,
        commit_applied=state.accepted,
        source_error=state.source_error,
        unsigned=state.unsigned,
        signer=state.signer,
        commit_refused=state.refused,
        syncing=state.syncing,
        stalled=state.stalled,
        suspended=syncer.sync.suspend,
        loaded=assignment is not None,
        repository_keys_only=assignment is not None
        and bool(assignment.fleet.signatures)
        and not syncer.sync.policy.signatures,
        apps=apps,
        problems=problems,
        failures=tuple(failures[key] for key in sorted(failures)),
    )


def stalled_report(sync: FleetSync, reason: str) -> Report:
    """Give the report of a FleetSync that can't be followed as it is; what it ran keeps running."""
    commit = sync.status.get("commit") or {}
    return Report(
        cluster=sync.cluster, generation=sync.generation, handled_request=str(sync.status.get("lastHandledRequest") or ""),
        commit_seen=str(commit.get("seen") or ""), commit_applied=str(commit.get("applied") or ""), source_error="",
        commit_refused=False, syncing=False, stalled=reason, suspended=sync.suspend, apps=(), problems=(), failures=(), loaded=False,
    )  # fmt: skip


def _kept(key: ObjectKey) -> Problem:
    return Problem(
        path="", code="prune.protected", severity=Severity.WARNING,
        message=f"{key} is not in the fleet any more and is kept: {key.kind} objects are never pruned by themselves",
        hint="delete it by hand if nothing in it is needed",
    )  # fmt: skip


def _app(
    name: str, unit: Unit, releases: Releases, desired: DesiredSet, members: Members, failed: set[str]
) -> AppReport:
    release, held = releases.released.get(name), releases.held.get(name)
    verdict = (
        held.verdict
        if held is not None and held.verdict is not None
        else release.verdict
        if release is not None
        else None
    )
    wanted = desired.of(name)
    health = worst({str(item.key): _health(item.key, members) for item in wanted})
    if held is not None and not wanted:
        health = (
            HealthResult(Health.UNKNOWN, "not released yet")
            if not members.of(name)
            else worst({str(each.key): each.health for each in members.of(name)})
        )
    elif release is None and held is None:
        health = HealthResult(Health.PROGRESSING, "not decided yet")
    if name in failed and health.health is Health.CURRENT:
        health = HealthResult(Health.PROGRESSING, "some of its objects could not be written")
    return AppReport(
        name=name,
        kind=_kind(unit),
        version=_version(unit)[:12],
        artifact="" if verdict is None else str(verdict.status),
        signers=() if verdict is None else verdict.signers,
        objects=len(wanted) or len(members.of(name)),
        health=health.health,
        message=health.message,
        held=held.reason if held is not None else "",
    )


def _health(key: ObjectKey, members: Members) -> HealthResult:
    member = members.get(key)
    if member is None or member.gone:
        return HealthResult(Health.PROGRESSING, "not there yet")
    return member.health


def _kind(unit: Unit) -> str:
    return {AppAssignment: "App", BundleAssignment: "Bundle"}.get(type(unit), "")


def _version(unit: Unit) -> str:
    return unit.version if isinstance(unit, (AppAssignment, BundleAssignment)) else ""
