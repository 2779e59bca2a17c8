"""Random valid fleets of a few apps on clusters that are alike, as a strategy of hypothesis, and what is rendered of them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from hypothesis import strategies as st

from reconciler.fleet import assign, load
from reconciler.fleet.model import Assignment
from reconciler.render import render
from reconciler.render.model import Rendered
from reconciler.tree import File

HEAD = {"apiVersion": "spinfleet.dev/v1alpha1"}
_DIGEST = f"sha256:{'a' * 64}"
_SPIN = """\
spin_manifest_version = 2
[application]
name = "a"
version = "1.0.0+build é"
[variables]
greeting = { default = "x" }
[[trigger.http]]
route = "/..."
component = "web"
[component.web]
source = "web.wasm"
key_value_stores = ["default"]
allowed_outbound_hosts = ["https://api.example.com", "redis://10.0.0.1:6379", "http://orders.default.svc", "http://{{ greeting }}"]
[[trigger.http]]
route = "/b/:id"
component = "b"
[component.b]
source = "b.wasm"
"""
_COMMAND = """\
spin_manifest_version = 2
[application]
name = "a"
[variables]
greeting = { default = "x" }
[[trigger.command]]
component = "web"
[component.web]
source = "web.wasm"
"""
CLUSTERS = ("eu", "us")
_CAPABILITIES = ["keda", "keda-http", "gateway-api", "prometheus-operator"]
_EXECUTORS = {
    "arm": {"nodeSelector": {"kubernetes.io/arch": "arm64"}, "tolerations": [{"operator": "Exists"}]},
    "dense": {"createDeployment": False},
    "image": {"spinImage": "ghcr.io/acme/spin:3.6"},
    "traced": {"otel": {"exporter_otlp_endpoint": "http://otel.observability.svc:4318"}},
}
_BUNDLE = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: s}
data: {k: v}
---
apiVersion: v1
kind: Service
metadata: {name: orders}
spec: {selector: {app: orders}, ports: [{port: 80, targetPort: http}]}
"""
_TEXTS = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), max_size=8).map(
    lambda text: text.replace("$", "s")
)
_KEY = {"name": "s", "key": "k"}
_REF = st.just({"secretKeyRef": _KEY})
_VALUES = st.one_of(
    st.fixed_dictionaries({"value": _TEXTS}),
    _REF,
    st.sampled_from(
        [
            {"valueFrom": {"configMapKeyRef": {**_KEY, "optional": True}}},
            {"valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}},
        ]
    ),
)
_PATHS = {
    "path": st.sampled_from(["/", "/b", "/c", "/b/~%41"]),
    "match": st.sampled_from(["Prefix", "Exact"]),
    "annotations": st.just({"example.com/size": "8m"}),
    "labels": st.just({"example.com/zone": "inner"}),
}
_INGRESS = {"ingressClass": st.sampled_from(["nginx", "traefik", "contour"]), "tls": st.just("cert")}
_GATEWAY = st.sampled_from([{"name": "g"}, {"name": "g", "namespace": "n", "sectionName": "https"}])
_HOST = st.sampled_from(["a.example", "b.example", "*.example"])
#: Some contradict one another: the app is then told so, and not rendered.
_ROUTES = st.one_of(
    st.fixed_dictionaries({"host": _HOST}, optional={**_PATHS, **_INGRESS}),
    st.fixed_dictionaries({"host": _HOST, "gateway": _GATEWAY}, optional=_PATHS),
    st.fixed_dictionaries({"host": _HOST, "paths": st.just("fromManifest")}, optional=_INGRESS),
    st.fixed_dictionaries({"host": _HOST, "paths": st.just("fromManifest"), "gateway": _GATEWAY}),
)
_TRIGGERS = st.sampled_from(
    [
        {"type": "redis", "metadata": {"address": "r:6379", "listName": "l", "listLength": 5}, "authentication": {"podIdentity": {"provider": "aws"}}},
        {"type": "prometheus", "metadata": {"serverAddress": "http://p", "query": "q", "threshold": 1.5}, "name": "p"},
        {"type": "cpu", "metricType": "AverageValue", "metadata": {"value": "100m"}},
    ]
)  # fmt: skip
_CRON = {"timezone": "Europe/Berlin", "start": "0 8 * * 1-5", "end": "0 18 * * 1-5", "desiredReplicas": 3}
_BOUNDS = {"max": st.integers(3, 9), "min": st.integers(0, 3)}
_BEHAVIOR = {
    "behavior": st.just({"scaleDown": {"stabilizationWindowSeconds": 60}}),
    "memory": st.integers(1, 99),
    "annotations": st.just({"autoscaling.keda.sh/force-activation": "true"}),
    "labels": st.just({"example.com/team": "shop"}),
}
#: Names of a scaler, which an HTTPScaledObject can't have.
_NAMED = {**_BEHAVIOR, "name": st.just("own-scaler")}
_SCALING = st.one_of(
    st.fixed_dictionaries({"type": st.just("HPA"), "cpu": st.integers(1, 99), **_BOUNDS}, optional=_NAMED),
    st.fixed_dictionaries(
        {"type": st.just("KEDA"), **_BOUNDS},
        optional={
            **_NAMED,
            "cpu": st.integers(1, 99),
            "triggers": st.lists(_TRIGGERS, max_size=2, unique_by=str),
            "schedule": st.just([_CRON]),
            "cooldownPeriod": st.integers(0, 300),
            "pollingInterval": st.integers(1, 60),
        },
    ),
    *(
        st.fixed_dictionaries(
            {"type": st.just("HTTP"), **_BOUNDS},
            optional={target: st.integers(1, 9), "cooldownPeriod": st.integers(0, 300), "labels": _BEHAVIOR["labels"]},
        )
        for target in ("concurrency", "requestRate")
    ),
)
_STORES = st.dictionaries(
    st.sampled_from(["default", "other"]),
    st.one_of(
        st.fixed_dictionaries(
            {"type": st.just("redis"), "options": st.fixed_dictionaries({"url": st.one_of(_TEXTS, _REF)})}
        ),
        st.just({"type": "aws_dynamo", "options": {"region": "r", "table": "t", "consistent_read": "true"}}),
    ),
    max_size=2,
)
_DATABASES = st.just({"default": {"type": "libsql", "options": {"url": "https://db.example", "token": "t"}}})
_MODELS = st.just({"type": "remote_http", "options": {"url": "http://llm.ai.svc", "auth_token": {"value": "none"}}})
_CONFIG = st.one_of(
    st.fixed_dictionaries(
        {"keyValueStores": _STORES},
        optional={
            "sqliteDatabases": _DATABASES,
            "llmCompute": _MODELS,
            "providers": st.just([{"type": "env"}, {"type": "static", "values": {"a b": 'q"'}}]),
            "settings": st.just({"max_instance_memory": 1024, "outbound_networking": {"block_networks": ["private"]}}),
        },
    ),
    st.just({"loadFromSecret": "own"}),
)
_PROBE = {
    "path": "/l", "headers": {"x-a": "b"}, "initialDelaySeconds": 3, "timeoutSeconds": 2, "periodSeconds": 5, "successThreshold": 1,
    "failureThreshold": 2,
}  # fmt: skip
_CHECKS = st.sampled_from(
    [{"readiness": _PROBE, "liveness": {"path": "/"}}, {"liveness": _PROBE}, {"readiness": False, "liveness": False}, {"readiness": _PROBE}]
)  # fmt: skip
#: Fields that make sense together, or that the agent alone reads.
_TOGETHER = st.sampled_from(
    [
        {},
        {"volumes": [{"name": "c", "configMap": {"name": "s"}}]},
        {"volumes": [{"name": "d", "emptyDir": {}}], "volumeMounts": [{"name": "d", "mountPath": "/d", "readOnly": True}]},
        {"serviceAccountName": "shared", "serviceAccount": {"annotations": {"iam.gke.io/gcp-service-account": "a@b"}}},
        {"serviceAccountName": "there"},
        {"overrides": [{"clusters": {"names": list(CLUSTERS)}, "spec": {"podLabels": {"example.com/over": "ridden"}}}]},
        {"adoption": "Adopt", "progressDeadline": "10m", "suspend": False, "drift": {"mode": "Report"}, "placement": {"names": list(CLUSTERS)}},
    ]
)  # fmt: skip
_SPECS = st.fixed_dictionaries(
    {"artifact": st.just(f"ghcr.io/acme/a@{_DIGEST}")},
    optional={
        "namespace": st.sampled_from(["default", "apps"]),
        "executor": st.sampled_from(
            ["containerd-shim-spin", "arm", "traced", "image", "containerd-shim-spin", "dense"]
        ),
        "variables": st.fixed_dictionaries({"greeting": _VALUES}),
        "routes": st.lists(_ROUTES, max_size=3),
        "components": st.lists(st.sampled_from(["web", "b"]), min_size=1, max_size=2, unique=True),
        "runtimeConfig": _CONFIG,
        "network": st.fixed_dictionaries(
            {"egress": st.sampled_from(["fromManifest", []])},
            optional={"ingress": st.just([]), "unsayable": st.sampled_from(["Open", "Refuse"])},
        ),
        "disruption": st.sampled_from([{"minAvailable": 1}, {"minAvailable": "50%"}, {"maxUnavailable": 1}]),
        "serviceAccount": st.fixed_dictionaries({"create": st.booleans()}),
        "checks": _CHECKS,
        "labels": st.sampled_from([{"example.com/team": "shop"}, {"app.kubernetes.io/name": "own", "tier": ""}]),
        "annotations": st.just({"note": "l1\nl2"}),
        "podAnnotations": st.just({"example.com/team": "shop"}),
        "podLabels": st.just({"example.com/team": "shop"}),
        "deploymentAnnotations": st.just({"example.com/owner": "shop"}),
        "serviceAnnotations": st.just({"example.com/scrape": "false"}),
        "namespaceLabels": st.sampled_from([{"example.com/a": "1"}, {"example.com/b": "2"}]),
        "imagePullSecrets": st.just(["ghcr"]),
        "invocationLimits": st.just({"memory": "32Mi"}),
        "monitoring": st.just({"interval": "30s"}),
    },
)
_RESOURCES = st.sampled_from(
    [{"requests": {"cpu": "10m", "memory": "32Mi"}}, {"requests": {"cpu": 0.5}, "limits": {"cpu": 1, "memory": "64Mi"}}]
)
_SIZES = st.one_of(
    st.fixed_dictionaries({}, optional={"replicas": st.integers(0, 3), "resources": _RESOURCES}),
    st.fixed_dictionaries({"autoscaling": _SCALING, "resources": _RESOURCES}),
)
_APPS = st.builds(lambda app, size, more: {**app, **size, **more}, _SPECS, _SIZES, _TOGETHER)
_JOBS = st.fixed_dictionaries(
    {
        "artifact": st.just(f"ghcr.io/acme/a@{_DIGEST}"),
        "job": st.fixed_dictionaries(
            {},
            optional={
                "schedule": st.sampled_from(["0 3 * * *", "@daily", "*/5 0-6/2 1,15 jan-mar mon"]),
                "timezone": st.just("Europe/Berlin"),
                "parallelism": st.integers(1, 9),
                "completions": st.integers(1, 9),
                "retries": st.integers(0, 9),
                "ttl": st.just("1h"),
                "deadline": st.sampled_from(["10ms", "30m"]),
            },
        ),
    },
    optional={
        "executor": st.sampled_from(["containerd-shim-spin", "arm", "traced"]),
        "variables": st.fixed_dictionaries({"greeting": _VALUES}),
        "runtimeConfig": _CONFIG,
        "resources": st.just({"limits": {"memory": "64Mi"}}),
    },
)
#: One app that is scaled, with a way in.
SCALED = st.fixed_dictionaries(
    {
        "artifact": st.just(f"ghcr.io/acme/a@{_DIGEST}"), "autoscaling": _SCALING, "resources": _RESOURCES,
        "routes": st.lists(_ROUTES, min_size=1, max_size=1),
    }
).map(lambda spec: [spec])  # fmt: skip
_ARTIFACT = {"artifact": f"ghcr.io/acme/a@{_DIGEST}"}
_SIZED = {"resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"cpu": 1, "memory": "64Mi"}}}
_WAY_IN = {
    "host": "a.example",
    "path": "/b",
    "match": "Exact",
    "annotations": {"a.example/b": "c"},
    "labels": {"a.example/b": "c"},
}
#: Specs that together have every field that becomes part of an object, so that none is left to chance.
WHOLE = [
    {
        **_ARTIFACT, **_SIZED, "namespace": "apps", "executor": "traced", "components": ["web", "b"], "variables": {"greeting": {"value": "x"}},
        "autoscaling": {
            "type": "HPA", "name": "own", "labels": {"a": "b"}, "annotations": {"a": "b"}, "min": 2, "max": 3, "cpu": 50, "memory": 50,
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 60}},
        },
        "routes": [{**_WAY_IN, "ingressClass": "nginx", "tls": "cert"}, {**_WAY_IN, "host": "b.example", "gateway": {"name": "g", "namespace": "n", "sectionName": "https"}}],
        "runtimeConfig": {
            "keyValueStores": {"default": {"type": "redis", "options": {"url": "redis://r"}}},
            "sqliteDatabases": {"default": {"type": "libsql", "options": {"url": "https://db.example", "token": "t"}}},
            "llmCompute": {"type": "remote_http", "options": {"url": "http://llm.ai.svc", "auth_token": {"value": "none"}}},
        },
        "checks": {"readiness": _PROBE, "liveness": _PROBE},
        "network": {"ingress": [], "egress": "fromManifest", "unsayable": "Open"},
        "serviceAccountName": "shared", "serviceAccount": {"create": True, "annotations": {"iam.gke.io/gcp-service-account": "a@b"}},
        "imagePullSecrets": ["ghcr"], "labels": {"a": "b"}, "annotations": {"a": "b"}, "podLabels": {"a": "b"}, "podAnnotations": {"a": "b"},
        "deploymentAnnotations": {"a": "b"}, "serviceAnnotations": {"a": "b"}, "namespaceLabels": {"a": "b"},
        "volumes": [{"name": "d", "emptyDir": {}}], "volumeMounts": [{"name": "d", "mountPath": "/d", "readOnly": True}],
        "invocationLimits": {"memory": "32Mi"}, "disruption": {"minAvailable": 1}, "monitoring": {"interval": "30s"},
    },
    {
        **_ARTIFACT, **_SIZED, "disruption": {"maxUnavailable": 1},
        "autoscaling": {"type": "KEDA", "max": 3, "pollingInterval": 5, "cooldownPeriod": 60, "schedule": [_CRON], "triggers": [{"type": "prometheus", "metadata": {"serverAddress": "http://p", "query": "q", "threshold": 1.5}}]},
        "routes": [{"host": "a.example", "paths": "fromManifest"}],
        "runtimeConfig": {"providers": [{"type": "env"}], "settings": {"max_instance_memory": 1024}, "keyValueStores": {"default": {"type": "redis", "options": {"url": "redis://r"}}}},
    },
    *(
        {**_ARTIFACT, "autoscaling": {"type": "HTTP", "max": 3, target: 5}, "routes": [{"host": "a.example"}], "runtimeConfig": {"loadFromSecret": "own"}}
        for target in ("concurrency", "requestRate")
    ),
    {**_ARTIFACT, "replicas": 2},
    {
        **_ARTIFACT,
        "job": {"schedule": "@daily", "timezone": "Europe/Berlin", "parallelism": 2, "completions": 3, "retries": 4, "ttl": "1h", "deadline": "30m"},
    },
]  # fmt: skip
#: Specs of apps, some of them jobs.
FLEETS = st.lists(st.one_of(_APPS, _APPS, _JOBS, st.sampled_from(WHOLE)), min_size=1, max_size=3)


def text_of(value: Any) -> str:
    """Give a document as YAML can read it: characters beyond the basic plane as they are, not as pairs of escapes."""
    return json.dumps(value, ensure_ascii=False)


class Tree:
    """Files in memory, as a commit has them."""

    commit = "c" * 40
    problems = ()

    def __init__(self, files: dict[str, str]) -> None:
        self._data = {path: text.encode() for path, text in sorted(files.items())}
        self.files = {
            path: File(path, hashlib.sha256(data).hexdigest()[:40], len(data)) for path, data in self._data.items()
        }

    def read(self, path: str) -> bytes:
        return self._data[path]


def tree(specs: list[Any]) -> Tree:
    """Give the files of a fleet of two clusters alike and an app a0, a1, … for each spec."""
    spec = {"spin": "3.6", "capabilities": _CAPABILITIES, "executors": {"traced": {"caCertSecret": "authorities"}}}
    bundle = {**HEAD, "kind": "Bundle", "metadata": {"name": "b"}, "spec": {"path": "b", "namespace": "default"}}
    files = {
        "fleet.yaml": text_of({**HEAD, "kind": "Fleet", "metadata": {"name": "f"}, "spec": {"executors": _EXECUTORS}}),
        **{
            f"clusters/{name}.yaml": text_of({**HEAD, "kind": "Cluster", "metadata": {"name": name}, "spec": spec})
            for name in CLUSTERS
        },
        "bundle.yaml": text_of(bundle),
        "b/b.yaml": _BUNDLE,
    }
    for number, app in enumerate(specs):
        files[f"a{number}/app.yaml"] = text_of({**HEAD, "kind": "App", "metadata": {"name": f"a{number}"}, "spec": app})
        files[f"a{number}/spin.toml"] = _COMMAND if "job" in app else _SPIN
    return Tree(files)


def rendered(specs: list[Any], cluster: str = CLUSTERS[0]) -> tuple[Assignment, dict[str, Rendered]]:
    """Give a fleet of these specs as a cluster is to run it, and what is rendered."""
    loaded = load(tree(specs))
    assert loaded.fleet is not None, [str(problem) for problem in loaded.problems]
    assignment = assign(loaded.fleet, cluster)
    return assignment, dict(render(assignment))
