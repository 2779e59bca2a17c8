"""What a reviewer should look at twice: a short list, each with its reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.check.artifacts import ArtifactChange
from reconciler.check.change import ClusterChange, Effect, UnitChange
from reconciler.check.review import Level, Review
from reconciler.check.units import Evaluated
from reconciler.fleet.artifact_reference import Reference, read
from reconciler.fleet.model import AppAssignment, Fleet
from reconciler.render.routes import routes_of

_REPLICAS = frozenset({"/spec/replicas", "/spec/minReplicas", "/spec/minReplicaCount", "/spec/replicas/min"})
#: A Namespace is as wide as what is in it, and the guard watches its end.
_NARROW = frozenset({("", "Namespace")})
_MOST_NAMES = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Risk:
    """One risk. `subject` is the app, bundle, cluster, rollout or fleet; `clusters` those that it is about, none for the fleet itself.

    `judged_by` says whose policy made `level` of it: `base`, `head`, `both` or `default`.
    """

    code: str
    level: Level
    reason: str
    subject: str
    clusters: tuple[str, ...] = ()
    path: str = ""
    line: int | None = None
    judged_by: str = "default"

    def to_json(self) -> dict[str, Any]:
        """Give the stable JSON form."""
        return {
            "code": self.code,
            "level": str(self.level),
            "reason": self.reason,
            "subject": self.subject,
            "clusters": list(self.clusters),
            "path": self.path,
            "line": self.line,
            "judgedBy": self.judged_by,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    code: str
    reason: str
    subject: str
    clusters: tuple[str, ...] = ()
    path: str = ""
    line: int | None = None


def risks(
    base: Fleet,
    head: Fleet,
    groups: Iterable[ClusterChange],
    units: Iterable[Evaluated],
    artifacts: Iterable[ArtifactChange],
    written: Callable[[str], str],
) -> tuple[Risk, ...]:
    """Give the risks of a change, the heaviest first, judged by the stricter of base's and head's policy."""
    review = Review(base.spec.get("review") or {}, head.spec.get("review") or {})
    found = [*_of_fleet(base, head, review), *_of_artifacts(artifacts), *_of_units(units, written)]
    groups = tuple(groups)
    found += [*_of_objects(groups), *_at_once(head, groups)]
    together: dict[tuple[str, str, str], list[_Found]] = {}
    for each in found:
        together.setdefault((each.code, each.subject, each.reason), []).append(each)
    judged = []
    for alike in together.values():
        first = alike[0]
        level, whose = review.level(first.code)
        clusters = tuple(sorted({name for each in alike for name in each.clusters}))
        judged.append(
            Risk(
                code=first.code, level=level, reason=first.reason, subject=first.subject, clusters=clusters,
                path=first.path, line=first.line, judged_by=whose,
            )
        )  # fmt: skip
    order = [Level.ERROR, Level.WARNING, Level.NOTE]
    return tuple(sorted(judged, key=lambda each: (order.index(each.level), each.code, each.subject, each.reason)))


def _of_fleet(base: Fleet, head: Fleet, review: Review) -> Iterator[_Found]:
    place: dict[str, Any] = {"subject": head.name, "path": head.path, "line": head.line}
    if base.signatures != head.signatures:
        yield _Found(code="signing", reason=_keys(base, head), **place)
    for name, default in _ARTIFACT_POLICY.items():
        before, after = ((fleet.spec.get("artifacts") or {}).get(name, default) for fleet in (base, head))
        if before != after:
            reason = f"spec.artifacts.{name} changes: {_short(before)} → {_short(after)}"
            yield _Found(code="signing", reason=reason, **place)
    if weakened := review.weakened():
        reason = f"spec.review takes {', '.join(weakened)} more lightly; base's word counts for this change"
        yield _Found(code="review-policy", reason=reason, **place)
    for name, before in (base.spec.get("prune") or {}).items():
        after = (head.spec.get("prune") or {}).get(name)
        if after is None or after > before:
            reason = f"the prune guard gets weaker: {name} {before} → {'none' if after is None else after}"
            yield _Found(code="prune-guard", reason=reason, **place)
    for name, cluster in head.clusters.items():
        was = base.clusters.get(name)
        keys = (was.spec.get("statusKey") if was is not None else None), cluster.spec.get("statusKey")
        if was is not None and keys[0] != keys[1]:
            reason = (
                f"another key signs what cluster {name!r} reports"
                if all(keys)
                else f"the key of what cluster {name!r} reports is {'added' if keys[1] else 'removed'}"
            )
            yield _Found(
                code="status-key", reason=reason, subject=name, clusters=(name,), path=cluster.path, line=cluster.line
            )
    for name, rollout in base.rollouts.items():
        now = head.rollouts.get(name)
        if now is None:
            yield _Found(code="rollout", reason=f"Rollout {name!r} is deleted", subject=name, path=rollout.path)
        elif now.spec != rollout.spec:
            reason = f"the stages or terms of Rollout {name!r} change"
            yield _Found(code="rollout", reason=reason, subject=name, path=now.path, line=now.line)


#: What else of Fleet.spec.artifacts decides which artifacts may run, with what counts where it is not set.
_ARTIFACT_POLICY: Mapping[str, Any] = {
    "requireDigest": True,
    "registries": None,
    "unsigned": "Deny",
    "undeclaredCapabilities": "Allow",
}


def _keys(base: Fleet, head: Fleet) -> str:
    before, after = ({(key.name, key.pem) for rule in each.signatures for key in rule.keys} for each in (base, head))
    told = [
        *(f"key {name!r} is added or replaced" for name, _ in sorted(after - before)),
        *(f"key {name!r} is gone or replaced" for name, _ in sorted(before - after)),
    ]
    return f"who may sign artifacts changes: {'; '.join(told) or 'the rules of spec.artifacts.signatures'}"


def _of_artifacts(artifacts: Iterable[ArtifactChange]) -> Iterator[_Found]:
    for each in artifacts:
        place: dict[str, Any] = {"subject": each.app, "clusters": each.clusters, "path": each.path}
        if each.wildcards:
            reason = f"{each.app} may reach hosts by a wildcard: {_listed(each.wildcards)}"
            yield _Found(code="wildcard-egress", reason=reason, **place)
        reference = read(each.head)
        if isinstance(reference, Reference) and not reference.digest:
            reason = f"{each.app} runs a tag that can be moved: {each.head}"
            yield _Found(code="unpinned-tag", reason=reason, **place)


def _of_units(units: Iterable[Evaluated], written: Callable[[str], str]) -> Iterator[_Found]:
    for each in units:
        change = each.change
        place: dict[str, Any] = {"subject": change.name, "clusters": each.clusters, "path": change.path}
        before, after = each.base.unit, each.head.unit
        if isinstance(before, AppAssignment) and (after is None or isinstance(after, AppAssignment)):
            gone = _routes(before) - (_routes(after) if isinstance(after, AppAssignment) else set())
            if gone:
                reason = f"{change.name} is no longer reached at {_listed(sorted(written(one) for one in gone))}"
                yield _Found(code="removed-route", reason=reason, **place)
        was, now = (getattr(unit, "spec", {}).get("rollout") for unit in (before, after))
        if was and after is not None and not now and not each.head.keeps:
            yield _Found(code="rollout", reason=f"{change.name} leaves Rollout {was!r}", **place)


def _routes(app: AppAssignment) -> set[str]:
    return {f"{each.host}{each.path}" for each in routes_of(app)}


def _of_objects(groups: Iterable[ClusterChange]) -> Iterator[_Found]:
    for group in groups:
        if group.guard.held:
            reason = f"the prune guard would hold this: {group.guard.held}"
            yield _Found(code="prune-guard", reason=reason, subject="clusters", clusters=group.clusters)
        if group.guard.protected:
            named = _listed([str(key) for key in group.guard.protected])
            reason = f"goes only with an approval that names it: {named}"
            yield _Found(code="prune-guard", reason=reason, subject="clusters", clusters=group.clusters)
        for unit in group.units:
            place: dict[str, Any] = {"subject": unit.name, "clusters": group.clusters, "path": unit.path}
            wide = [
                each for each in unit.objects
                if not each.key.namespace and (each.key.group, each.key.kind) not in _NARROW
            ]  # fmt: skip
            if wide:
                told = _listed([f"{each.key} ({each.effect})" for each in wide])
                yield _Found(code="cluster-scoped", reason=f"objects without a namespace change: {told}", **place)
            for each in unit.objects:
                if each.effect is Effect.CONFIGURED and any(
                    one.pointer in _REPLICAS and one.desired == 0 and one.live != 0 for one in each.fields
                ):
                    yield _Found(code="replicas-to-zero", reason=f"{each.key} may go down to no replica", **place)


def _at_once(head: Fleet, groups: Iterable[ClusterChange]) -> Iterator[_Found]:
    found: dict[str, tuple[UnitChange, set[str]]] = {}
    for group in groups:
        for unit in group.units:
            # What Spinfleet writes for itself alone moves no pod.
            moved = any(each.fields or each.effect in {Effect.CREATED, Effect.PRUNED} for each in unit.objects)
            if moved and unit.path and not unit.rollout:
                found.setdefault(unit.name, (unit, set()))[1].update(group.clusters)
    for name, (unit, clusters) in found.items():
        if len(clusters) > 1 and clusters >= head.clusters.keys():
            reason = f"{name} changes on all {len(clusters)} clusters at once: it has no rollout"
            yield _Found(
                code="all-at-once", reason=reason, subject=name, clusters=tuple(sorted(clusters)), path=unit.path
            )


def _listed(values: Iterable[str]) -> str:
    values = list(values)
    more = f" and {len(values) - _MOST_NAMES} more" if len(values) > _MOST_NAMES else ""
    return f"{', '.join(values[:_MOST_NAMES])}{more}"


def _short(value: Any) -> str:
    return "unset" if value is None else str(value)
