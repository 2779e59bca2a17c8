"""`spinfleet init --from-cluster` reads SpinApps and what belongs to them off a real API server; the fleet renders them back."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.convert.compare import differences
from reconciler.convert.objects import take
from reconciler.local import publish
from reconciler.local.controlplane import ControlPlane
from reconciler.manifest import parse

pytestmark = pytest.mark.cluster

MANIFEST = """\
spin_manifest_version = 2
[application]
name = "cart"
version = "2.1.0"
authors = ["A <a@acme.example>"]
[variables]
greeting = { default = "hi \\"you\\"" }
token = { required = true, secret = true }
[[trigger.http]]
route = "/a/:id"
component = "main"
[[trigger.http]]
route = { private = true }
component = "other"
[component.main]
source = "main.wasm"
allowed_outbound_hosts = ["https://api.acme.example", "redis://{{ token }}:6379"]
key_value_stores = ["default"]
sqlite_databases = ["default"]
[component.main.variables]
greeting = "{{ greeting }}"
[component.main.environment]
LEVEL = "debug"
[component.other]
source = "other.wasm"
ai_models = ["llama2-chat"]
"""


def spinfleet(plane: ControlPlane, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from reconciler.cli.main import main; main()", *arguments],
        env={**os.environ, "KUBECONFIG": str(plane.kubeconfig)}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def objects(namespace: str, image: str) -> list[dict[str, Any]]:
    def of(version: str, kind: str, name: str, **spec: Any) -> dict[str, Any]:
        return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec}

    percent = {"type": "Utilization", "averageUtilization": 60}
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "cart"}
    backend = {"service": {"name": "cart", "port": {"number": 80}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    reference = {"secretKeyRef": {"name": "cart", "key": "token"}}
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": percent}}
    return [
        of("core.spinkube.dev/v1alpha1", "SpinAppExecutor", "containerd-shim-spin", createDeployment=True,
           deploymentConfig={"runtimeClassName": "wasmtime-spin-v2", "installDefaultCACerts": True}),
        of("core.spinkube.dev/v1alpha1", "SpinApp", "cart", image=image, executor="containerd-shim-spin", enableAutoscaling=True,
           resources={"limits": {"cpu": "100m", "memory": "128Mi"}}, variables=[{"name": "token", "valueFrom": reference}],
           runtimeConfig={"keyValueStores": [{"name": "default", "type": "redis", "options": [{"name": "url", "value": "redis://redis:6379"}]}],
                          "sqliteDatabases": [{"name": "default", "type": "libsql", "options": [{"name": "url", "value": "http://db"}, {"name": "token", "valueFrom": reference}]}]},
           checks={"readiness": {"httpGet": {"path": "/healthz"}}}),
        of("autoscaling/v2", "HorizontalPodAutoscaler", "cart-hpa", scaleTargetRef=target, minReplicas=2, maxReplicas=4, metrics=[metric]),
        of("autoscaling/v2", "HorizontalPodAutoscaler", "others", scaleTargetRef={**target, "name": "web"}, minReplicas=2, maxReplicas=4, metrics=[metric]),
        of("networking.k8s.io/v1", "Ingress", "cart", rules=[{"host": "cart.acme.example", "http": {"paths": [path]}}]),
    ]  # fmt: skip


def test_what_runs_becomes_a_fleet_that_renders_it(
    control_plane: ControlPlane, registry: str, namespace: str, tmp_path: Path
) -> None:
    application = parse(MANIFEST.encode(), "spin.toml").application
    assert application is not None
    artifact = publish.assemble_application(application, {"main": b"\0asm\1\0\0\0", "other": b"\0asm\1\0\0\0\0\1\0"})
    digest = publish.push(artifact, registry, f"{namespace}/cart")
    given = objects(namespace, f"ghcr.io/{namespace}/cart@{digest}")
    control_plane.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(given))
    live = json.loads(
        control_plane.kubectl("get", "spinapp,spinappexecutor,hpa,ingress", "-n", namespace, "-o", "json")
    )["items"]

    made = spinfleet(
        control_plane, "init", str(tmp_path / "fleet"), "--from-cluster", "-n", namespace, "--cluster", "here",
        "--registry-mirror", f"ghcr.io/{namespace}={registry}", "--plain-http", "-o", "json",
    )  # fmt: skip

    assert made.returncode == 0, made.stderr
    became = {
        each["object"].partition(" ")[0].partition(".")[0]: each["became"]
        for each in json.loads(made.stdout)["objects"]
    }
    assert became == {
        "SpinApp": "app",
        "HorizontalPodAutoscaler": "app",
        "SpinAppExecutor": "bundle",
        "Ingress": "app",
    }
    rendered = spinfleet(control_plane, "render", "--path", str(tmp_path / "fleet"), "--cluster", "here", "-o", "json")
    back = take(json.loads(rendered.stdout)["items"]).objects
    for key, obj in take(copy.deepcopy(live)).objects.items():
        if key.name != "others":
            assert differences(obj, back[key]) == (), key
    manifest = (tmp_path / "fleet" / "apps" / "cart" / "spin.toml").read_bytes()
    assert parse(manifest, "spin.toml").problems == ()
    verified = spinfleet(
        control_plane, "verify", "cart", "--path", str(tmp_path / "fleet"),
        "--registry-mirror", f"ghcr.io/{namespace}={registry}", "--plain-http", "-o", "json",
    )  # fmt: skip
    assert "is not in spin.toml" not in verified.stdout
    assert '"artifact.git"' not in verified.stdout, verified.stdout
