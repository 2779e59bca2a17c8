"""Others write to the same objects by right: an admission webhook, an autoscaler, people, a definition that changes its lists."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from reconciler.local.certificates import issue, new_authority
from tests.agent.conftest import World

pytestmark = pytest.mark.cluster


def _bundle(name: str, *objects: dict[str, Any], **spec: Any) -> dict[str, str]:
    bundle = {
        "apiVersion": "spinfleet.dev/v1alpha1",
        "kind": "Bundle",
        "metadata": {"name": name},
        "spec": {"path": f"./objects-{name}", **spec},
    }
    return {
        f"{name}.yaml": json.dumps(bundle),
        f"objects-{name}/all.yaml": "---\n".join(json.dumps(obj) + "\n" for obj in objects),
    }


def _object(world: World, api: str, kind: str, name: str, **fields: Any) -> dict[str, Any]:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": world.namespace}, **fields}


def _start(world: World, *files: dict[str, str]) -> None:
    world.plane.kubectl("create", "namespace", world.namespace)
    commit = world.commit(world.fleet(), *files)
    world.create(policy=world.policy())
    world.start()
    world.until_ready(commit)


def _fence(world: World, value: str) -> None:
    """Have the agent take a commit that touches another object only: whatever it has queued before is done by then."""
    fence = _object(world, "v1", "ConfigMap", "fence", data={"value": value})
    world.until_ready(world.commit(_bundle("fence", fence)))


def _version(world: World, kind: str, name: str) -> str:
    found = world.get(kind, name)
    assert found is not None
    return str(found["metadata"]["resourceVersion"])


class _Mutating(BaseHTTPRequestHandler):
    """Sets data.mode of whatever it is asked about."""

    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        patch = json.dumps([{"op": "add", "path": "/data/mode", "value": "by the webhook"}]).encode()
        response = {
            "uid": review["request"]["uid"],
            "allowed": True,
            "patchType": "JSONPatch",
            "patch": base64.b64encode(patch).decode(),
        }
        body = json.dumps({**{key: review[key] for key in ("apiVersion", "kind")}, "response": response}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: Any) -> None:
        """Say nothing: the test's output is its own."""


@contextmanager
def _webhook(world: World) -> Iterator[None]:
    """Have a real webhook change ConfigMaps named `settings` of this test's namespace."""
    authority = new_authority()
    certificate, key = issue(authority, world.folder, "webhook", common_name="webhook", server=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Mutating)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    name = f"mutating-{world.id}"
    selector = {"matchLabels": {"kubernetes.io/metadata.name": world.namespace}}
    hook = {
        "name": "settings.example.com",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "timeoutSeconds": 30,
        "namespaceSelector": selector,
        "matchConditions": [{"name": "settings", "expression": "object.metadata.name == 'settings'"}],
        "clientConfig": {
            "url": f"https://127.0.0.1:{server.server_address[1]}/",
            "caBundle": base64.b64encode(authority.pem()).decode(),
        },
        "rules": [
            {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["CREATE", "UPDATE"]}
        ],
    }
    configuration = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [hook],
    }
    world.plane.kubectl("create", "-f", "-", stdin=json.dumps(configuration))
    try:
        yield
    finally:
        world.plane.kubectl("delete", "mutatingwebhookconfiguration", name)
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_webhook_that_changes_a_field_of_ours_is_no_drift(world: World) -> None:
    def probed() -> bool:
        """The API server learns of a webhook a moment after it is made."""
        probe = _object(world, "v1", "ConfigMap", "settings", data={"probe": "x"})
        made = world.plane.kubectl("create", "--dry-run=server", "-o", "json", "-f", "-", stdin=json.dumps(probe))
        return bool(json.loads(made)["data"].get("mode"))

    world.plane.kubectl("create", "namespace", world.namespace)
    with _webhook(world):
        world.until(probed, "the webhook is called")
        settings = _object(world, "v1", "ConfigMap", "settings", data={"mode": "ours", "level": "1"})
        commit = world.commit(world.fleet(), _bundle("extra", settings))
        world.create(policy=world.policy())
        world.start()
        world.until_ready(commit)
        found = world.get("v1/configmaps", "settings")
        assert found is not None
        assert found["data"] == {"mode": "by the webhook", "level": "1"}
        before = _version(world, "v1/configmaps", "settings")
        _fence(world, "1")
        assert _version(world, "v1/configmaps", "settings") == before

        # A restart can't know that it is as it was left: it asks once, and the webhook gives the same answer.
        world.stop()
        world.start()
        _fence(world, "2")
        assert _version(world, "v1/configmaps", "settings") == before

        # What the webhook does not set is healed as ever.
        world.plane.kubectl(
            "patch", "configmap", "settings", "-n", world.namespace, "--type=merge", "-p", '{"data":{"level":"9"}}'
        )
        world.until(
            lambda: (world.get("v1/configmaps", "settings") or {})["data"] == {"mode": "by the webhook", "level": "1"},
            "the other field is healed",
        )


def test_replicas_that_an_autoscaler_sets_are_left_to_it_through_drift_and_new_versions(world: World) -> None:
    def files(image: str) -> dict[str, str]:
        labels = {"app": "web"}
        containers = [{"name": "web", "image": image, "resources": {"requests": {"cpu": "10m"}}}]
        template = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
        spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
        metric = {
            "type": "Resource",
            "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}},
        }
        scaler = {"scaleTargetRef": target, "minReplicas": 3, "maxReplicas": 5, "metrics": [metric]}
        return _bundle(
            "web",
            _object(world, "apps/v1", "Deployment", "web", spec=spec),
            _object(world, "autoscaling/v2", "HorizontalPodAutoscaler", "web", spec=scaler),
        )

    def deployment() -> dict[str, Any]:
        return world.get("apps/v1/deployments", "web") or {}

    _start(world, files("example.com/web:1"))
    world.until(lambda: deployment()["spec"]["replicas"] == 3, "the autoscaler has its least", seconds=120)
    patch = '{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"example.com/other:1"}]}}}}'
    world.plane.kubectl("patch", "deployment", "web", "-n", world.namespace, "-p", patch)

    def image() -> str:
        return str(deployment()["spec"]["template"]["spec"]["containers"][0]["image"])

    world.until(lambda: image() == "example.com/web:1", "the image is healed")
    assert deployment()["spec"]["replicas"] == 3
    commit = world.commit(files("example.com/web:2"))
    world.until(lambda: image() == "example.com/web:2", "a new version is applied")
    world.until_ready(commit)
    assert deployment()["spec"]["replicas"] == 3


def test_what_people_change_of_ours_is_put_back_and_what_they_add_stays(world: World) -> None:
    settings = _object(world, "v1", "ConfigMap", "settings", data={"mode": "ours"})
    _start(world, _bundle("extra", settings))

    def data() -> dict[str, str]:
        return dict((world.get("v1/configmaps", "settings") or {})["data"])

    # What `kubectl edit` sends: a patch under its own field manager.
    patch = '{"data":{"mode":"edited","note":"added"}}'
    world.plane.kubectl(
        "patch",
        "configmap",
        "settings",
        "-n",
        world.namespace,
        "--type=merge",
        "-p",
        patch,
        "--field-manager=kubectl-edit",
    )
    world.until(lambda: data() == {"mode": "ours", "note": "added"}, "the edit is put back")
    theirs = json.dumps({**settings, "data": {"mode": "applied", "more": "x"}})
    world.plane.kubectl("apply", "-f", "-", stdin=theirs)
    world.until(lambda: data()["mode"] == "ours", "the apply is put back")
    assert data() == {"mode": "ours", "note": "added", "more": "x"}


def test_a_list_whose_definition_changes_how_it_merges_ends_as_git_says(world: World) -> None:
    group = f"w{world.id}.example.com"

    def definition(**items: Any) -> dict[str, Any]:
        item = {
            "type": "object",
            "properties": {"name": {"type": "string"}, "value": {"type": "string"}},
            "required": ["name"],
        }
        spec = {"type": "object", "properties": {"items": {"type": "array", "items": item, **items}}}
        schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}
        return {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"things.{group}"},
            "spec": {
                "group": group,
                "scope": "Namespaced",
                "names": {"plural": "things", "singular": "thing", "kind": "Thing"},
                "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
            },
        }

    def thing(*items: dict[str, str]) -> dict[str, Any]:
        return _object(world, f"{group}/v1", "Thing", "thing", spec={"items": list(items)})

    def live() -> list[dict[str, str]]:
        return list((world.get(f"{group}/v1/things", "thing") or {})["spec"]["items"])

    def patch(value: str) -> None:
        world.plane.kubectl("patch", f"things.{group}", "thing", "-n", world.namespace, "--type=json", "-p", value)

    a, added = {"name": "a", "value": "1"}, {"name": "b", "value": "2"}
    no_more = world.allow(group, "things")
    keyed = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
    try:
        _start(world, _bundle("types", definition()), _bundle("things", thing(a), dependsOn=["types"]))
        patch('[{"op":"add","path":"/spec/items/-","value":{"name":"b","value":"2"}}]')
        world.until(lambda: live() == [a], "a list that is owned as a whole is put back whole")

        world.until_ready(world.commit(_bundle("types", definition(**keyed))))
        newer = {"name": "a", "value": "2"}
        world.until_ready(world.commit(_bundle("things", thing(newer), dependsOn=["types"])))
        patch('[{"op":"add","path":"/spec/items/-","value":{"name":"b","value":"2"}}]')
        patch('[{"op":"replace","path":"/spec/items/0/value","value":"9"}]')
        world.until(lambda: live() == [newer, added], "items that others add stay, ours are healed")

        world.until_ready(world.commit(_bundle("types", definition())))
        world.until_ready(world.commit(_bundle("things", thing(a), dependsOn=["types"])))
        world.until(lambda: live() == [a], "owned as a whole again, it is Git's whole")
        before = _version(world, f"{group}/v1/things", "thing")
        _fence(world, "1")
        assert _version(world, f"{group}/v1/things", "thing") == before
    finally:
        no_more()
        world.plane.kubectl("delete", "crd", f"things.{group}", "--ignore-not-found", "--wait=false")
