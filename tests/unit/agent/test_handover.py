"""Holding the number of pods for an autoscaler: what is asked for, and when the account may not."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest

from reconciler.agent.attempts import RefusedError
from reconciler.agent.desired import desired
from reconciler.agent.handover import keep_replicas
from reconciler.errors import ClusterError
from reconciler.plan.model import ObjectKey

_FIELDS = {"f:spec": {"f:replicas": {}}}


class _Workloads:
    """Live objects by kind, and what is applied; reading a kind in `forbidden` is refused."""

    def __init__(self, live: dict[str, Any], forbidden: str = "") -> None:
        self.live_objects, self.forbidden, self.applied = live, forbidden, list[Any]()
        self.identity = SimpleNamespace(manager="spinfleet-x")
        self.discovery = SimpleNamespace(find=lambda _group, kind, _version: kind)

    async def live(self, key: ObjectKey, _resource: Any) -> Any:
        if key.kind == self.forbidden:
            raise ClusterError("deployments.apps is forbidden", status=403, reason="Forbidden")
        return self.live_objects.get(key.kind)

    async def apply(self, key: ObjectKey, _resource: Any, body: bytes, *, force: bool, manager: str) -> None:
        self.applied.append((key.kind, json.loads(body)["spec"], force, manager))


def _object(kind: str, **spec: Any) -> dict[str, Any]:
    version = "core.spinkube.dev/v1alpha1" if kind == "SpinApp" else "apps/v1"
    managed = [{"manager": "spin-operator", "operation": "Apply", "fieldsV1": _FIELDS}]
    metadata = {"name": "shop", "namespace": "apps", "uid": "u", "managedFields": managed}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def _keep(workloads: Any, kind: str = "SpinApp") -> Any:
    wanted = desired(_object(kind, enableAutoscaling=True), "shop", autoscaled=True)
    asyncio.run(keep_replicas(workloads, wanted, kind))  # type: ignore[arg-type]
    return workloads.applied


def test_the_number_of_a_spinapps_deployment_is_held_before_the_operator_lets_go_of_it() -> None:
    live = {"SpinApp": _object("SpinApp", replicas=3), "Deployment": _object("Deployment", replicas=3)}
    assert _keep(_Workloads(live)) == [("Deployment", {"replicas": 3}, False, "spinfleet-x-replicas")]


def test_nothing_is_held_of_an_app_that_is_autoscaled_already_or_has_no_deployment() -> None:
    autoscaled = {
        "SpinApp": _object("SpinApp", enableAutoscaling=True),
        "Deployment": _object("Deployment", replicas=3),
    }
    assert _keep(_Workloads(autoscaled)) == []
    assert _keep(_Workloads({"SpinApp": _object("SpinApp", replicas=3)})) == []
    assert _keep(_Workloads({})) == []


def test_a_workload_of_a_bundle_is_held_itself() -> None:
    held = _keep(_Workloads({"StatefulSet": _object("StatefulSet", replicas=2)}), "StatefulSet")
    assert held == [("StatefulSet", {"replicas": 2}, False, "spinfleet-x-replicas")]


def test_an_account_that_may_not_look_at_deployments_leaves_the_app_as_it_was() -> None:
    live = {"SpinApp": _object("SpinApp", replicas=3)}
    with pytest.raises(RefusedError, match="forbidden") as refused:
        _keep(_Workloads(live, forbidden="Deployment"))
    assert refused.value.code == "object.replicas"
