"""Which objects of a bundle have its default namespace."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.fleet.model import BundleAssignment, Cluster, SourcedObject
from reconciler.plan.model import key_of
from reconciler.render import render_unit


def _bundle(*objects: dict[str, Any], scoped: frozenset[tuple[str, str]] = frozenset()) -> BundleAssignment:
    return BundleAssignment(
        name="b", path="b.yaml", line=1, namespace="shop", spec={}, version="v", cluster_scoped=scoped,
        objects=tuple(SourcedObject(object=each, path="m.yaml", line=1) for each in objects),
    )  # fmt: skip


def _object(kind: str, version: str = "acme.example/v1", **metadata: str) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "x", **metadata}}


@pytest.mark.parametrize(
    ("obj", "namespace", "defaulted"),
    [
        (_object("ConfigMap", "v1"), "shop", True),
        (_object("ConfigMap", "v1", namespace="own"), "own", False),
        (_object("Namespace", "v1"), "", False),
        (_object("RuntimeClass", "node.k8s.io/v1"), "", False),
        (_object("Gadget"), "", False),
        (_object("Widget"), "shop", True),
        (_object("Widget", namespace="own"), "own", False),
    ],
)
def test_an_object_has_it_unless_it_names_one_or_its_kind_is_known_to_have_none(
    obj: dict[str, Any], namespace: str, defaulted: bool, cluster: Cluster
) -> None:  # fmt: skip
    rendered = render_unit(_bundle(obj, scoped=frozenset({("acme.example", "Gadget")})), cluster)
    (key,) = map(key_of, rendered.objects)
    assert key.namespace == namespace
    assert rendered.defaulted == ({key} if defaulted else set())
