"""The status that an agent writes on its FleetSync: a function of what it knows. No I/O, no clock.

Conditions follow kstatus: Ready always, Reconciling and Stalled only while True; beside them SourceReady, Valid, Verified, Healthy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.plan.guard import Waiting
from reconciler.plan.model import Health
from reconciler.problems import Problem, Severity

MAX_APPS = 200
MAX_PROBLEMS = 100
#: Objects named of a list that waits for an approval.
MAX_LISTED = 200
_MAX_MESSAGE = 1024
_MAX_SIGNERS = 8
#: Counts that don't come from apps.
_COUNTED_NOW = frozenset({"failedObjects", "drifted", "problems"})


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectFailure:
    """An object that could not be written or deleted: which, whose, and what the server or the policy said. A warning: it was not to be."""

    owner: str
    object: str
    code: str
    message: str
    severity: Severity = Severity.ERROR


@dataclass(frozen=True, slots=True)
class Drift:
    """How often an app's objects were found to differ since the agent started, and when last (RFC 3339)."""

    count: int
    last: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AppReport:
    """One app or bundle: `version` is what Git has, `released` what runs here; `artifact` is its verdict's status or empty,
    `code` why that is not Verified (docs/verification.md).

    `reason` (a state of rollout.Newest) and `held` say why the newest version is not released, or not verified again.
    `signers` are those whose signatures of the artifact counted.
    """

    name: str
    kind: str
    version: str
    artifact: str
    objects: int
    health: Health
    message: str = ""
    held: str = ""
    code: str = ""
    signers: tuple[str, ...] = ()
    released: str = ""
    reason: str = ""
    drift: Drift | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """Everything that status says. `stalled` names what a person must change before anything can go on, `suspended` what stops it.

    `unsigned` says why the newest commit is not taken where its signature is at fault, `signer` who has signed `commit_seen`.
    `waiting` is what would be pruned and needs an approval, `ending` how far a FleetSync that is being deleted has come.
    `left` are objects that differ and are left so, as asked for. `loaded` False: no commit has been read since this agent started, so nothing is
    known of the apps, and what status told of them last stays.
    """

    cluster: str
    generation: int
    handled_request: str
    commit_seen: str
    commit_applied: str
    source_error: str
    commit_refused: bool
    syncing: bool
    stalled: str
    suspended: str
    apps: tuple[AppReport, ...]
    problems: tuple[Problem, ...]
    failures: tuple[ObjectFailure, ...]
    loaded: bool = True
    repository_keys_only: bool = False
    unsigned: str = ""
    signer: str = ""
    waiting: tuple[Waiting, ...] = ()
    ending: str = ""
    left: tuple[ObjectFailure, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition, its transition time still open."""

    type: str
    status: str
    reason: str
    message: str


def status_of(report: Report, previous: Mapping[str, Any], now: str) -> dict[str, Any]:
    """Give the status to write. `now` (RFC 3339) is used only for conditions that changed, so an unchanged report gives equal bytes."""
    status: dict[str, Any] = {
        "observedGeneration": report.generation,
        "lastHandledRequest": report.handled_request,
        "cluster": report.cluster,
        "commit": {"seen": report.commit_seen, "applied": report.commit_applied},
        "counts": _counts(report),
        "apps": _apps(report.apps),
        "problems": _problems(report),
        "waiting": _waiting(report.waiting),
        "conditions": _timed(conditions(report), previous.get("conditions") or (), report.generation, now),
    }
    if not report.loaded and not report.ending and previous.get("cluster") == report.cluster:
        # Suspended, stalled or just started: what was told of the apps last stands until something is known.
        told = {name: count for name, count in (previous.get("counts") or {}).items() if name not in _COUNTED_NOW}
        status |= {"apps": previous.get("apps") or [], "counts": {**status["counts"], **told}}
    return status


def conditions(report: Report) -> tuple[Condition, ...]:
    """Give the conditions that hold, Ready first."""
    parts = [_source_ready(report), _valid(report), _verified(report), _healthy(report)]
    found = [_ready(report, parts), *parts]
    if report.syncing and not report.stalled:
        found.append(Condition("Reconciling", "True", "Progressing", "a commit is being applied"))
    if report.stalled:
        found.append(Condition("Stalled", "True", "InvalidSpec", report.stalled))
    return tuple(found)


def _ready(report: Report, parts: Sequence[Condition]) -> Condition:
    if report.stalled:
        return Condition("Ready", "False", "Stalled", report.stalled)
    if report.ending:
        why = "".join(f"; {each.object}: {each.message}" for each in report.failures[:1])
        return Condition("Ready", "False", "Deleting", f"{report.ending}{why}")
    if report.suspended:
        return Condition("Ready", "Unknown", "Suspended", f"{report.suspended}: nothing is synced or healed")
    if not report.commit_applied or not report.loaded:
        waiting = report.source_error or next(
            (part.message for part in parts if part.status == "False"), "no commit accepted yet"
        )
        return Condition("Ready", "False", "NotSynced", waiting)
    if report.failures:
        first = report.failures[0]
        return Condition(
            "Ready", "False", "ObjectsFailed", f"{len(report.failures)} objects failed; {first.object}: {first.message}"
        )
    if held := next((each for each in report.waiting if each.guarded), None):
        return Condition("Ready", "False", "PruneHeld", f"{held.reason}: see spinfleet approve prune")
    # The source is left out on purpose: Git being away stops new commits, nothing else.
    worst = next((part for part in parts[1:] if part.status == "False"), None)
    worst = worst or next((part for part in parts[1:] if part.status == "Unknown"), None)
    if worst is not None:
        return Condition("Ready", worst.status, worst.reason, worst.message)
    return Condition(
        "Ready", "True", "Synced", f"{len(report.apps)} apps and bundles run commit {report.commit_applied[:12]}"
    )


def _source_ready(report: Report) -> Condition:
    if report.source_error:
        return Condition("SourceReady", "False", "FetchFailed", report.source_error)
    if report.unsigned:
        stays = f"{report.commit_seen[:12] or 'nothing'} stays: "
        return Condition("SourceReady", "False", "NotSigned", f"{stays}{report.unsigned}")
    if not report.commit_seen:
        return Condition("SourceReady", "Unknown", "Progressing", "nothing fetched yet")
    signed = f", signed by {report.signer}" if report.signer else ""
    return Condition("SourceReady", "True", "Fetched", f"commit {report.commit_seen}{signed}")


def _valid(report: Report) -> Condition:
    errors = [problem for problem in report.problems if problem.severity is Severity.ERROR]
    if report.commit_refused:
        first = (
            str(next((error for error in errors if error.line is not None), errors[0]))
            if errors
            else "the commit is not valid"
        )
        return Condition(
            "Valid",
            "False",
            "CommitRefused",
            f"commit {report.commit_seen[:12]} is refused, {report.commit_applied[:12] or 'nothing'} stays: {first}",
        )
    if errors:
        return Condition("Valid", "False", "AppsInvalid", f"{len(errors)} errors; {errors[0]}")
    if not report.commit_seen:
        return Condition("Valid", "Unknown", "Progressing", "nothing fetched yet")
    return Condition("Valid", "True", "Valid", "every document is valid")


def _verified(report: Report) -> Condition:
    unverified = [app for app in report.apps if app.artifact not in {"", "Verified"}]
    if unverified:
        first = unverified[0]
        reason = "Refused" if any(app.artifact == "Refused" for app in unverified) else "Incomplete"
        return Condition(
            "Verified", "False", reason, f"{len(unverified)} apps wait for their artifact; {first.name}: {first.held}"
        )
    if report.repository_keys_only:
        message = (
            "every artifact that runs is verified, and signed by keys of the repository alone: the FleetSync names none"
        )
        return Condition("Verified", "True", "RepositoryKeysOnly", message)
    return Condition("Verified", "True", "Verified", "every artifact that runs is verified")


def _healthy(report: Report) -> Condition:
    failed = [app for app in report.apps if app.health is Health.FAILED]
    if failed:
        return Condition(
            "Healthy", "False", "Failed", f"{len(failed)} apps failed; {failed[0].name}: {failed[0].message}"
        )
    waiting = [app for app in report.apps if app.health is not Health.CURRENT]
    if waiting:
        return Condition(
            "Healthy",
            "Unknown",
            "Progressing",
            f"{len(waiting)} apps are not current; {waiting[0].name}: {waiting[0].message}",
        )
    return Condition("Healthy", "True", "Current", "every app is current")


def _timed(
    found: Sequence[Condition], previous: Sequence[Mapping[str, Any]], generation: int, now: str
) -> list[dict[str, Any]]:
    old = {condition["type"]: condition for condition in previous}
    timed = []
    for condition in found:
        before = old.get(condition.type)
        since = before["lastTransitionTime"] if before and before["status"] == condition.status else now
        timed.append(
            {
                "type": condition.type,
                "status": condition.status,
                "observedGeneration": generation,
                "lastTransitionTime": since,
                "reason": condition.reason,
                "message": _bounded(condition.message),
            }
        )
    return timed


def _counts(report: Report) -> dict[str, int]:
    by_health = Counter(app.health for app in report.apps)
    return {
        "apps": len(report.apps),
        "objects": sum(app.objects for app in report.apps),
        "held": sum(1 for app in report.apps if app.held),
        "failedObjects": len(report.failures),
        "drifted": sum(1 for each in report.left if each.code == "object.drifted"),
        "problems": len(report.problems),
        **{str(health): by_health.get(health, 0) for health in Health},
    }


def _apps(apps: Sequence[AppReport]) -> list[dict[str, Any]]:
    """List those that need attention first; within each part by name, so that the same state gives the same bytes."""
    ordered = sorted(apps, key=lambda app: (not app.held, app.health is Health.CURRENT, app.name))
    return [
        {
            "name": app.name,
            "kind": app.kind,
            "version": app.version,
            "released": app.released,
            "reason": app.reason,
            "artifact": app.artifact,
            **({"code": app.code} if app.code else {}),
            **({"signers": list(app.signers[:_MAX_SIGNERS])} if app.signers else {}),
            "objects": app.objects,
            "health": str(app.health),
            "message": _bounded(app.held or app.message),
            **({"drift": {"count": app.drift.count, "last": app.drift.last}} if app.drift is not None else {}),
        }
        for app in ordered[:MAX_APPS]
    ]


def _problems(report: Report) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = [
        {
            "code": failure.code,
            "severity": str(failure.severity),
            "app": failure.owner,
            "object": failure.object,
            "message": _bounded(failure.message),
        }
        for failure in (*report.failures, *report.left)
    ]
    for problem in report.problems:
        entry = {name: value for name, value in problem.to_json().items() if value not in (None, "")}
        listed.append({**entry, "message": _bounded(problem.message)})
    return listed[:MAX_PROBLEMS]


def _waiting(waiting: Sequence[Waiting]) -> list[dict[str, Any]]:
    """List what waits for an approval; a long list is cut, its count is whole."""
    return [
        {
            "reason": each.reason,
            "guarded": each.guarded,
            "digest": each.digest,
            "count": len(each.keys),
            "objects": [str(key) for key in each.keys[:MAX_LISTED]],
        }
        for each in waiting
    ]


def _bounded(text: str) -> str:
    return text if len(text) <= _MAX_MESSAGE else text[: _MAX_MESSAGE - 1] + "…"
