from __future__ import annotations

from typing import Any

import pytest

from reconciler.fleet import assign
from reconciler.fleet.model import AppAssignment, Withheld

_SHIM = """apiVersion: runtime.spinkube.dev/v1alpha1
kind: Shim
metadata: {name: spin-v2}
spec:
  fetchStrategy: {anonHttp: {location: "https://example.com/shim.tar.gz"}}
  runtimeClass: {name: wasmtime-spin-v2, handler: spin-v2}
  rolloutStrategy: {type: recreate}
"""
_CLASS = "apiVersion: node.k8s.io/v1\nkind: RuntimeClass\nmetadata: {name: NAME}\nhandler: spin\n"
_EXECUTOR = """apiVersion: core.spinkube.dev/v1alpha1
kind: SpinAppExecutor
metadata: {name: own, namespace: default}
spec: {createDeployment: true, deploymentConfig: {runtimeClassName: other}}
"""


def _unit(make: Any, app: str = "", fleet: str = "", cluster: str = "spin: '3.6'", **bundle: str) -> Any:
    files = {
        "fleet.yaml": make.document("Fleet", "acme", fleet),
        "eu.yaml": make.cluster("eu", spec=cluster),
        "shop/app.yaml": make.app("shop", app),
        **{f"b/{name}.yaml": text for name, text in bundle.items()},
    }
    if bundle:
        files["b.yaml"] = make.document("Bundle", "b", "path: b")
    loaded = make.load(files)
    assert loaded.fleet is not None, [str(problem) for problem in loaded.problems]
    return assign(loaded.fleet, "eu").units["shop"]


def test_the_default_executor_is_there_without_a_word(make: Any) -> None:
    unit = _unit(make)
    assert unit.executor.spec["deploymentConfig"] == {
        "runtimeClassName": "wasmtime-spin-v2",
        "installDefaultCACerts": True,
    }
    assert unit.executor.runtime_class is None


def test_an_executor_that_nobody_declares_is_refused_as_spinkubes_webhook_does(make: Any) -> None:
    unit = _unit(make, "executor: nobody")
    assert isinstance(unit, Withheld)
    (problem,) = unit.problems
    assert (problem.code, problem.pointer) == ("app.executor", "/spec/executor")
    assert "create: false" in problem.hint


def test_one_that_is_said_to_be_there_is_not_made(make: Any) -> None:
    unit = _unit(make, "executor: there", "executors: {there: {create: false}}")
    assert not unit.executor.made


def test_a_bundles_executor_of_the_namespace_goes_before_a_declared_one(make: Any) -> None:
    unit = _unit(make, "executor: own", "executors: {own: {createDeployment: false}}", own=_EXECUTOR)
    assert unit.creates_deployment
    assert not unit.executor.made


def test_a_cluster_changes_what_the_fleet_declares(make: Any) -> None:
    fleet = "executors: {arm: {nodeSelector: {arch: arm64}, tolerations: [{operator: Exists}]}}"
    cluster = "spin: '3.6'\nexecutors: {arm: {tolerations: null, handler: mine}}"
    unit = _unit(make, "executor: arm", fleet, cluster)
    assert unit.executor.runtime_class["scheduling"] == {"nodeSelector": {"arch": "arm64"}}
    assert unit.executor.runtime_class["handler"] == "mine"


@pytest.mark.parametrize(
    ("cluster", "bundle", "handler"),
    [
        ("spin: '3.6'", {}, "spin"),
        ("capabilities: [runtime-class-manager]", {}, "spin-v2"),
        ("spin: '3.6'", {"shim": _SHIM.replace("spin-v2}", "spin-v9}")}, "spin-v9"),
    ],
)
def test_the_handler_is_the_one_that_the_nodes_are_most_likely_to_have(
    make: Any, cluster: str, bundle: dict[str, str], handler: str
) -> None:
    unit = _unit(make, "executor: arm", "executors: {arm: {nodeSelector: {a: b}}}", cluster, **bundle)
    assert unit.executor.runtime_class["handler"] == handler


def test_a_runtime_class_with_another_handler_than_its_shim_installs_is_an_error(make: Any) -> None:
    unit = _unit(make, shim=_SHIM, rc=_CLASS.replace("NAME", "wasmtime-spin-v2"))
    assert isinstance(unit, Withheld)
    (problem,) = unit.problems
    assert "handler 'spin', and Shim 'spin-v2' (b/shim.yaml:1) installs 'spin-v2'" in problem.message


def test_a_handler_that_no_shim_installs_is_a_warning(make: Any) -> None:
    unit = _unit(make, "executor: own", shim=_SHIM, rc=_CLASS.replace("NAME", "other"), own=_EXECUTOR)
    assert isinstance(unit, AppAssignment)
    (problem,) = unit.problems
    assert (str(problem.severity), problem.code) == ("warning", "app.executor")
    assert "RuntimeClass 'other' (b/rc.yaml:1) has handler 'spin'" in problem.message


@pytest.mark.parametrize(
    ("executors", "said"),
    [
        ("{e: {spinImage: i, nodeSelector: {a: b}}}", "exclude one another"),
        ("{e: {createDeployment: false, caCertSecret: c}}", "caCertSecret"),
        ("{d: {handler: a, runtimeClassName: r}, e: {handler: b, runtimeClassName: r}}", "wants RuntimeClass 'r' otherwise"),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_told_to_the_apps_that_name_it(make: Any, executors: str, said: str) -> None:
    unit = _unit(make, "executor: e", f"executors: {executors}")
    assert isinstance(unit, Withheld)
    assert said in unit.problems[0].message
    assert isinstance(_unit(make, "", f"executors: {executors}"), AppAssignment)
