"""Whether a Namespace or a definition that is to be deleted holds objects of others, which would go with it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from reconciler.agent.workloads import Workloads
from reconciler.cluster.answers import FORBIDDEN, NOT_ALLOWED
from reconciler.cluster.discovery import Resource
from reconciler.errors import ClusterError
from reconciler.plan.membership import is_controlled
from reconciler.plan.model import ObjectKey

_NAMESPACE, _CRD = ("", "Namespace"), ("apiextensions.k8s.io", "CustomResourceDefinition")
#: What Kubernetes' own controllers put into every namespace, and what only reports on other objects.
_OF_EVERY_NAMESPACE = frozenset({("", "ConfigMap", "kube-root-ca.crt"), ("", "ServiceAccount", "default")})
_REPORTS = frozenset(
    {("", "Event"), ("events.k8s.io", "Event"), ("", "Endpoints"), ("discovery.k8s.io", "EndpointSlice")}
)
_REPORTING_GROUPS = frozenset({"metrics.k8s.io", "custom.metrics.k8s.io", "external.metrics.k8s.io"})
_NAMED = 5

#: An object by its identity, and its metadata as read.
Found = tuple[ObjectKey, Mapping[str, Any]]


async def why_not_empty(workloads: Workloads, key: ObjectKey, live: Mapping[str, Any]) -> str:
    """Say what keeps a Namespace or CustomResourceDefinition from being deleted; empty where nothing of anybody's would go with it.

    What the account may not list counts as something. Raises ClusterError and UnavailableError.
    """
    if (key.group, key.kind) not in {_NAMESPACE, _CRD}:
        return ""
    await workloads.rediscover()  # a kind that came a moment ago may have objects there
    if (key.group, key.kind) == _NAMESPACE:
        if not workloads.discovery.complete:
            return f"what is in it can't be told: no answer for {', '.join(sorted(workloads.discovery.failed))}"
        found, hidden = await objects_in(workloads, key.name)
        if not found and hidden:
            return f"whether it is empty can't be told: the account may not list {some(hidden)}"
        return _holds(found)
    resource = workloads.discovery.find(live["spec"]["group"], live["spec"]["names"]["kind"])
    if resource is None:
        return "its kind is not served, so that its objects can't be seen"
    return _holds(await _objects(workloads, resource, ""))


async def objects_in(workloads: Workloads, namespace: str) -> tuple[list[Found], list[str]]:
    """Give what stands for itself in a namespace, and the resources that the account may not list there.

    Left out are what every namespace has, what reports on other objects, and what a controller made: that goes with the object it
    was made for, which is seen as well. Raises ClusterError and UnavailableError.
    """
    resources = [
        served[0]
        for served in workloads.discovery.resources.values()
        if served[0].namespaced
        and "list" in served[0].verbs
        and (served[0].group, served[0].kind) not in _REPORTS
        and served[0].group not in _REPORTING_GROUPS
    ]
    answers = await asyncio.gather(*(_objects_or_refusal(workloads, each, namespace) for each in resources))
    found, hidden = list[Found](), list[str]()
    for resource, answer in zip(resources, answers, strict=True):
        if answer is None:
            hidden.append(f"{resource.plural}.{resource.group}".rstrip("."))
        else:
            found += [each for each in answer if (each[0].group, each[0].kind, each[0].name) not in _OF_EVERY_NAMESPACE]
    return found, hidden


def some(names: list[str]) -> str:
    """Give the first few of some names, sorted, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(sorted(names)[:_NAMED]) + more


async def _objects_or_refusal(workloads: Workloads, resource: Resource, namespace: str) -> list[Found] | None:
    try:
        return await _objects(workloads, resource, namespace)
    except ClusterError as error:
        if error.status == NOT_ALLOWED:
            return []  # nothing of this kind is kept
        if error.status == FORBIDDEN:
            return None
        raise


async def _objects(workloads: Workloads, resource: Resource, namespace: str) -> list[Found]:
    listed = await workloads.metadata(resource, namespace)
    return [
        (
            ObjectKey(resource.group, resource.kind, item["metadata"].get("namespace", ""), item["metadata"]["name"]),
            item,
        )
        for item in listed.items
        if not is_controlled(item)
    ]


def _holds(found: list[Found]) -> str:
    return f"it still holds {some([str(key) for key, _ in found])}" if found else ""
