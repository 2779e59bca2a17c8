"""How fast apps are rendered and owned fields hashed.

    python bench/render.py [APPS]

Prints one JSON object: apps a second for a whole cluster, milliseconds for one app, microseconds for one hash of a Deployment.
"""

from __future__ import annotations

import json
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

from reconciler.fleet.model import AppAssignment, Assignment, Cluster, Fleet
from reconciler.manifest.model import Application, Component, Trigger
from reconciler.plan.owned import owned_hash
from reconciler.render import render, render_unit

_MANAGER = "spinfleet-0123456789abcdef"
_CLUSTER = Cluster(name="eu", path="eu.yaml", line=1)


def app(number: int) -> AppAssignment:
    """Give a simple app: an http trigger, two variables, a route."""
    name = f"app-{number:05d}"
    application = Application(
        manifest_version=2,
        name=name,
        version="1.0.0",
        triggers=(Trigger(type="http", component="web", config={"route": "/..."}),),
        components={"web": Component(id="web", source="web.wasm")},
    )
    spec = {
        "artifact": f"ghcr.io/acme/{name}@sha256:{number:064x}",
        "namespace": f"ns-{number // 100}",
        "executor": "containerd-shim-spin",
        "replicas": 2,
        "resources": {"limits": {"memory": "128Mi"}},
        "variables": {"greeting": {"value": "hi"}, "token": {"secretKeyRef": {"name": name, "key": "token"}}},
        "routes": [{"host": f"{name}.example.com", "ingressClass": "nginx"}],
    }
    return AppAssignment(
        name=name, path=f"apps/{name}.yaml", line=1, namespace=spec["namespace"], spec=spec, origins={},
        application=application, manifest_path="spin.toml", version="v",
    )  # fmt: skip


def deployment() -> dict[str, Any]:
    """Give a Deployment as a server holds it after an apply of 14 fields."""
    container = {f"f:{name}": {} for name in ("name", "image", "command", "resources")}
    ports = {'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}, "f:name": {}}}
    pod = {"f:containers": {'k:{"name":"web"}': {".": {}, **container, "f:ports": ports}}}
    template = {"f:metadata": {"f:labels": {"f:app": {}}}, "f:spec": pod}
    fields = {
        "f:metadata": {"f:labels": {"f:app": {}, "f:part-of": {}}, "f:annotations": {"f:a": {}}},
        "f:spec": {"f:replicas": {}, "f:selector": {}, "f:template": template},
    }
    entry = {"manager": _MANAGER, "operation": "Apply", "apiVersion": "apps/v1", "fieldsV1": fields}
    web = {
        "name": "web",
        "image": "i",
        "command": ["/"],
        "resources": {},
        "ports": [{"containerPort": 80, "protocol": "TCP", "name": "h"}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"labels": {"app": "a", "part-of": "b"}, "annotations": {"a": "b"}, "managedFields": [entry]},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "a"}}, "template": {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [web]}}},
    }  # fmt: skip


def best(work: Callable[[], object], times: int = 3) -> float:
    """Give the least seconds that some work took."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return min(taken)


def main(count: int) -> None:
    fleet = Fleet(name="f", path="f.yaml", line=1, commit=None, spec={}, clusters={"eu": _CLUSTER}, apps={}, bundles={})
    units = {each.name: each for each in map(app, range(count))}
    assignment = Assignment(cluster=_CLUSTER, commit=None, fleet=fleet, units=units)
    live, one = deployment(), app(1)
    whole = best(lambda: render(assignment))
    tracemalloc.start()
    kept = render(assignment)
    memory = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    result = {
        "apps": count,
        "objects": sum(len(each.objects) for each in kept.values()),
        "seconds": round(whole, 3),
        "apps_per_second": round(count / whole),
        "kb_per_app": round(memory / count / 1024, 1),
        "one_app_ms": round(best(lambda: [render_unit(one, _CLUSTER) for _ in range(1000)]), 3),
        "owned_hash_us": round(best(lambda: [owned_hash(live, _MANAGER) for _ in range(10_000)]) * 100, 1),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
