from __future__ import annotations

from typing import Any

from reconciler.fleet.model import BundleAssignment, Cluster, SourcedObject
from reconciler.render import render_shared


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


def test_an_executor_of_another_name_is_never_made_up(app: Any, cluster: Cluster) -> None:
    assert _keys([app({"executor": "cyclotron"})], cluster) == [("Namespace", "apps")]


def test_an_account_is_shared(app: Any, cluster: Cluster) -> None:
    spec = {"serviceAccountName": "cloud", "serviceAccount": {"create": True}}
    assert _keys([app(spec, name="a"), app(spec, name="b")], cluster).count(("ServiceAccount", "cloud")) == 1


def test_no_apps_need_nothing(cluster: Cluster) -> None:
    assert _keys([], cluster) == []
