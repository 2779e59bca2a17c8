"""Warnings of what can't be checked since nothing here knows it: versions of Spin and Kubernetes, time zones; and of what stays unfilled."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from reconciler.artifact.worlds import known_releases
from reconciler.fleet.checks import NEED_SPIN
from reconciler.fleet.clusters import spin_version
from reconciler.fleet.doubtful import doubts
from reconciler.fleet.model import AppAssignment, Cluster, RolloutDefinition
from reconciler.fleet.variables import references
from reconciler.manifest.target import depends_on_spin
from reconciler.openapi.kinds import versions
from reconciler.problems import Problem, Severity
from reconciler.render.places import warning_at
from reconciler.schema_check import closest

_Told = tuple[str, str, str, str]


def cluster_warnings(clusters: Iterable[Cluster]) -> Iterator[Problem]:
    """Warn of what Cluster documents say that nothing here can be held against."""
    for cluster in clusters:
        told = (*_spin(cluster), *_kubernetes(cluster), *_variables(cluster), *doubts("Cluster", cluster.spec))
        for pointer, code, message, hint in told:
            yield _warning(cluster, f"/spec{pointer}", code, message, hint)


def zone_warnings(app: AppAssignment) -> Iterator[Problem]:
    """Warn of time zones of an app's job and of its schedule that no database here has."""
    zones = [("/job/timezone", (app.spec.get("job") or {}).get("timezone"))]
    for at, schedule in enumerate((app.spec.get("autoscaling") or {}).get("schedule") or ()):
        zones.append((f"/autoscaling/schedule/{at}/timezone", schedule.get("timezone")))
    for pointer, zone in zones:
        if isinstance(zone, str) and not _is_zone(zone):
            yield warning_at(app, pointer, *_of_zone(zone))


def unsaid_spin_warnings(app: AppAssignment, cluster: Cluster) -> Iterator[Problem]:
    """Warn where an app needs some version of Spin, and its cluster does not say which one it runs."""
    needs = [name for name in NEED_SPIN if app.spec.get(name)]
    if spin_version(cluster.spec) is None and (needs or depends_on_spin(app.application)):
        what = needs[0] if needs else "a field of its triggers"
        message = f"{what} needs some version of Spin, and cluster {cluster.name!r} does not say which one it runs: not checked"
        hint = f'write spin: "{known_releases()[-1]}", or shim, under spec in {cluster.path}'
        yield warning_at(app, f"/{needs[0]}" if needs else "", "target.no-spin", message, hint)


def rollout_warnings(rollouts: Iterable[RolloutDefinition]) -> Iterator[Problem]:
    """Warn of time zones of windows that no database here has."""
    for rollout in rollouts:
        windows = rollout.spec.get("windows")
        for at, window in enumerate(windows if isinstance(windows, list) else ()):
            zone = window.get("timezone") if isinstance(window, Mapping) else None
            if isinstance(zone, str) and not _is_zone(zone):
                yield _warning(rollout, f"/spec/windows/{at}/timezone", *_of_zone(zone))


def _spin(cluster: Cluster) -> Iterator[_Told]:
    version, known = spin_version(cluster.spec), known_releases()
    if version is not None and version not in known:
        message = (
            f"Spin {version} is not known here ({known[0]} to {known[-1]} are): what it brings or lacks is not checked"
        )
        yield "/spin", "cluster.spin", message, closest(version, known) or "update spinfleet, or correct the version"


def _kubernetes(cluster: Cluster) -> Iterator[_Told]:
    version, known = cluster.spec.get("kubernetes"), versions()
    if isinstance(version, str) and version not in known:
        message = f"Kubernetes {version} is not known here ({known[0]} to {known[-1]} are): objects are held against the nearest"
        hint = closest(version, known) or "update spinfleet, or ask the cluster itself: --cluster C --context K"
        yield "/kubernetes", "cluster.kubernetes", message, hint


def _variables(cluster: Cluster) -> Iterator[_Told]:
    variables = cluster.spec.get("variables")
    for pointer, text in references(variables if isinstance(variables, Mapping) else {}):
        message = f"{text[:80]!r} stays as it is: variables are not replaced in one another"
        yield f"/variables{pointer}", "cluster.variable", message, "write the whole value here, or both in the App"


def _of_zone(zone: str) -> tuple[str, str, str]:
    area = zone.partition("/")[0].lower()
    near = [each for each in sorted(zoneinfo.available_timezones()) if each.partition("/")[0].lower() == area]
    hint = closest(zone, near) or "as in Europe/Berlin: a name of the IANA database"
    return "fleet.time-zone", f"there is no time zone {zone[:80]!r} in the database here", hint


@cache
def _is_zone(name: str) -> bool:
    """Tell whether the database has a time zone; without a database none can be missed."""
    try:
        zoneinfo.ZoneInfo("UTC")
    except (zoneinfo.ZoneInfoNotFoundError, OSError):
        return True
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _warning(place: Cluster | RolloutDefinition, pointer: str, code: str, message: str, hint: str) -> Problem:
    found: Any = place.document.place(pointer) if place.document is not None else None
    line, column = found or (place.line, 1)
    return Problem(
        path=place.path,
        line=line,
        column=column,
        pointer=pointer,
        code=code,
        message=message,
        hint=hint,
        severity=Severity.WARNING,
    )
