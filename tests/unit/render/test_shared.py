from __future__ import annotations

from typing import Any

from reconciler.fleet.model import BundleAssignment, Cluster, Executor, SourcedObject
from reconciler.render import clashes, render_shared


def _keys(units: Any, cluster: Cluster) -> list[tuple[str, str]]:
    return [(each["kind"], each["metadata"]["name"]) for each in render_shared(units, cluster).objects]


def _bundle(obj: Any, namespace: str | None = None) -> BundleAssignment:
    sourced = SourcedObject(object=obj, path="b/x.yaml", line=1)
    return BundleAssignment(
        name="platform", path="b.yaml", line=1, namespace=namespace, spec={}, objects=(sourced,), version="v"
    )


def test_a_namespace_and_its_executor_are_made_once_for_all_apps(app: Any, cluster: Cluster) -> None:
    expected = [("Namespace", "apps"), ("SpinAppExecutor", "containerd-shim-spin")]
    assert _keys([app(name="b"), app(name="a")], cluster) == expected


def test_what_a_bundle_brings_is_not_made(app: Any, cluster: Cluster) -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "apps"}}
    executor = {
        "apiVersion": "core.spinkube.dev/v1alpha1",
        "kind": "SpinAppExecutor",
        "metadata": {"name": "containerd-shim-spin"},
    }
    assert _keys([app(), _bundle(namespace)], cluster) == [("SpinAppExecutor", "containerd-shim-spin")]
    assert _keys([app(), _bundle(executor, "apps")], cluster) == [("Namespace", "apps")]


def test_a_runtime_class_of_a_bundle_with_a_namespace_is_not_made_again(app: Any, cluster: Cluster) -> None:
    runtime_class = {
        "apiVersion": "node.k8s.io/v1",
        "kind": "RuntimeClass",
        "metadata": {"name": "slow"},
        "handler": "spin",
    }
    executor = Executor(name="slow", spec={"createDeployment": True}, runtime_class=runtime_class)
    apps = [app({"executor": "slow"}, executor=executor)]
    assert ("RuntimeClass", "slow") in _keys(apps, cluster)
    assert ("RuntimeClass", "slow") not in _keys([*apps, _bundle(runtime_class, "somewhere")], cluster)


def test_an_executor_that_nothing_is_known_of_is_never_made_up(app: Any, cluster: Cluster) -> None:
    assert _keys([app({"executor": "cyclotron"}, executor=None)], cluster) == [("Namespace", "apps")]


def test_a_declared_executor_comes_with_its_runtime_class_once_for_all_namespaces(app: Any, cluster: Cluster) -> None:
    runtime_class = {
        "apiVersion": "node.k8s.io/v1",
        "kind": "RuntimeClass",
        "metadata": {"name": "arm"},
        "handler": "spin",
    }
    spec = {"createDeployment": True, "deploymentConfig": {"runtimeClassName": "arm"}}
    arm = Executor(name="arm", spec=spec, path="fleet.yaml", line=1, runtime_class=runtime_class)
    apps = [app({"executor": "arm"}, name=name, executor=arm) for name in "ab"]
    assert _keys(apps, cluster) == [("Namespace", "apps"), ("RuntimeClass", "arm"), ("SpinAppExecutor", "arm")]


def test_an_executor_that_is_said_to_be_there_is_not_made(app: Any, cluster: Cluster) -> None:
    there = Executor(name="there", spec={"createDeployment": False}, path="fleet.yaml", line=1, made=False)
    assert _keys([app({"executor": "there"}, executor=there)], cluster) == [("Namespace", "apps")]


def test_a_namespace_has_the_labels_that_its_apps_ask_for_together(app: Any, cluster: Cluster) -> None:
    apps = [app({"namespaceLabels": {"a": "1"}}, name="a"), app({"namespaceLabels": {"b": "2"}}, name="b")]
    namespace = render_shared(apps, cluster).objects[0]
    assert {"a": "1", "b": "2"}.items() <= namespace["metadata"]["labels"].items()
    assert namespace["metadata"]["labels"]["app.kubernetes.io/part-of"] == "acme"


def test_two_values_for_one_label_of_a_namespace_are_an_error_that_names_both_files(app: Any) -> None:
    apps = [app({"namespaceLabels": {"a": value}}, name=name) for name, value in (("a", "1"), ("b", "2"))]
    (problem,) = clashes(apps)["b"]
    assert problem.code == "render.label-clash"
    assert "a/app.yaml:1" in problem.message
