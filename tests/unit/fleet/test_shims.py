"""Shims that executors declare: what runtime-class-manager is asked to install, and what it could not."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.fleet import assign
from reconciler.fleet.model import AppAssignment, Withheld

_SOURCE = f"{{location: 'https://example.com/v0.24.0/shim.tar.gz', sha256: {'a' * 64}}}"
_SHIM = f"shim: {{platforms: {{amd64: {_SOURCE}}}}}"
_MANAGED = "capabilities: [runtime-class-manager]"
_BROUGHT = """apiVersion: runtime.spinkube.dev/v1alpha1
kind: Shim
metadata: {name: spin}
spec:
  fetchStrategy: {anonHttp: {location: "https://example.com/shim.tar.gz"}}
  runtimeClass: {name: wasmtime-spin-v2, handler: spin-v2}
  rolloutStrategy: {type: recreate}
"""
_EXECUTOR = """apiVersion: core.spinkube.dev/v1alpha1
kind: SpinAppExecutor
metadata: {name: own, namespace: default}
spec: {createDeployment: true, deploymentConfig: {runtimeClassName: wasmtime-spin-v2}}
"""


def _unit(make: Any, app: str = "", executors: str = "{}", cluster: str = _MANAGED, **bundle: str) -> Any:
    files = {
        "fleet.yaml": make.document("Fleet", "acme", f"executors: {executors}"),
        "eu.yaml": make.cluster("eu", spec=cluster),
        "shop/app.yaml": make.app("shop", app),
        **{f"b/{name}.yaml": text for name, text in bundle.items()},
    }
    if bundle:
        files["b.yaml"] = make.document("Bundle", "b", "path: b")
    loaded = make.load(files)
    assert loaded.fleet is not None, [str(problem) for problem in loaded.problems]
    return assign(loaded.fleet, "eu").units["shop"]


def test_a_shim_is_named_by_its_handler_and_makes_the_runtime_class_of_the_pods(make: Any) -> None:
    declared = f"{{containerd-shim-spin: {{nodeSelector: {{spin: 'true'}}, {_SHIM}}}}}"
    shim = _unit(make, executors=declared).executor.shim
    assert shim.path == "fleet.yaml"
    assert shim.object["metadata"] == {"name": "spin-v2"}
    assert shim.object["spec"] == {
        "nodeSelector": {"spin": "true"},
        "fetchStrategy": {
            "platforms": [
                {"os": "linux", "arch": "amd64", "location": "https://example.com/v0.24.0/shim.tar.gz", "sha256": "a" * 64}
            ]
        },
        "runtimeClass": {"name": "wasmtime-spin-v2", "handler": "spin-v2"},
        "rolloutStrategy": {"type": "recreate"},
    }  # fmt: skip


def test_executors_of_one_handler_share_the_shim_that_one_of_them_declares(make: Any) -> None:
    declared = f"{{containerd-shim-spin: {{{_SHIM}}}, arm: {{nodeSelector: {{a: b}}}}, mine: {{handler: mine}}}}"
    arm, mine = (_unit(make, f"executor: {name}", declared).executor for name in ("arm", "mine"))
    assert arm.runtime_class["handler"] == "spin-v2"
    assert arm.shim.object["spec"]["runtimeClass"]["name"] == "wasmtime-spin-v2"
    assert mine.shim is None


def test_an_executor_of_a_bundle_has_the_shim_of_its_runtime_class(make: Any) -> None:
    declared = f"{{containerd-shim-spin: {{{_SHIM}}}}}"
    assert _unit(make, "executor: own", declared, own=_EXECUTOR).executor.shim is not None


@pytest.mark.parametrize(
    ("executor", "cluster", "said"),
    [
        (f"{{{_SHIM}}}", "spin: '3.6'", "runtime-class-manager, which cluster 'eu' does not have"),
        ("{shim: {}}", _MANAGED, "no platform"),
        (f"{{{_SHIM}, spinImage: i}}", _MANAGED, "spinImage and shim exclude one another"),
        (f"{{{_SHIM}, createDeployment: false}}", _MANAGED, "makes no Deployment for shim"),
    ],
)
def test_a_shim_that_can_not_be_installed_is_an_error(make: Any, executor: str, cluster: str, said: str) -> None:
    unit = _unit(make, "executor: e", f"{{e: {executor}}}", cluster)
    assert isinstance(unit, Withheld)
    assert said in " ".join(problem.message for problem in unit.problems)


def test_two_shims_for_one_handler_are_an_error_that_names_the_other(make: Any) -> None:
    declared = f"{{d: {{{_SHIM}}}, e: {{nodeSelector: {{a: b}}, {_SHIM}}}}}"
    unit = _unit(make, "executor: e", declared)
    assert isinstance(unit, Withheld)
    assert "fleet.yaml:5 declares the shim of handler 'spin-v2' otherwise" in unit.problems[0].message
    assert isinstance(_unit(make, "executor: d", declared), AppAssignment)


@pytest.mark.parametrize(
    ("executor", "cluster", "said"),
    [
        (_SHIM, "architecture: [amd64, arm64]", "no platform arm64"),
        (_SHIM, "shim: v0.23.1", "version 0.24.0, and cluster 'eu' says that its shim is 0.23.1"),
        (f"nodeSelector: {{kubernetes.io/arch: amd64}}, {_SHIM}", "architecture: [amd64, arm64]", ""),
        (_SHIM, "shim: v0.24.0", ""),
        (_SHIM, "shim: v0.23", ""),
    ],
)
def test_a_shim_that_is_not_what_the_cluster_says_is_a_warning(
    make: Any, executor: str, cluster: str, said: str
) -> None:
    unit = _unit(make, "executor: e", f"{{e: {{{executor}}}}}", f"{_MANAGED}\n{cluster}")
    assert isinstance(unit, AppAssignment)
    told = [problem.message for problem in unit.problems if problem.code == "app.executor"]
    assert [said in each for each in told] == ([True] if said else [])


def test_a_cluster_without_the_manager_can_take_the_shim_away(make: Any) -> None:
    declared = f"{{containerd-shim-spin: {{{_SHIM}}}}}"
    cluster = "spin: '3.6'\nexecutors: {containerd-shim-spin: {shim: null}}"
    executor = _unit(make, executors=declared, cluster=cluster).executor
    assert (executor.shim, executor.runtime_class) == (None, None)


def test_a_shim_of_a_bundle_that_is_not_named_by_its_handler_is_a_warning(make: Any) -> None:
    unit = _unit(make, shim=_BROUGHT, rc=_EXECUTOR)
    assert isinstance(unit, AppAssignment)
    (told,) = [problem for problem in unit.problems if "Shim" in problem.message]
    assert "Shim 'spin' (b/shim.yaml:1) makes a RuntimeClass with handler 'spin-v2'" in told.message
    assert told.hint.startswith("name the Shim spin-v2")
