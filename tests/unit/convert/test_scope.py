"""Objects that name no namespace get one where their kind has one, by what Kubernetes, SpinKube and the objects themselves say of it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from reconciler.convert.objects import take


def _object(version: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "x"}, **more}


def _defining(scope: str) -> dict[str, Any]:
    spec = {"group": "acme.example", "scope": scope, "names": {"kind": "Thing", "plural": "things"}, "versions": []}
    return _object("apiextensions.k8s.io/v1", "CustomResourceDefinition", spec=spec)


@pytest.mark.parametrize(
    ("version", "kind", "namespace"),
    [
        ("v1", "ConfigMap", "apps"), ("rbac.authorization.k8s.io/v1", "Role", "apps"), ("rbac.authorization.k8s.io/v1", "ClusterRole", ""),
        ("storage.k8s.io/v1", "StorageClass", ""), ("scheduling.k8s.io/v1", "PriorityClass", ""), ("monitoring.coreos.com/v1", "PodMonitor", "apps"),
        ("gateway.networking.k8s.io/v1", "GatewayClass", ""), ("runtime.spinkube.dev/v1alpha1", "Shim", ""), ("coordination.k8s.io/v1", "Lease", "apps"),
        ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", ""), ("snapshot.storage.k8s.io/v1", "VolumeSnapshotClass", ""),
    ],
)  # fmt: skip
def test_a_known_kind_gets_a_namespace_where_it_has_one(version: str, kind: str, namespace: str) -> None:
    (key,) = take([_object(version, kind)], "apps").objects
    assert key.namespace == namespace


@pytest.mark.parametrize(("scope", "namespace"), [("Cluster", ""), ("Namespaced", "apps")])
def test_a_definition_among_the_objects_tells_of_its_kind(scope: str, namespace: str) -> None:
    taken = take([_object("acme.example/v1", "Thing"), _defining(scope)], "apps")
    assert [key.namespace for key in taken.objects if key.kind == "Thing"] == [namespace]
    assert taken.unscoped == frozenset()


def test_of_a_kind_that_nobody_here_knows_the_cluster_is_asked(make: Any) -> None:
    found = make.converted(make.spinapp(), _object("acme.example/v1", "Thing"))
    bundle = yaml.safe_load(found.files["bundle.yaml"])
    assert bundle["spec"]["namespace"] == "default"
    assert "namespace" not in yaml.safe_load(found.files["migrated/thing-x.yaml"])["metadata"]
    assert "namespace" not in yaml.safe_load(make.converted(make.spinapp(), make.config()).files["bundle.yaml"])["spec"]
