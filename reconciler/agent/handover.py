"""The number of a workload's pods, held while it goes from us or from SpinKube's operator to an autoscaler."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from reconciler.agent.attempts import RefusedError
from reconciler.agent.desired import Desired
from reconciler.agent.workloads import Workloads
from reconciler.cluster.answers import FORBIDDEN
from reconciler.cluster.discovery import Resource
from reconciler.errors import ClusterError
from reconciler.plan.model import ObjectKey
from reconciler.plan.replicas import hold


async def keep_replicas(workloads: Workloads, wanted: Desired, resource: Resource) -> None:
    """Hold the number of pods of what is there before a write that leaves it to an autoscaler; do nothing before others.

    It is held under a field manager of its own, which has no other field: the autoscaler's first change takes it over. Raises
    RefusedError where the FleetSync's account may not do that, for the pods would fall to one.
    """
    if not wanted.autoscaled:
        return
    try:
        found = await _about_to_let_go(workloads, wanted, resource)
        if found is None:
            return
        key, workload, live = found
        manager = f"{workloads.identity.manager}-replicas"
        body = hold(live, manager)
        if body is not None:
            await workloads.apply(key, workload, json.dumps(body).encode(), force=False, manager=manager)
    except ClusterError as error:
        if error.status != FORBIDDEN:
            raise
        message = f"its pods would fall to one while their number goes over to the autoscaler, and it can't be held: {error.message}"
        raise RefusedError("object.replicas", message) from error


async def _about_to_let_go(
    workloads: Workloads, wanted: Desired, resource: Resource
) -> tuple[ObjectKey, Resource, Mapping[str, Any]] | None:
    """Give the live workload whose number the write lets go of; None where it does not."""
    live = await workloads.live(wanted.key, resource)
    if live is None:
        return None
    if wanted.key.kind != "SpinApp":
        return wanted.key, resource, live
    if live["spec"].get("enableAutoscaling") is True:
        return None
    key = ObjectKey("apps", "Deployment", wanted.key.namespace, wanted.key.name)
    deployments = workloads.discovery.find(key.group, key.kind, "apps/v1")
    deployment = await workloads.live(key, deployments) if deployments is not None else None
    return (key, deployments, deployment) if deployments is not None and deployment is not None else None
