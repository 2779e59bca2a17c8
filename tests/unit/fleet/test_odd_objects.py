"""An object of a Bundle that is not as its kind wants it is told, and what reads it beforehand takes nothing from it."""

from __future__ import annotations

import copy
import json

import pytest

from reconciler.check.fleet import FleetCheck

METADATA = {"name": "web", "namespace": "shop"}
OBJECTS = [
    {"apiVersion": "v1", "kind": "Service", "metadata": METADATA, "spec": {"selector": {"a": "b"}, "ports": [{"port": 80, "targetPort": 8080}]}},
    {"apiVersion": "core.spinkube.dev/v1alpha1", "kind": "SpinAppExecutor", "metadata": METADATA,
     "spec": {"createDeployment": True, "deploymentConfig": {"runtimeClassName": "wasm", "otel": {"exporter_otlp_endpoint": "http://a:1"}}}},
    {"apiVersion": "runtime.spinkube.dev/v1alpha1", "kind": "Shim", "metadata": {"name": "wasm"}, "spec": {"runtimeClass": {"name": "wasm", "handler": "spin"}}},
    {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "wasm"}, "handler": "spin"},
    {"apiVersion": "v1", "kind": "Secret", "metadata": METADATA, "stringData": {"a": "b"}},
]  # fmt: skip
VALUES = [5, "*", [], ["a"], [{}], {"a": []}, None, True]


def places(value, at=()):
    for key, below in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*at, key)
        yield from places(below, (*at, key))


def changed(obj):
    for path in places(obj):
        if path[0] in {"apiVersion", "kind", "metadata"}:
            continue
        for value in VALUES:
            copied = copy.deepcopy(obj)
            above = copied
            for step in path[:-1]:
                above = above[step]
            above[path[-1]] = value
            yield copied


@pytest.mark.parametrize("obj", OBJECTS, ids=lambda obj: obj["kind"])
def test_no_value_in_a_field_stops_the_check_of_a_fleet(make, obj):
    app = make.app(
        "shop",
        "namespace: shop\nexecutor: web\nnetwork: {egress: fromManifest}\nvariables: {greeting: {secretKeyRef: {name: web, key: a}}}",
    )
    bundle = make.document("Bundle", "platform", "path: objects")
    for each in changed(obj):
        files = {**make.files(), "shop/app.yaml": app, "bundle.yaml": bundle, "objects/a.json": json.dumps(each)}
        assert FleetCheck().check(make.tree(files)).subject == "fleet acme: 1 cluster, 1 app, 1 bundle"


@pytest.mark.parametrize(("field", "value"), [("kind", "A" * 64), ("apiVersion", "a" * 318)])
def test_a_name_of_a_kind_that_none_can_have_is_told_in_few_words(make, field, value):
    bundle = make.document("Bundle", "platform", "path: objects")
    obj = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, field: value}
    [problem] = make.load({"bundle.yaml": bundle, "objects/a.json": json.dumps(obj)}).problems
    assert problem.code == "bundle.object"
    assert f"{field} is longer than" in problem.message
