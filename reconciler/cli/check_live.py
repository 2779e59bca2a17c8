"""What clusters do right now: the FleetSyncs of the contexts that `spinfleet check --live` names, read and never written."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.check.live import Live, LiveCluster, applied, live_cluster
from reconciler.errors import ClusterError, InputError, UnavailableError

if TYPE_CHECKING:
    from reconciler.check.change_report import ChangeReport
    from reconciler.cluster.connection import Connection

_AT_ONCE = 8
#: No cluster is waited for longer.
_SECONDS = 30.0
_LONGEST = 300
#: What may stand behind a context. Names of contexts may look the same (`arn:aws:eks:eu-west-1:111122223333:cluster/name`).
_PLACE = re.compile(r"(?P<context>.+):(?P<namespace>[a-z0-9-]{1,63})/(?P<name>[a-z0-9.-]{1,253})")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Asked:
    """A cluster of the fleet, and how it is reached: `CONTEXT` or `CONTEXT:NAMESPACE/NAME`."""

    cluster: str
    place: str


def asked(values: Sequence[str]) -> tuple[Asked, ...]:
    """Read CLUSTER=CONTEXT[:NAMESPACE/NAME]. Raises BadParameter."""
    found = []
    for value in dict.fromkeys(values):
        cluster, _, place = value.partition("=")
        if not cluster or not place:
            raise click.BadParameter(
                f"{value!r}: write CLUSTER=CONTEXT, or CLUSTER=CONTEXT:NAMESPACE/NAME", param_hint="--live"
            )
        found.append(Asked(cluster, place))
    return tuple(found)


def with_live(
    report: ChangeReport,
    path: Path,
    wanted: Sequence[Asked],
    kubeconfig: Path | None,
    seconds: float,
    *,
    required: bool,
) -> ChangeReport:
    """Give the report with what the clusters say. What can't be read is told in it. Raises InputError where the fleet has no such cluster."""
    names = {name for fleet in report.fleets for name in fleet.clusters}
    if names:
        _known(wanted, names)
    found = asyncio.run(_all(wanted, kubeconfig, path, report.base, min(seconds, _SECONDS)))
    ordered = tuple(sorted(found, key=lambda each: (each.cluster, each.fleetsync, each.unread)))
    head = report.fleets[1].clusters if report.fleets else {}
    left = len(head.keys() - {each.cluster for each in wanted})
    return replace(report, live=Live(clusters=ordered, not_asked=left, required=required))


def _known(wanted: Sequence[Asked], names: set[str]) -> None:
    from reconciler.schema_check import closest

    for each in wanted:
        if each.cluster not in names:
            hint = closest(each.cluster, sorted(names)) or "name a cluster of the fleet: --live CLUSTER=CONTEXT"
            raise InputError(
                f"--live: the fleet has no cluster {each.cluster!r}, neither in base nor in head", hint=hint
            )


async def _all(
    wanted: Sequence[Asked], kubeconfig: Path | None, path: Path, base: str, seconds: float
) -> list[LiveCluster]:
    limit = asyncio.Semaphore(_AT_ONCE)

    async def one(each: Asked) -> list[LiveCluster]:
        async with limit:
            try:
                async with asyncio.timeout(max(seconds, 0.0)):
                    found = await _fleetsyncs(each, kubeconfig)
            except TimeoutError:
                return [_unread(each, "it did not answer in time")]
            except (ClusterError, UnavailableError) as error:
                return [_unread(each, error.message)]
            except InputError as error:
                return [_unread(each, error.message)]
        return list(_judged(each, found, path, base))

    return [each for some in await asyncio.gather(*map(one, wanted)) for each in some]


def _judged(each: Asked, found: Sequence[Mapping[str, Any]], path: Path, base: str) -> Iterator[LiveCluster]:
    from reconciler.agent.fleetsync import suspended_apps
    from reconciler.git.ancestry import distance

    for fleetsync in found:
        commit = applied(fleetsync)
        known = distance(path, commit, base) if _COMMIT.fullmatch(commit) else None
        annotations = fleetsync["metadata"].get("annotations") or {}
        yield live_cluster(each.cluster, fleetsync, base, known, suspended_apps(annotations))


async def _fleetsyncs(each: Asked, kubeconfig: Path | None) -> Sequence[Mapping[str, Any]]:
    """Give the FleetSyncs of a cluster: the one that is named, else all that say they are of it. Raises InputError where none is."""
    from reconciler.cli.connected import fleetsync_resource
    from reconciler.cluster.connection import Connection
    from reconciler.cluster.credentials import contexts
    from reconciler.cluster.read import get, list_objects

    context, named = each.place, _PLACE.fullmatch(each.place)
    if named is not None and each.place not in contexts(kubeconfig):
        context = named["context"]
    else:
        named = None
    connection: Connection
    async with await Connection.open(kubeconfig, context) as connection:
        resource = await fleetsync_resource(connection)
        if named is None:
            items = (await list_objects(connection, resource)).items
            found = [item for item in items if item["spec"]["cluster"] == each.cluster]
            if not found:
                raise InputError(f"no FleetSync of context {context!r} is of cluster {each.cluster!r}")
            return found
        one = await get(connection, resource, namespace=named["namespace"], name=named["name"])
    if one["spec"]["cluster"] != each.cluster:
        raise InputError(f"FleetSync {named['namespace']}/{named['name']} is of cluster {one['spec']['cluster']!r}")
    return [one]


def _unread(each: Asked, why: str) -> LiveCluster:
    return LiveCluster(cluster=each.cluster, unread=why[:_LONGEST])
