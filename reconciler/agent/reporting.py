"""From what the agent knows to the report that its status is made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from reconciler.agent.fleetsync import FleetSync
from reconciler.agent.prune_report import prune_problems
from reconciler.agent.records import timestamp
from reconciler.agent.releases import version_of
from reconciler.agent.status import AppReport, Drift, ObjectFailure, Report
from reconciler.agent.sync import Syncer
from reconciler.fleet.model import AppAssignment, BundleAssignment, Unit
from reconciler.plan.drift import RECONCILE_ANNOTATION
from reconciler.problems import Problem, Severity
from reconciler.render.model import SHARED


@dataclass(slots=True)
class AppReports:
    """The reports of all apps, each made anew only once something of it may have changed."""

    _reports: dict[str, AppReport] = field(default_factory=dict)
    _stale: set[str] = field(default_factory=set)
    _drifts: dict[str, Drift] = field(default_factory=dict)

    def mark(self, names: Iterable[str]) -> None:
        """Say that something of these apps may have changed."""
        self._stale.update(names)

    def drifted(self, name: str) -> None:
        """Take word that an object of an app was found to differ from what was applied."""
        count = self._drifts[name].count if name in self._drifts else 0
        self._drifts[name] = Drift(count + 1, timestamp())
        self._stale.add(name)

    def of(self, syncer: Syncer) -> tuple[AppReport, ...]:
        """Give the reports by name."""
        units = syncer.assignment.units if syncer.assignment is not None else {}
        stale, self._stale = self._stale, set()
        for name in stale:
            if name in units:
                self._reports[name] = _app(name, units[name], syncer, self._drifts.get(name))
            else:
                self._reports.pop(name, None)
                self._drifts.pop(name, None)
        if len(self._reports) != len(units):
            for name in units.keys() - self._reports.keys():
                self._reports[name] = _app(name, units[name], syncer, self._drifts.get(name))
        return tuple(self._reports[name] for name in units)


def report_of(syncer: Syncer, reports: AppReports) -> Report:
    """Give the report of this moment."""
    state = syncer.state
    failures = [syncer.writer.attempts.failures[key] for key in sorted(syncer.writer.attempts.failures)]
    failures += [
        ObjectFailure(owner=item.owner, object=str(item.key), code="object.held", message=f"{holder} has it")
        for item, holder in syncer.installer.desired.waiting()
        if item.owner != SHARED
    ]
    failures += [
        ObjectFailure(
            owner="",
            object=f"{resource.kind} of {resource.api_version}" + (f" in {namespace}" if namespace else ""),
            code="object.unwatched",
            message=f"can't be watched, so what is there is neither healed nor pruned: {reason}",
        )
        for (resource, namespace), reason in syncer.installer.watches.refused().items()
    ]
    if state.record_error:
        message = f"release records can't be written, so nothing new is released: {state.record_error}"
        failures.append(ObjectFailure(owner="", object="release records", code="release.not-recorded", message=message))
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
        suspended=syncer.suspended,
        loaded=syncer.assignment is not None,
        repository_keys_only=syncer.assignment is not None
        and bool(syncer.assignment.fleet.signatures)
        and not syncer.sync.policy.signatures,
        apps=reports.of(syncer),
        problems=_problems(syncer),
        failures=tuple(failures),
        left=_left(syncer),
        waiting=state.waiting,
    )


def _left(syncer: Syncer) -> tuple[ObjectFailure, ...]:
    """Give what is left as it is, though it may differ: drift that is only reported, and what an annotation takes out of our hands."""
    members, left = syncer.installer.members, syncer.writer.attempts.left
    found = [left[key] for key in sorted(left)]
    for key in sorted(members.left_alone):
        message = f"annotated {RECONCILE_ANNOTATION}: Disabled, so it is neither healed nor changed nor pruned"
        found.append(
            ObjectFailure(
                owner=members.owner_of(key),
                object=str(key),
                code="object.left-alone",
                message=message,
                severity=Severity.WARNING,
            )
        )
    return tuple(found)


def _problems(syncer: Syncer) -> tuple[Problem, ...]:
    """Give every problem once: the commit's, those of held and running releases, and what pruning says."""
    state = syncer.state
    found = dict.fromkeys(state.problems)
    for held in syncer.releases.held.values():
        found.update(dict.fromkeys(held.problems))
    for release in syncer.releases.released.values():
        found.update(dict.fromkeys(release.rendered.problems))
    found.update(dict.fromkeys(syncer.records.problems))
    found.update(dict.fromkeys(prune_problems(state, syncer.sync)))
    found.update(dict.fromkeys(_unknown(name) for name in _suspended_nowhere(syncer)))
    return tuple(found)


def stalled_report(sync: FleetSync, reason: str) -> Report:
    """Give the report of a FleetSync that can't be followed as it is; what it ran keeps running."""
    commit = sync.status.get("commit") or {}
    return Report(
        cluster=sync.cluster, generation=sync.generation, handled_request=str(sync.status.get("lastHandledRequest") or ""),
        commit_seen=str(commit.get("seen") or ""), commit_applied=str(commit.get("applied") or ""), source_error="",
        commit_refused=False, syncing=False, stalled=reason, suspended="spec.suspend is true" if sync.suspend else "", apps=(), problems=(), failures=(), loaded=False,
    )  # fmt: skip


def ending_report(sync: FleetSync, left: int, failures: tuple[ObjectFailure, ...]) -> Report:
    """Give the report of a FleetSync that is being deleted, with how many of its objects are left and what keeps them."""
    sort = "delete" if sync.delete_members else "release"
    return replace(
        stalled_report(sync, ""),
        ending=f"the FleetSync is being deleted: {left} objects left to {sort}",
        failures=failures,
    )


def _suspended_nowhere(syncer: Syncer) -> list[str]:
    units = syncer.assignment.units if syncer.assignment is not None else None
    return [] if units is None else sorted(name for name in syncer.sync.suspended_apps if name not in units)


def _unknown(name: str) -> Problem:
    return Problem(
        path="", code="suspend.unknown-app", severity=Severity.WARNING,
        message=f"{name} is suspended in this cluster, and no app or bundle of that name is placed here",
        hint=f"check the name; spinfleet resume {name} takes it away",
    )  # fmt: skip


def _app(name: str, unit: Unit, syncer: Syncer, drift: Drift | None) -> AppReport:
    release, held = syncer.releases.released.get(name), syncer.releases.held.get(name)
    record = syncer.records.get(name)
    verdicts = [each.verdict for each in (held, release) if each is not None and each.verdict is not None]
    health = syncer.progress.of(name)
    desired, members = syncer.installer.desired, syncer.installer.members
    return AppReport(
        name=name,
        kind=_kind(unit),
        version=version_of(unit)[:12],
        released=record.last.version[:12] if record is not None else "",
        artifact=str(verdicts[0].status) if verdicts else "",
        code=verdicts[0].code if verdicts else "",
        signers=verdicts[0].signers if verdicts else (),
        objects=len(desired.of(name)) or len(members.of(name)),
        health=health.health,
        message=health.message,
        reason=str(held.state) if held is not None else "",
        held=held.reason if held is not None else "",
        drift=drift,
    )


def _kind(unit: Unit) -> str:
    return {AppAssignment: "App", BundleAssignment: "Bundle"}.get(type(unit), "")
