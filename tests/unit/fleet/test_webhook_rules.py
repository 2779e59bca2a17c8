"""Every rule of SpinKube's webhooks and operator: the App that would break it is told at its field, before any cluster is asked."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.fleet import assign
from reconciler.fleet.model import Withheld

_DENSE = "executors: {dense: {createDeployment: false}}"
_CRASHING = """apiVersion: core.spinkube.dev/v1alpha1
kind: SpinAppExecutor
metadata: {name: broken, namespace: default}
spec: {createDeployment: true}
"""


def _told(make: Any, spec: str, fleet: str = "", name: str = "shop") -> list[str]:
    """Give where errors of an app are told: pointers."""
    files = {"fleet.yaml": make.document("Fleet", "acme", fleet), "shop/app.yaml": make.app(name, spec)}
    loaded = make.load(files)
    assert loaded.fleet is not None, [str(problem) for problem in loaded.problems]
    unit = assign(loaded.fleet, "eu").units[name]
    if not isinstance(unit, Withheld):
        return []
    return [problem.pointer for problem in unit.problems if problem.severity == "error"]


@pytest.mark.parametrize(
    ("rule", "spec", "fleet", "pointer"),
    [
        ("an executor that is not in the namespace", "executor: nobody", "", "/spec/executor"),
        ("replicas with autoscaling", "replicas: 2\nautoscaling: {type: HPA, max: 3, cpu: 50}\nresources: {requests: {cpu: 1}}", "", "/spec/replicas"),
        ("no replicas without autoscaling", "replicas: 0", "", "/spec/replicas"),
        ("podAnnotations without a Deployment", "executor: dense\npodAnnotations: {a: b}", _DENSE, "/spec/podAnnotations"),
        ("deploymentAnnotations without one", "executor: dense\ndeploymentAnnotations: {a: b}", _DENSE, "/spec/deploymentAnnotations"),
        ("a memory limit that is no quantity", "invocationLimits: {memory: lots}", "", "/spec/invocationLimits/memory"),
        ("above the memory limit", "invocationLimits: {memory: 2Gi}\nresources: {limits: {memory: 1Gi}}", "", "/spec/invocationLimits/memory"),
        ("above the request where there is no limit", "invocationLimits: {memory: 2Gi}\nresources: {requests: {memory: 1Gi}}", "", "/spec/invocationLimits/memory"),
        ("a probe without a path", "checks: {liveness: {periodSeconds: 3}}", "", "/spec/checks/liveness"),
        ("a volume name of SpinKube's own", "volumes: [{name: spin-x}]", "", "/spec/volumes/0/name"),
        ("loadFromSecret beside what it hides", "runtimeConfig: {loadFromSecret: s, llmCompute: {type: spin}}", "", "/spec/runtimeConfig"),
        ("no component at all", "components: []", "", "/spec/components"),
        ("a label of the operator's own", "podLabels: {core.spinkube.dev/app-name: x}", "", "/spec/podLabels/core.spinkube.dev~1app-name"),
    ],
)  # fmt: skip
def test_an_app_that_would_be_refused_is_told_at_its_field(
    make: Any, rule: str, spec: str, fleet: str, pointer: str
) -> None:
    assert _told(make, spec, fleet) == [pointer], rule


@pytest.mark.parametrize("name", ["a" * 53, "1shop", "shop-", "Shop"])
def test_so_is_a_name_that_does_not_fit_into_the_operators_labels(make: Any, name: str) -> None:
    pointers = _told(make, "", name=name) if name.islower() else ["/metadata/name"]
    assert "/metadata/name" in pointers


def test_an_executor_by_which_the_operator_would_crash_is_an_error_of_its_bundle(make: Any) -> None:
    files = {"b.yaml": make.document("Bundle", "b", "path: b"), "b/e.yaml": _CRASHING}
    assert any("crashes" in problem.message for problem in make.load(files).problems)


@pytest.mark.parametrize(
    ("spec", "fleet"),
    [
        ("invocationLimits: {memory: 1Gi}\nresources: {limits: {memory: 1Gi}, requests: {memory: 64Mi}}", ""),
        ("invocationLimits: {memory: 1Gi}", ""),
        ("executor: dense\nserviceAnnotations: {a: b}", _DENSE),
        ("autoscaling: {type: HPA, max: 3, cpu: 50}\nresources: {requests: {cpu: 1}}", "defaults: {replicas: 2}"),
    ],
)
def test_what_the_webhooks_take_is_taken(make: Any, spec: str, fleet: str) -> None:
    assert _told(make, spec, fleet) == []
