from __future__ import annotations

import pytest

from reconciler.plan.order import rank, rank_of, removal_rank_of

#: From what others need to what points at them (spinkube.md's and the API's order).
_ORDER = [
    [("", "Namespace"), ("apiextensions.k8s.io", "CustomResourceDefinition")],
    [("", "Secret"), ("", "ConfigMap"), ("", "ServiceAccount"), ("node.k8s.io", "RuntimeClass"), ("rbac.authorization.k8s.io", "Role")],
    [("rbac.authorization.k8s.io", "RoleBinding"), ("networking.k8s.io", "NetworkPolicy")],
    [("core.spinkube.dev", "SpinAppExecutor")],
    [("core.spinkube.dev", "SpinApp"), ("apps", "Deployment"), ("batch", "Job"), ("example.com", "Anything")],
    [("autoscaling", "HorizontalPodAutoscaler"), ("keda.sh", "ScaledObject"), ("networking.k8s.io", "Ingress"),
     ("gateway.networking.k8s.io", "HTTPRoute"), ("policy", "PodDisruptionBudget")],
    [("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"), ("admissionregistration.k8s.io", "MutatingWebhookConfiguration")],
]  # fmt: skip


@pytest.mark.parametrize("wave", range(len(_ORDER) - 1))
def test_each_wave_stands_before_the_next(wave: int) -> None:
    assert max(rank_of(*kind) for kind in _ORDER[wave]) < min(rank_of(*kind) for kind in _ORDER[wave + 1])


def test_a_kind_of_another_group_is_not_taken_for_a_built_in_one() -> None:
    assert rank_of("example.com", "Namespace") == rank_of("apps", "Deployment")


def test_the_version_of_a_group_does_not_matter() -> None:
    assert rank({"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject"}) == rank_of("keda.sh", "ScaledObject")


def test_objects_of_custom_kinds_go_before_the_workloads_that_may_have_to_see_them_off() -> None:
    spinapp, deployment = removal_rank_of("core.spinkube.dev", "SpinApp"), removal_rank_of("apps", "Deployment")
    webhook = removal_rank_of("admissionregistration.k8s.io", "ValidatingWebhookConfiguration")
    definition = removal_rank_of("apiextensions.k8s.io", "CustomResourceDefinition")
    assert webhook > spinapp > deployment > removal_rank_of("", "ServiceAccount") > definition
    assert removal_rank_of("", "Pod") == removal_rank_of("batch", "Job") == deployment
