"""`spinfleet diff` says what the API server would make of each object, as the agent would send it, and writes nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from reconciler.agent.install import DEPLOYER_ACCOUNT, NAMESPACE
from tests.agent.conftest import World
from tests.rights import account, wait_until_allowed

pytestmark = pytest.mark.cluster


def _diff(world: World, folder: Path, *arguments: str) -> tuple[int, dict[str, dict[str, Any]], str]:
    """Give the exit code, the steps by kind and name, and what is told beside them."""
    place = ["--fleetsync", f"{NAMESPACE}/f-{world.id}", "--kubeconfig", str(world.plane.kubeconfig)]
    options = ["--cluster", "here", "--path", str(folder), "-o", "json", *place, *arguments]
    command = [sys.executable, "-c", "from reconciler.cli.main import main; main()", "diff", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    steps = json.loads(done.stdout) if done.stdout else []
    return done.returncode, {f"{each['object']['kind']}/{each['object']['name']}": each for each in steps}, done.stderr


def _bundle(*objects: dict[str, Any], **spec: Any) -> dict[str, str]:
    head = {"apiVersion": "spinfleet.dev/v1alpha1", "kind": "Bundle", "metadata": {"name": "extra"}}
    return {
        "bundle.yaml": json.dumps({**head, "spec": {"path": "./extra", **spec}}),
        "extra/all.yaml": "---\n".join(json.dumps(obj) + "\n" for obj in objects),
    }


def _write(folder: Path, *files: dict[str, str]) -> Path:
    for each in files:
        for name, text in each.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
    return folder


def _deployment(world: World, name: str, *, cpu: str, labels: str = "", **spec: Any) -> dict[str, Any]:
    selected = {"app": labels or name}
    container = {
        "name": "main",
        "image": "registry.example/main:1",
        "ports": [{"containerPort": 53}, {"containerPort": 53, "protocol": "UDP"}],
        "resources": {"requests": {"cpu": cpu}},
    }
    template = {"metadata": {"labels": selected}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": world.namespace},
        "spec": {"selector": {"matchLabels": selected}, "template": template, **spec},
    }


def _config(world: World, name: str, **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": world.namespace},
        "data": data,
    }


def test_what_a_running_fleet_would_see_is_the_servers_own_word(world: World, tmp_path: Path) -> None:
    one = _deployment(world, "one", cpu="0.50", replicas=0)
    world.plane.kubectl("create", "namespace", world.namespace)
    world.create(policy=world.policy())
    world.start()
    world.until_ready(world.commit(world.fleet(), _bundle(one, _config(world, "c", mode="ours"))))
    world.stop()
    folder = _write(tmp_path / "fleet", world.fleet(), _bundle(one, _config(world, "c", mode="ours")))
    # What was written as 0.50 is 500m by now: the server says that nothing would change.
    assert _diff(world, folder)[:2] == (0, {})

    patched = ("patch", "configmap", "c", "-n", world.namespace, "--type=merge")
    world.plane.kubectl(*patched, "-p", '{"data":{"mode":"theirs","more":"kept"}}', "--field-manager=somebody")
    code, steps, _ = _diff(world, folder)
    assert (code, list(steps)) == (1, ["ConfigMap/c"])
    (field,) = steps["ConfigMap/c"]["diff"]
    assert field == {"pointer": "/data/mode", "live": "theirs", "desired": "ours", "setBy": ["somebody"]}

    # A selector never changes, and a port has no name like this: the agent would meet just these refusals.
    moved = _deployment(world, "one", cpu="0.50", labels="other", replicas=0)
    wrong = {**_config(world, "w"), "apiVersion": "v1", "data": {"not a key!": "x"}}
    nobodys = {**_config(world, "n"), "apiVersion": "nobody.example/v1", "kind": "Thing"}
    new = _deployment(world, "new", cpu="100m", replicas=0)
    before = world.get("v1/configmaps", "c")
    _write(folder, _bundle(moved, wrong, nobodys, new))
    code, steps, _ = _diff(world, folder)
    assert code == 1
    assert {name: step["action"] for name, step in steps.items()} == {
        "Deployment/one": "blocked",
        "ConfigMap/w": "blocked",
        "Thing/n": "blocked",
        "Deployment/new": "create",
        "ConfigMap/c": "prune",
    }
    assert "immutable" in steps["Deployment/one"]["reason"]
    assert "not a key!" in steps["ConfigMap/w"]["reason"]
    assert "does not serve Thing of nobody.example/v1" in steps["Thing/n"]["reason"]
    made = {change["pointer"]: change["desired"] for change in steps["Deployment/new"]["diff"]}
    assert made["/spec/strategy/type"] == "RollingUpdate"  # a default of the server
    assert world.get("v1/configmaps", "c") == before
    assert world.get("apps/v1/deployments", "new") is None


def test_what_comes_with_the_fleet_and_what_would_be_taken_over(world: World, tmp_path: Path) -> None:
    names = {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    group = f"w{world.id}.example"
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"widgets.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [version]},
    }
    widget = {**_config(world, "w"), "apiVersion": f"{group}/v1", "kind": "Widget", "data": {"a": "b"}}
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"{world.namespace}-new"}}
    inside = {**_config(world, "inside"), "metadata": {"name": "inside", "namespace": f"{world.namespace}-new"}}
    lost = {**_config(world, "lost"), "metadata": {"name": "lost", "namespace": f"{world.namespace}-nowhere"}}
    world.plane.kubectl("create", "namespace", world.namespace)
    theirs = _config(world, "theirs", kept="1", dropped="2")
    world.plane.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(theirs))
    folder = _write(tmp_path / "fleet", world.fleet())
    _write(folder, _bundle(definition, widget, space, inside, lost, _config(world, "theirs", kept="1")))

    # There is no FleetSync yet.
    code, steps, told = _diff(world, folder)
    assert code == 1
    assert "there is no such FleetSync yet" in told
    assert {name: step["action"] for name, step in steps.items()} == {
        f"CustomResourceDefinition/widgets.{group}": "create",
        f"Namespace/{world.namespace}-new": "create",
        "ConfigMap/inside": "create",
        "ConfigMap/lost": "blocked",
        "Widget/w": "create",
        "ConfigMap/theirs": "blocked",
    }
    assert "its namespace comes with the fleet" in steps["ConfigMap/inside"]["reason"]
    assert "its kind comes with the fleet" in steps["Widget/w"]["reason"]
    assert f'namespaces "{world.namespace}-nowhere" not found' in steps["ConfigMap/lost"]["reason"]

    world.create(policy=world.policy(adoption="Adopt", kinds=["ConfigMap"]))
    code, steps, _ = _diff(world, folder)
    assert "taken over from kubectl" in steps["ConfigMap/theirs"]["reason"]
    assert {"pointer": "/data/dropped", "live": "2", "desired": None} in steps["ConfigMap/theirs"]["diff"]
    assert "spec.policy.kinds" in steps["Widget/w"]["reason"]

    # The FleetSync's account may do all of it; one with no right but to read is told so, object by object.
    deployer = account(NAMESPACE, DEPLOYER_ACCOUNT)
    assert _diff(world, folder, "--as", deployer)[0] == 1
    world.plane.kubectl("create", "serviceaccount", "reader", "-n", world.namespace)
    view = ("--clusterrole=view", f"--serviceaccount={world.namespace}:reader", "-n", world.namespace)
    world.plane.kubectl("create", "rolebinding", "reader", *view)
    reader = account(world.namespace, "reader")
    wait_until_allowed(world.plane, reader, "list", "configmaps", namespace=world.namespace)
    code, steps, _ = _diff(world, folder, "--as", reader)
    assert code == 2
    assert steps["ConfigMap/theirs"]["action"] == "unknown"
    assert "a dry run needs the rights of the write" in steps["ConfigMap/theirs"]["reason"]
