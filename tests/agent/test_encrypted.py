"""Values that are encrypted in Git reach their objects in the cluster, and nothing else: no log, event, status, diff or metric."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import urllib.request
from typing import Any

import pyrage
import pytest

from reconciler.agent.install import NAMESPACE
from reconciler.local import publish
from reconciler.local.ports import free_ports
from reconciler.manifest import parse
from tests.agent.conftest import APP, MANIFEST, World
from tests.sops_encryptor import as_yaml, encrypt

pytestmark = pytest.mark.cluster

PLANTED = "planted-value-9f3c"
OTHER = "planted-other-71aa"
KEYS = ("data", "stringData")


class Keys:
    """An age key, and the Secret in the cluster that the agent reads it from."""

    def __init__(self, world: World) -> None:
        self.world, self.identity, self.name = world, pyrage.x25519.Identity.generate(), f"age-{world.id}"

    def install(self) -> None:
        obj = {
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": self.name},
            "stringData": {"main.agekey": f"# a key\n{self.identity}\n", "note": "not a key"},
        }  # fmt: skip
        self.world.plane.request("POST", f"/api/v1/namespaces/{NAMESPACE}/secrets", obj)

    def sealed(self, *documents: dict[str, Any], keys: tuple[str, ...] = KEYS) -> str:
        return as_yaml(encrypt(documents, [self.identity.to_public()], keys=keys))

    def spec(self) -> dict[str, Any]:
        return {"decryption": {"secretRef": {"name": self.name}}}


@pytest.fixture
def keys(world: World) -> Any:
    made = Keys(world)
    yield made
    world.plane.kubectl("delete", "secret", made.name, "-n", NAMESPACE, "--ignore-not-found")


def secret(name: str, **values: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, **values}


def bundle(world: World, *files: str) -> dict[str, str]:
    head = "apiVersion: spinfleet.dev/v1alpha1\nkind: Bundle\nmetadata: {name: platform}\n"
    found = {"platform.yaml": f"{head}spec: {{path: m, namespace: {world.namespace}}}\n"}
    found["m/0.yaml"] = f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {world.namespace}}}\n"
    return found | {f"m/{number}.yaml": text for number, text in enumerate(files, 1)}


def app_with_values(world: World, keys: Keys, **values: Any) -> dict[str, str]:
    manifest = MANIFEST.format(name="one") + "[variables]\ntoken = { required = true }\n"
    application = parse(manifest.encode(), "spin.toml").application
    assert application is not None
    artifact = publish.assemble_application(application, {"main": world.wasm})
    reference = f"{world.registry}/{world.id}/one@{publish.push(artifact, world.registry, f'{world.id}/one')}"
    document = APP.format(name="one", reference=reference, replicas=1)
    return {
        "apps/one/spin.toml": manifest,
        "apps/one/app.yaml": f"{document}  variables: {{token: {{file: {{path: secrets.yaml, key: token}}}}}}\n",
        "apps/one/secrets.yaml": keys.sealed(values, keys=()),
    }


def value_of(obj: dict[str, Any] | None, key: str) -> str:
    assert obj is not None
    return base64.b64decode(obj["data"][key]).decode()


def test_encrypted_values_arrive_in_plain_and_are_healed(world: World, keys: Keys) -> None:
    keys.install()
    sealed = keys.sealed(
        secret("db", stringData={"password": PLANTED, "port": 5432}, data={"token": base64.b64encode(b"t").decode()}),
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"level": PLANTED}},
    )
    commit = world.commit(world.fleet(), bundle(world, sealed))
    world.create(**keys.spec())
    world.start()
    world.until_ready(commit)

    found = world.get("v1/secrets", "db")
    assert (value_of(found, "password"), value_of(found, "port"), value_of(found, "token")) == (PLANTED, "5432", "t")
    assert (world.get("v1/configmaps", "settings") or {})["data"] == {"level": PLANTED}

    world.plane.kubectl("patch", "secret", "db", "-n", world.namespace, "-p", '{"data":{"password":"eA=="}}')
    world.until(lambda: value_of(world.get("v1/secrets", "db"), "password") == PLANTED, "the value is healed")


def test_a_restart_writes_nothing(world: World, keys: Keys) -> None:
    keys.install()
    commit = world.commit(world.fleet(), bundle(world, keys.sealed(secret("db", stringData={"password": PLANTED}))))
    world.create(**keys.spec())
    world.start()
    world.until_ready(commit)
    before = world.get("v1/secrets", "db")
    (port,) = free_ports(1)
    world.stop()
    world.start(listen=f"127.0.0.1:{port}")
    world.until(lambda: f'spinfleet_members{{fleetsync="{NAMESPACE}/f-{world.id}"}} 2' in metrics(port), "it is up")
    world.until_ready(commit)
    applied = [line for line in metrics(port).splitlines() if "outcome" in line and "configured" in line]

    assert world.get("v1/secrets", "db") == before
    assert all(float(line.rpartition(" ")[2]) == 0 for line in applied if not line.startswith("#")), applied


def test_a_changed_values_file_rolls_the_app_to_a_new_secret(world: World, keys: Keys) -> None:
    keys.install()
    first = world.commit(world.fleet(), app_with_values(world, keys, token=PLANTED))
    world.create(**keys.spec())
    world.start()
    world.until_ready(first)
    old = secret_of_app(world)
    assert value_of(world.get("v1/secrets", old), "token") == PLANTED

    second = world.commit({"apps/one/secrets.yaml": keys.sealed({"token": OTHER}, keys=())})
    world.until_ready(second)
    world.until(lambda: world.get("v1/secrets", old) is None, "the old Secret goes")
    assert value_of(world.get("v1/secrets", secret_of_app(world)), "token") == OTHER


def secret_of_app(world: World) -> str:
    found = world.spinapp("one")
    assert found is not None
    name: str = found["spec"]["variables"][0]["valueFrom"]["secretKeyRef"]["name"]
    return name


def test_without_the_key_that_app_waits_and_the_others_go_on(world: World, keys: Keys) -> None:
    world.commit(world.fleet(), app_with_values(world, keys, token=PLANTED), world.app("two"))
    world.create(**keys.spec())
    world.start()
    world.until(lambda: world.spinapp("two") is not None, "the other app is there")
    world.until(lambda: "sops.no-key" in json.dumps(world.status()), "the status says what is missing")
    assert world.spinapp("one") is None

    keys.install()
    world.until(lambda: world.spinapp("one") is not None, "with its key the app comes")


def metrics(port: int) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def command(world: World, *arguments: str) -> str:
    """Run the command as a user with a kubeconfig; give all that it writes."""
    kubeconfig = world.plane.kubeconfig
    run = subprocess.run(
        [sys.executable, "-c", "from reconciler.cli.main import main; main()", *arguments],
        env={**os.environ, "KUBECONFIG": str(kubeconfig), "SPINFLEET_DEBUG": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return run.stdout + run.stderr


POLICY = """\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: quoting-ID}
spec:
  matchConstraints:
    resourceRules:
    - {apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [secrets]}
  validations:
  - expression: "object.metadata.name != 'quoted'"
    messageExpression: "'it says ' + string(object.data['password'])"
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: quoting-ID}
spec:
  policyName: quoting-ID
  validationActions: [Deny]
  matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: NAMESPACE}}}
"""


def test_no_value_shows_in_any_output_whatever_the_server_refuses(world: World, keys: Keys) -> None:
    keys.install()
    world.plane.kubectl("apply", "-f", "-", stdin=POLICY.replace("NAMESPACE", world.namespace).replace("ID", world.id))
    sealed = keys.sealed(
        secret("fine", stringData={"password": PLANTED}),
        secret("not-base64", data={"password": f"{PLANTED}!!"}),
        secret("bad-key", stringData={"pass word": PLANTED}),
        secret("no-certificate", type="kubernetes.io/tls", stringData={"password": PLANTED}),
        secret("quoted", stringData={"password": PLANTED}),
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "wrong-type"},
            "data": {"level": {"deep": PLANTED}},
        },
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "service"}, "data": {"level": PLANTED}},
    )
    plain = as_yaml(
        [
            secret("plain-not-base64", data={"password": f"{OTHER}!!"}),
            secret("plain-misfit", data={"password": {"deep": OTHER}}),
            secret("plain-unknown-field", stringDatas={"password": OTHER}),
        ]
    )
    files = {**bundle(world, sealed, plain), **app_with_values(world, keys, token=PLANTED), **world.fleet()}
    world.commit(files)
    world.create(**keys.spec())
    (port,) = free_ports(1)
    world.start(listen=f"127.0.0.1:{port}")
    refused = {"not-base64", "bad-key", "no-certificate", "quoted", "wrong-type", "plain-not-base64", "plain-misfit"}
    world.until(lambda: all(name in json.dumps(world.status()) for name in refused), "every refusal is told")
    world.until(
        lambda: world.get("v1/secrets", "fine") is not None and world.spinapp("one") is not None, "the rest is there"
    )
    world.plane.kubectl("patch", "secret", "fine", "-n", world.namespace, "-p", '{"data":{"password":"eA=="}}')
    world.until(lambda: value_of(world.get("v1/secrets", "fine"), "password") == PLANTED, "drift is healed")

    folder = world.folder / "fleet"
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    at = ("--path", str(folder), "--cluster", "here")
    sync = ("--fleetsync", f"{NAMESPACE}/f-{world.id}")
    outputs = {
        "log": world.log.read_text(),
        "fleetsync": json.dumps(world.plane.request("GET", world.path)),
        "events": world.plane.kubectl("get", "events", "-A", "-o", "json"),
        "spinapps": world.plane.kubectl("get", "spinapps", "-n", world.namespace, "-o", "json"),
        "metrics": metrics(port),
        "status": command(world, "status", *sync, "-o", "json"),
        "diff": command(world, "diff", *at, *sync),
        "diff -o json": command(world, "diff", *at, *sync, "-o", "json"),
        "validate": command(world, "validate", str(folder)),
        "cache": "".join(
            path.read_text("utf-8", "replace") for path in (world.folder / "cache").rglob("*") if path.is_file()
        ),
    }
    rendered = command(world, "render", *at)

    for name, text in outputs.items():
        assert text or name in {"log", "cache"}, name
        for value in (PLANTED, OTHER):
            for form in (value, base64.b64encode(value.encode()).decode(), value[:12], value[-12:]):
                assert form not in text, f"{name}: {text[max(0, text.find(form) - 400) : text.find(form) + 200]}"
    assert PLANTED not in rendered
    assert "<encrypted " in rendered
    assert "Secret" in outputs["diff"]
