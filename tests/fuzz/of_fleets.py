"""A fleet's documents, the objects of its Bundles and definitions, encrypted files, and the words in them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

import yaml

from reconciler.check.fleet import FleetCheck
from reconciler.data import schema
from reconciler.fleet import assign, load
from reconciler.fleet.artifact_reference import digest_fault
from reconciler.fleet.artifact_reference import read as read_reference
from reconciler.fleet.cron import schedule_fault
from reconciler.fleet.ignore import Ignore, pattern_fault
from reconciler.fleet.json_reader import read as read_json
from reconciler.fleet.paths import beside
from reconciler.fleet.patterns import identity_fault, matches
from reconciler.fleet.quantity import quantity
from reconciler.fleet.reads import service_name
from reconciler.fleet.scalars import NumberError, resolve
from reconciler.fleet.variables import filled, missing
from reconciler.fleet.yaml_reader import read as read_yaml
from reconciler.git.snapshot import MAX_FILE_SIZE
from reconciler.openapi.grammar import is_base64, is_micro_time, is_qualified_name, is_quantity, is_subdomain, is_time
from reconciler.plan.prepare import prepare, scaled_workloads
from reconciler.render import render
from reconciler.render.duration import seconds
from reconciler.render.routes import ingress_path, path_fault
from reconciler.sops.decrypt import Identities, decrypt, identities
from reconciler.sops.sealed import Fault, is_sealed, open_sealed
from reconciler.tree import File
from tests.fuzz.model import CORPUS, ROOT, Target, files, texts

_HEAD = """\
apiVersion: spinfleet.dev/v1alpha1
kind: Fleet
metadata: {name: acme}
---
apiVersion: spinfleet.dev/v1alpha1
kind: Cluster
metadata: {name: eu, labels: {env: prod}}
spec: {spin: "3.6", kubernetes: "1.34", capabilities: [keda, gateway-api], variables: {domain: eu.acme.example}}
"""
_BUNDLE = f"""\
apiVersion: spinfleet.dev/v1alpha1
kind: Bundle
metadata: {{name: platform}}
spec: {{path: manifests}}
---
apiVersion: spinfleet.dev/v1alpha1
kind: App
metadata: {{name: shop}}
spec:
  artifact: ghcr.io/acme/shop@sha256:{"a" * 64}
  namespace: shop
  executor: special
  variables: {{token: {{secretKeyRef: {{name: token, key: token}}}}}}
  network: {{egress: fromManifest}}
"""
_SPIN = b"""\
spin_manifest_version = 2
[application]
name = "a"
[variables]
token = { required = true }
[[trigger.http]]
route = "/..."
component = "main"
[component.main]
source = "a.wasm"
allowed_outbound_hosts = ["http://web.shop:80", "redis://db:6379"]
"""


#: Of documents: files up to 4 MiB are read, and one that is dense with values takes 1 s for 2 MiB.
_DENSE = 1024 * 1024
#: What the schemas let through to the code that counts seconds.
_DURATION = re.compile(schema("common")["$defs"]["duration"]["pattern"].strip("^$"))


class _Tree:
    """A tree in memory."""

    commit = None
    problems = ()

    def __init__(self, contents: Mapping[str, bytes]) -> None:
        self._contents = contents
        self.files = {
            path: File(path, hashlib.sha1(data, usedforsecurity=False).hexdigest(), len(data))
            for path, data in sorted(contents.items())
        }

    def read(self, path: str) -> bytes:
        return self._contents[path]


def _fleet(data: bytes) -> None:
    for report in (
        FleetCheck().check(_Tree({"fleet.yaml": data, "spin.toml": _SPIN})),
        FleetCheck().check(_Tree({"fleet.yaml": _HEAD.encode(), "more/app.yaml": data, "more/spin.toml": _SPIN})),
    ):
        assert all(len(each.message) <= 2_500 for each in report.problems)


def _objects(data: bytes) -> None:
    head = f"{_HEAD}---\n{_BUNDLE}".encode()
    name = "manifests/a.json" if data.startswith(b"{") and len(data) % 2 else "manifests/a.yaml"
    tree = _Tree({"fleet.yaml": head, "spin.toml": _SPIN, name: data})
    report = FleetCheck().check(tree)
    assert all(len(each.message) <= 2_500 for each in report.problems)
    fleet = load(tree).fleet
    if fleet is not None:
        # What the agent does, which leaves the objects' fields to the API server.
        objects = [each for unit in render(assign(fleet, "eu")).values() for each in unit.objects]
        scaled = scaled_workloads(objects)
        for each in objects:
            prepare(each, "set", scaled)


def _yaml(data: bytes) -> None:
    source = read_yaml(data, "a.yaml")
    for document in source.documents[:3]:
        json.dumps(document.value, allow_nan=False)
        for pointer in ("", "/spec", "/metadata/name", "/items/0", "/a~1b"):
            document.place(pointer)


def _json(data: bytes) -> None:
    source = read_json(data, "a.json")
    for document in source.documents:
        json.dumps(document.value)
        document.place("/spec")


def _keys() -> Identities:
    folder = ROOT / "tests/unit/sops/files"
    return identities({path.name: path.read_text() for path in sorted(folder.glob("test*.agekey"))})


def _sealed(data: bytes) -> None:
    is_json = data.lstrip().startswith(b"{")
    source = (read_json if is_json else read_yaml)(data, "a.json" if is_json else "a.yaml")
    documents = [each.value for each in source.documents]
    if source.problems or not is_sealed(documents):
        return
    file = open_sealed("a.yaml", "b" * 40, documents)
    if not isinstance(file, Fault):
        decrypt(file, _keys())


def _identities(data: bytes) -> None:
    identities({"a.agekey": data.decode("utf-8", "replace")})


def _words(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    for judge in (schedule_fault, identity_fault, digest_fault):
        assert isinstance(judge(text), str)
    for test in (is_quantity, is_time, is_micro_time, is_base64, is_subdomain, is_qualified_name):
        assert isinstance(test(text), bool)
    read_reference(text)
    quantity(text)
    if _DURATION.fullmatch(text):
        seconds(text)
    ingress_path(text)
    path_fault(text, gateway=True)
    beside("a/b.yaml", text)
    service_name(text, "shop")
    cluster = {"name": "eu", "domain": "x" * 50}
    filled(text, cluster)
    missing(text, cluster)
    for pattern, name in ((text, "ghcr.io/acme/checkout"), ("**/acme/*", text), (text, text)):
        matches(pattern, name)
    if not pattern_fault(text):
        ignored = Ignore([text])
        for name in ("docs/a.md", "a/" * 31 + "b", "a" * 255, "x/" + text.strip("/*")[:1000]):
            ignored(name)
    try:
        resolve(text)
    except NumberError:
        return


def _values(*patterns: str) -> list[Any]:
    return [value for data in files(*patterns) for value in yaml.safe_load_all(data) if value is not None]


def _spec_values() -> list[Any]:
    return [each for each in _values("tests/schemas/fleet-*/valid.yaml", "fleet-example/**/*.yaml") if isinstance(each, dict)]  # fmt: skip


_OF_APPS: list[Any] = [
    {"apiVersion": "core.spinkube.dev/v1alpha1", "kind": "SpinAppExecutor", "metadata": {"name": "special", "namespace": "shop"},
     "spec": {"createDeployment": True, "deploymentConfig": {"runtimeClassName": "wasm", "installDefaultCACerts": True, "otel": {"exporter_otlp_endpoint": "http://web.shop:80"}}}},
    {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "wasm"}, "handler": "spin", "scheduling": {"nodeSelector": {"a": "b"}}},
    {"apiVersion": "runtime.spinkube.dev/v1alpha1", "kind": "Shim", "metadata": {"name": "spin"}, "spec": {"runtimeClass": {"name": "wasm", "handler": "spin"}}},
    {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "shop"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]}},
    {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "token", "namespace": "shop"}, "stringData": {"token": "a"}},
]  # fmt: skip


def _object_values() -> list[Any]:
    found = _OF_APPS * 4 + _values(
        "tests/objects/*.yaml", "tests/schemas/fleet-bundle.*/files/*/*.yaml", "deploy/crds/*.yaml"
    )
    return [*found, {"apiVersion": "v1", "kind": "List", "items": found[:3]}]


TARGETS = {
    "fleet-yaml": Target(
        room="fleet",
        parse=_fleet,
        seeds=lambda: files("tests/schemas/fleet-*/*.yaml", "fleet-example/**/*.yaml", "tests/golden/*/fleet/**/*.yaml"),
        values=_spec_values,
        most=_DENSE,
        count=250,
    ),
    "yaml": Target(
        room="fleet",
        parse=_yaml,
        seeds=lambda: files("tests/schemas/fleet-*/*.yaml", "tests/objects/*.yaml", "deploy/crds/*.yaml"),
        most=_DENSE,
        count=600,
    ),
    "json": Target(
        room="fleet",
        parse=_json,
        seeds=lambda: files("schemas/app.schema.json", "schemas/rollout.schema.json", "tests/unit/sops/files/*.json"),
        values=_object_values,
        most=_DENSE,
        count=400,
    ),
    "bundle-objects": Target(
        room="openapi",
        parse=_objects,
        seeds=lambda: files("tests/objects/*.yaml", "tests/schemas/fleet-bundle.*/files/*/*", "deploy/crds/*.yaml"),
        values=_object_values,
        corpus=lambda: files("crds/**/*.yaml", root=CORPUS),
        most=_DENSE,
        count=400,
    ),
    "sops": Target(
        room="sops",
        parse=_sealed,
        seeds=lambda: files("tests/unit/sops/files/*.yaml", "tests/unit/sops/files/*.json"),
        values=lambda: _values("tests/unit/sops/files/secret.*.yaml", "tests/unit/sops/files/values.*.yaml"),
        most=MAX_FILE_SIZE,
        count=400,
    ),
    "age-keys": Target(
        room="sops", parse=_identities, seeds=lambda: files("tests/unit/sops/files/*.agekey"), most=1024 * 1024, count=300
    ),
    "fleet-words": Target(
        room="fleet",
        parse=_words,
        seeds=lambda: texts(
            "ghcr.io/acme/checkout:v1@sha256:" + "a" * 64, "localhost:5000/a/b", "docs/**", "!/a/*.md", "**/node_modules/", "a/[a-z]?.yaml", "*.acme.example", "1h30m", "500ms",
            "0.5s", "1.5Gi", "-100m", "1e3", "*/5 0-23 1,15 JAN-DEC sun", "@every 1h", "https://api.${cluster.domain}/x$${y}", "shop.svc.cluster.local", "/a/:id/...", "/a/*",
            "0x1F", "1_000", "-.inf", "2026-01-01T00:00:00Z", "example.com/name", "YWJj", "2026-01-01T00:00:00.000000Z", "^(prod|test)-[a-z]+$", "../../etc/passwd",
        ),
        most=MAX_FILE_SIZE,
        count=1200,
    ),
}  # fmt: skip
