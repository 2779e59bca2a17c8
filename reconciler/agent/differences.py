"""What a sync of an assignment would do to a live cluster, put together from what the agent itself uses, and with nothing written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.agent.decryption import Decryption
from reconciler.agent.desired import Desired, desired
from reconciler.agent.fleetsync import FleetSync, parse
from reconciler.agent.identity import PARENT_KIND, Identity
from reconciler.agent.leadership import Alone
from reconciler.agent.parent import known_extent
from reconciler.agent.policy import left_to_others
from reconciler.agent.previewing import Previewer
from reconciler.agent.sending import Sender
from reconciler.agent.surveying import ANY, Survey, survey
from reconciler.agent.workloads import Workloads
from reconciler.cluster.answers import FORBIDDEN, NOT_FOUND
from reconciler.cluster.connection import Connection
from reconciler.cluster.discovery import Served
from reconciler.cluster.flow import Limiter
from reconciler.cluster.read import get
from reconciler.errors import ClusterError
from reconciler.fleet.model import API_GROUP, Assignment, Withheld
from reconciler.plan.adoption import NEVER, annotation_of
from reconciler.plan.drift import drift_policy, unmarked
from reconciler.plan.membership import Extent, applyset_id, field_manager
from reconciler.plan.model import Action, Foreseen, ObjectKey, Step
from reconciler.plan.plan import Plan, Wish, plan
from reconciler.plan.prepare import prepare, scaled_workload, scaled_workloads
from reconciler.plan.replicas import is_autoscaled
from reconciler.plan.scope import in_scope
from reconciler.render import render
from reconciler.render.model import APP_ANNOTATION, SHARED


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Whose sync it would be: the FleetSync's namespace and name, as whom the cluster is asked (empty: as oneself), and how many requests at once."""

    namespace: str
    name: str
    user: str
    at_once: int
    agent_namespace: str


async def differences(
    connection: Connection, assignment: Assignment, place: Place
) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """Give the steps of a sync, those that are `unchanged` too, and what is to be said of them as a whole.

    What can't be found out is a step `unknown`. Raises UnavailableError, and ClusterError where the FleetSync can't be read.
    """
    served = await Served.ask(connection)
    workloads = Workloads(
        connection=connection,
        identity=_identity(place),
        served=served,
        slots=Limiter(start=place.at_once, highest=place.at_once).share(),
        leadership=Alone(),
    )
    sync = await _fleetsync(workloads, place)
    extent = known_extent(sync) if sync is not None else Extent()
    withheld = frozenset(unit.name for unit in assignment.units.values() if isinstance(unit, Withheld))
    namespaces = {place.namespace, *extent.namespaces}
    first = tuple(_wanted(assignment, workloads, sync, frozenset()))
    found = await survey(workloads, extent, namespaces, first)
    wanted = tuple(_wanted(assignment, workloads, sync, _kept_scaled(found.live.values(), withheld)))
    sender = Sender(workloads=workloads, decryption=Decryption(connection=connection, namespace="", secret=""))
    previewer = Previewer(sender=sender, sync=sync, agent_namespace=place.agent_namespace)
    foreseen = await previewer.foresee((item for item in wanted if item.key not in found.unread), found.live)
    planned = _plan(wanted, found, foreseen, workloads.identity, sync, withheld)
    return (*planned.steps, *_unlisted(found)), tuple(_notes(sync))


def _identity(place: Place) -> Identity:
    parent = (place.name, place.namespace, PARENT_KIND, API_GROUP)
    return Identity(applyset=applyset_id(*parent), manager=field_manager(*parent), user=place.user)


async def _fleetsync(workloads: Workloads, place: Place) -> FleetSync | None:
    """Give the FleetSync; None where there is none yet. It is read as oneself: the account of workloads has no right to it."""
    resource = workloads.discovery.find(API_GROUP, PARENT_KIND)
    if resource is None:
        return None
    try:
        return parse(await get(workloads.connection, resource, namespace=place.namespace, name=place.name))
    except ClusterError as error:
        if error.status == NOT_FOUND:
            return None
        if error.status == FORBIDDEN:
            error.hint = "the FleetSync says what its repository may write, and what it has written: ask for the right to read it"
        raise


def _wanted(
    assignment: Assignment, workloads: Workloads, sync: FleetSync | None, kept: frozenset[ObjectKey]
) -> Iterator[Desired]:
    """Give what the assignment wants, as the agent would send it. `kept` are workloads that a live autoscaler targets which stays."""
    discovery, applyset = workloads.discovery, workloads.identity.applyset
    placed = []
    for each in render(assignment).values():
        objects, _ = in_scope(each.objects, each.defaulted, discovery.is_namespaced)
        placed.append((each, objects))
    scaled = kept.union(*(scaled_workloads(objects.values()) for _, objects in placed))
    for each, objects in placed:
        unit = assignment.units.get(each.name)
        spec = unit.spec if unit is not None and not isinstance(unit, Withheld) else {}
        for key, obj in objects.items():
            if each.name == SHARED and sync is not None and left_to_others(sync, key):
                continue
            yield desired(
                prepare(obj, applyset, scaled),
                each.name,
                each.sealed.get(key),
                adoption=annotation_of(obj) or str(spec.get("adoption") or ""),
                drift=drift_policy(spec, key),
                autoscaled=is_autoscaled(obj, scaled),
            )


def _kept_scaled(live: Iterable[Mapping[str, Any]], withheld: frozenset[str]) -> frozenset[ObjectKey]:
    """Give the workloads that live autoscalers of withheld apps target: those keep what they have."""
    kept = (obj for obj in live if (obj["metadata"].get("annotations") or {}).get(APP_ANNOTATION) in withheld)
    return frozenset(workload for obj in kept if (workload := scaled_workload(obj)) is not None)


def _plan(
    wanted: Iterable[Desired],
    found: Survey,
    foreseen: Mapping[ObjectKey, Foreseen],
    identity: Identity,
    sync: FleetSync | None,
    withheld: frozenset[str],
) -> Plan:
    items = tuple(wanted)
    unread = {key: Foreseen(unknown=reason) for key, reason in found.unread.items()}
    return plan(
        (unmarked(item.object(), item.drift) for item in items),
        found.live,
        applyset=identity.applyset,
        withheld=withheld,
        manager=identity.manager,
        wishes={
            item.key: Wish(adoption=item.adoption, drift=item.drift, shared=item.owner == SHARED) for item in items
        },
        foreseen={**foreseen, **unread},
        adoption=sync.policy.adoption if sync is not None else NEVER,
        prunes=sync is None or sync.prune,
    )


def _unlisted(found: Survey) -> Iterator[Step]:
    for key, reason in sorted(found.unread.items()):
        if key.name == ANY:
            yield Step(action=Action.UNKNOWN, key=key, owner="", reason=reason)


def _notes(sync: FleetSync | None) -> Iterator[str]:
    if sync is None:
        yield "there is no such FleetSync yet: what its policy would refuse is not known"
        return
    if sync.suspend:
        yield "the FleetSync is suspended: nothing of this is done before spinfleet resume"
    if sync.suspended_apps:
        yield f"suspended here, and left as they are: {', '.join(sorted(sync.suspended_apps))}"
