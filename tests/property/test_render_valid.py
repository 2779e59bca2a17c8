"""Whatever valid App is rendered: the same bytes each time, each object once, and nothing that SpinKube's webhooks refuse."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.fleet import assign, load
from reconciler.fleet.model import AppAssignment
from reconciler.plan.model import key_of
from reconciler.plan.order import rank
from reconciler.problems import has_errors
from reconciler.render import render
from reconciler.tree import File

_SPIN = """\
spin_manifest_version = 2
[application]
name = "a"
[variables]
greeting = { default = "x" }
[[trigger.http]]
route = "/..."
component = "web"
[component.web]
source = "web.wasm"
key_value_stores = ["default"]
allowed_outbound_hosts = ["https://api.example.com", "redis://10.0.0.1:6379"]
[[trigger.http]]
route = "/b/:id"
component = "b"
[component.b]
source = "b.wasm"
"""
_HEAD = {"apiVersion": "spinfleet.dev/v1alpha1"}
_CAPABILITIES = ["keda", "keda-http", "gateway-api", "prometheus-operator"]
_TEXTS = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), max_size=8).map(
    lambda text: text.replace("$", "s")
)
_REF = st.just({"secretKeyRef": {"name": "s", "key": "k"}})
_ROUTES = st.fixed_dictionaries(
    {"host": st.sampled_from(["a.example", "b.example"])},
    optional={"path": st.sampled_from(["/", "/b", "/c"]), "ingressClass": st.just("nginx"), "tls": st.just("cert")},
)
_SCALING = st.fixed_dictionaries(
    {"type": st.sampled_from(["HPA", "KEDA", "HTTP"]), "max": st.integers(1, 9)},
    optional={"min": st.integers(0, 3), "cpu": st.integers(1, 99)},
)
_STORES = st.dictionaries(
    st.sampled_from(["default", "other"]),
    st.fixed_dictionaries(
        {"type": st.just("redis"), "options": st.fixed_dictionaries({"url": st.one_of(_TEXTS, _REF)})}
    ),
    max_size=2,
)
_SPECS = st.fixed_dictionaries(
    {"artifact": st.just(f"ghcr.io/acme/a@sha256:{'a' * 64}")},
    optional={
        "replicas": st.integers(0, 3),
        "autoscaling": _SCALING,
        "variables": st.fixed_dictionaries({"greeting": st.one_of(st.fixed_dictionaries({"value": _TEXTS}), _REF)}),
        "routes": st.lists(_ROUTES, max_size=3),
        "components": st.lists(st.sampled_from(["web", "b"]), min_size=1, max_size=2, unique=True),
        "runtimeConfig": st.fixed_dictionaries(
            {"keyValueStores": _STORES}, optional={"providers": st.just([{"type": "env"}])}
        ),
        "network": st.fixed_dictionaries({"egress": st.just("fromManifest")}),
        "disruption": st.fixed_dictionaries({"minAvailable": st.integers(0, 2)}),
        "resources": st.just({"requests": {"cpu": "10m"}}),
        "serviceAccount": st.fixed_dictionaries({"create": st.booleans()}),
        "checks": st.fixed_dictionaries(
            {}, optional={"readiness": st.sampled_from([False]), "liveness": st.just({"path": "/l"})}
        ),
    },
)


def _json(value: Any) -> str:
    """Give a document as YAML can read it: characters beyond the basic plane as they are, not as pairs of escapes."""
    return json.dumps(value, ensure_ascii=False)


class _Tree:
    commit = "c" * 40
    problems = ()

    def __init__(self, files: dict[str, str]) -> None:
        self._data = {path: text.encode() for path, text in sorted(files.items())}
        self.files = {
            path: File(path, hashlib.sha256(data).hexdigest()[:40], len(data)) for path, data in self._data.items()
        }

    def read(self, path: str) -> bytes:
        return self._data[path]


def _tree(specs: list[Any]) -> _Tree:
    cluster = {
        **_HEAD,
        "kind": "Cluster",
        "metadata": {"name": "eu"},
        "spec": {"spin": "3.6", "capabilities": _CAPABILITIES},
    }
    files = {
        "fleet.yaml": _json({**_HEAD, "kind": "Fleet", "metadata": {"name": "f"}, "spec": {}}),
        "eu.yaml": _json(cluster),
    }
    for number, spec in enumerate(specs):
        files[f"a{number}/app.yaml"] = _json({**_HEAD, "kind": "App", "metadata": {"name": f"a{number}"}, "spec": spec})
        files[f"a{number}/spin.toml"] = _SPIN
    return _Tree(files)


def _render(specs: list[Any]) -> Any:
    loaded = load(_tree(specs))
    assert loaded.fleet is not None, [str(problem) for problem in loaded.problems]
    assignment = assign(loaded.fleet, "eu")
    return assignment, render(assignment)


def _bytes(rendered: Any) -> bytes:
    return _json(
        [[name, each.objects, [str(problem) for problem in each.problems]] for name, each in rendered.items()]
    ).encode()


@settings(max_examples=60)
@given(st.lists(_SPECS, min_size=1, max_size=3))
def test_the_same_fleet_gives_the_same_bytes(specs: list[Any]) -> None:
    assert _bytes(_render(specs)[1]) == _bytes(_render(specs)[1])


@settings(max_examples=60)
@given(st.lists(_SPECS, min_size=1, max_size=3))
def test_every_unit_has_objects_in_order_or_the_errors_that_prevented_them(specs: list[Any]) -> None:
    assignment, rendered = _render(specs)
    keys = [key_of(obj) for each in rendered.values() for obj in each.objects]
    assert len(keys) == len(set(keys))
    for name, unit in assignment.units.items():
        if isinstance(unit, AppAssignment):
            assert bool(rendered[name].objects) is not has_errors(rendered[name].problems)
            ranks = [rank(obj) for obj in rendered[name].objects]
            assert ranks == sorted(ranks)


@settings(max_examples=60)
@given(st.lists(_SPECS, min_size=1, max_size=2))
def test_no_spinapp_is_one_that_the_operators_webhooks_refuse(specs: list[Any]) -> None:
    _, rendered = _render(specs)
    executors = {key_of(obj)[2:] for obj in rendered["_shared"].objects if obj["kind"] == "SpinAppExecutor"}
    for each in rendered.values():
        for obj in each.objects:
            if obj["kind"] == "SpinApp":
                spec = obj["spec"]
                assert (obj["metadata"]["namespace"], spec["executor"]) in executors
                assert ("replicas" in spec) is not spec.get("enableAutoscaling", False)
                assert spec.get("replicas", 1) >= 1
                assert all("httpGet" in probe for probe in spec.get("checks", {}).values())
