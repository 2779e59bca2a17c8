from __future__ import annotations

from typing import Any

import pytest

from reconciler.plan.model import ObjectKey
from reconciler.plan.prepare import prepare, scaled_workloads

_PART_OF = "applyset.kubernetes.io/part-of"


def _object(kind: str, api: str = "v1", **fields: Any) -> dict[str, Any]:
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": {"name": "x", "namespace": "n", "labels": {"a": "b"}},
        **fields,
    }


def test_the_membership_label_joins_the_others() -> None:
    assert prepare(_object("ConfigMap"), "set")["metadata"]["labels"] == {"a": "b", _PART_OF: "set"}


def test_the_given_object_is_left_as_it_was() -> None:
    secret = _object("Secret", stringData={"k": "v"})
    prepare(secret, "set")
    assert secret == _object("Secret", stringData={"k": "v"})


def test_string_data_is_sent_as_data_and_wins_over_it() -> None:
    sent = prepare(_object("Secret", data={"k": "b2xk", "other": "eA=="}, stringData={"k": "new"}), "set")
    assert sent["data"] == {"k": "bmV3", "other": "eA=="}
    assert "stringData" not in sent


def test_replicas_are_not_sent_where_a_scaler_has_them() -> None:
    scaler = _object(
        "HorizontalPodAutoscaler",
        "autoscaling/v2",
        spec={"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"}},
    )
    scaled = scaled_workloads([scaler])
    assert scaled == {ObjectKey("apps", "Deployment", "n", "x")}
    deployment = _object("Deployment", "apps/v1", spec={"replicas": 3, "paused": False})
    assert prepare(deployment, "set", scaled)["spec"] == {"paused": False}
    assert prepare(deployment, "set")["spec"]["replicas"] == 3


def test_a_scaled_object_means_a_deployment_where_it_names_no_kind() -> None:
    scaler = _object("ScaledObject", "keda.sh/v1alpha1", spec={"scaleTargetRef": {"name": "y"}})
    assert scaled_workloads([scaler]) == {ObjectKey("apps", "Deployment", "n", "y")}


@pytest.mark.parametrize("odd", [5, "x", ["a"], [{}], None])
def test_what_is_of_another_shape_is_sent_as_it_stands(odd: Any) -> None:
    assert prepare(_object("Secret", stringData=odd), "set").get("stringData") == odd
    assert prepare(_object("Secret", data=odd, stringData={"k": "v"}), "set")["data"] == {"k": "dg=="}
    scaler = _object("HorizontalPodAutoscaler", "autoscaling/v2", spec={"scaleTargetRef": odd})
    assert scaled_workloads([scaler, {**scaler, "spec": odd}]) == {ObjectKey("apps", "Deployment", "n", "")}
    workload = _object("Deployment", "apps/v1", spec=odd)
    assert prepare(workload, "set", frozenset({ObjectKey("apps", "Deployment", "n", "x")}))["spec"] == odd
