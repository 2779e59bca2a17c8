"""How fast apps are rendered and owned fields hashed.

    python bench/render.py [APPS]

Prints one JSON object, all times in CPU time of one core: apps a second for a whole cluster, the same for a tenth of them (equal where the
cost is linear), kilobytes an app of what is rendered, milliseconds for one app: rendered, and from its definition (merged with
defaults and overrides, checked against its cluster, rendered); microseconds for one hash of a Deployment.
"""

from __future__ import annotations

import json
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

from reconciler.fleet import load
from reconciler.fleet.assign import assign_here, here
from reconciler.fleet.model import AppAssignment, Assignment, Cluster, Executor, Fleet
from reconciler.manifest.model import Application, Component, Trigger
from reconciler.plan.owned import owned_hash
from reconciler.render import render, render_unit
from reconciler.tree import File

_MANAGER = "spinfleet-0123456789abcdef"
_CLUSTER = Cluster(name="eu", path="eu.yaml", line=1)
_EXECUTOR = Executor(
    name="containerd-shim-spin",
    spec={"createDeployment": True, "deploymentConfig": {"runtimeClassName": "wasmtime-spin-v2"}},
    path="fleet.yaml",
)


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
        application=application, manifest_path="spin.toml", version="0" * 64, fleet="acme", executor=_EXECUTOR,
    )  # fmt: skip


class _Files:
    """A fleet of one cluster and some apps, as a commit has them."""

    commit = None
    problems = ()

    def __init__(self, count: int) -> None:
        head = "apiVersion: spinfleet.dev/v1alpha1\nkind: {}\nmetadata: {{name: {}}}\nspec: {}\n"
        manifest = '[application]\nname = "a"\n[[trigger.http]]\nroute = "/..."\ncomponent = "w"\n[component.w]\nsource = "w.wasm"\n'
        files = {"fleet.yaml": head.format("Fleet", "acme", "{}"), "eu.yaml": head.format("Cluster", "eu", "{}")}
        for number in range(count):
            wanted = {key: value for key, value in app(number).spec.items() if key != "variables"}
            wanted["overrides"] = [{"clusters": {"names": ["eu"]}, "spec": {"replicas": 3}}]
            files[f"{number:05d}/app.yaml"] = head.format("App", f"app-{number:05d}", json.dumps(wanted))
            files[f"{number:05d}/spin.toml"] = "spin_manifest_version = 2\n" + manifest
        self._data = {path: text.encode() for path, text in sorted(files.items())}
        self.files = {path: File(path, f"{index:040x}", len(self._data[path])) for index, path in enumerate(self._data)}

    def read(self, path: str) -> bytes:
        return self._data[path]


def from_definition(count: int) -> float:
    """Give the CPU seconds from the definition of one app of a fleet to its objects."""
    fleet = load(_Files(count)).fleet
    assert fleet is not None
    place = here(fleet, "eu")

    def one() -> None:
        unit = assign_here(fleet, place, "app-00001")
        assert isinstance(unit, AppAssignment), unit
        assert render_unit(unit, place.cluster).objects

    return best(lambda: [one() for _ in range(200)]) / 200


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
    """Give the least CPU seconds that some work took: on a busy machine the clock says little."""
    taken = []
    for _ in range(times):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)


def main(count: int) -> None:
    fleet = Fleet(name="f", path="f.yaml", line=1, commit=None, spec={}, clusters={"eu": _CLUSTER}, apps={}, bundles={})
    units = {each.name: each for each in map(app, range(count))}
    assignment = Assignment(cluster=_CLUSTER, commit=None, fleet=fleet, units=units)
    live, one = deployment(), app(1)
    whole = best(lambda: render(assignment))
    tenth = Assignment(
        cluster=_CLUSTER, commit=None, fleet=fleet, units=dict(list(units.items())[: max(1, count // 10)])
    )
    part = best(lambda: render(tenth))
    tracemalloc.start()
    kept = render(assignment)
    memory = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    result = {
        "apps": count,
        "objects": sum(len(each.objects) for each in kept.values()),
        "seconds": round(whole, 3),
        "apps_per_second": round(count / whole),
        "apps_per_second_of_a_tenth": round(len(tenth.units) / part),
        "kb_per_app": round(memory / count / 1024, 1),
        "one_app_ms": round(best(lambda: [render_unit(one, _CLUSTER) for _ in range(1000)]), 3),
        "one_app_from_its_definition_ms": round(from_definition(min(count, 200)) * 1000, 3),
        "owned_hash_us": round(best(lambda: [owned_hash(live, _MANAGER) for _ in range(10_000)]) * 100, 1),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
