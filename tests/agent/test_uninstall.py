"""`spinfleet uninstall` takes away what `install` made, and nothing else; the workloads stay."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.agent.install import NAMESPACE
from reconciler.local.binary import find_or_build
from reconciler.local.controlplane import ControlPlane
from tests.agent.conftest import World, a_world
from tests.agent.test_deleting import assert_nobodys
from tests.agent.test_last_releases import bundle, namespace
from tests.keeper import install

pytestmark = pytest.mark.cluster


@pytest.fixture
def alone(tmp_path: Path, registry: str, tiny_wasm: bytes) -> Iterator[World]:
    """A fleet on a control plane of its own, which may lose Spinfleet."""
    plane = ControlPlane.start(find_or_build(), tmp_path / "plane", workloads=False)
    try:
        install(plane)
        with a_world(plane, registry, tmp_path / "fleet", tiny_wasm, leave=True) as world:
            yield world
    finally:
        plane.stop()


def uninstall(plane: ControlPlane, *arguments: str) -> subprocess.CompletedProcess[str]:
    return spinfleet(plane, "uninstall", *arguments)


def spinfleet(plane: ControlPlane, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from reconciler.cli.main import main; main()", *arguments]
    place = ["--kubeconfig", str(plane.kubeconfig)]
    return subprocess.run([*command, *place], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def names(plane: ControlPlane, path: str) -> set[str]:
    return {each["metadata"]["name"] for each in plane.request("GET", path)["items"]}


def live_namespace(plane: ControlPlane) -> dict[str, Any]:
    found: dict[str, Any] = plane.request("GET", f"/api/v1/namespaces/{NAMESPACE}")
    return found


def test_what_install_made_goes_in_order_and_what_stays_is_told(alone: World) -> None:
    plane = alone.plane
    first = alone.commit(alone.fleet(), namespace(alone), bundle(alone, "one", data="1"))
    alone.create(deletionPolicy="Delete")
    alone.start()
    alone.until(lambda: (alone.status().get("commit") or {}).get("applied") == first, "the commit is taken")
    alone.until(lambda: alone.get("v1/configmaps", "one"), "its object is there")
    alone.stop()
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "git", "namespace": NAMESPACE}}
    plane.kubectl("create", "-f", "-", stdin=json.dumps(secret))

    asked = uninstall(plane)
    assert asked.returncode == 2
    assert "--dry-run" in asked.stderr
    planned = uninstall(plane, "--dry-run", "-o", "json")
    assert planned.returncode == 0, planned.stderr
    steps = [(step["action"], step["object"]) for step in json.loads(planned.stdout)]
    assert steps[0] == ("release", f"FleetSync.spinfleet.dev {NAMESPACE}/f-{alone.id}")
    assert steps[-1] == ("keep", f"Namespace {NAMESPACE}")
    assert ("delete", "CustomResourceDefinition.apiextensions.k8s.io fleetsyncs.spinfleet.dev") in steps
    assert alone.get("spinfleet.dev/v1alpha1/fleetsyncs", f"f-{alone.id}", NAMESPACE) is not None

    done = uninstall(plane, "--yes")
    assert done.returncode == 0, done.stderr
    assert "it holds what install did not make: Secret" in done.stdout
    config = alone.get("v1/configmaps", "one")
    assert_nobodys(config)
    assert config is not None
    assert config["data"] == {"value": "1"}
    roles = "/apis/rbac.authorization.k8s.io/v1"
    assert "spinfleet-deployer" not in names(plane, f"{roles}/clusterroles")
    assert "spinfleet-agent" not in names(plane, f"{roles}/namespaces/{NAMESPACE}/roles")
    assert not names(plane, f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts") & {
        "spinfleet-agent",
        "spinfleet-deployer",
    }
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    alone.until(lambda: "fleetsyncs.spinfleet.dev" not in names(plane, definitions), "the definition goes")
    assert "spinapps.core.spinkube.dev" in names(plane, definitions)
    assert "deletionTimestamp" not in live_namespace(plane)["metadata"]

    plane.kubectl("delete", "secret", "git", "-n", NAMESPACE)
    again = uninstall(plane, "--yes")
    assert again.returncode == 0, again.stderr
    assert f"- Namespace {NAMESPACE}" in again.stdout
    assert "deletionTimestamp" in live_namespace(plane)["metadata"]


def test_workloads_go_where_that_is_asked_for_but_no_namespace(alone: World) -> None:
    first = alone.commit(alone.fleet(), namespace(alone), bundle(alone, "one", data="1"))
    alone.create()
    alone.start()
    alone.until(lambda: (alone.status().get("commit") or {}).get("applied") == first, "the commit is taken")
    alone.until(lambda: alone.get("v1/configmaps", "one"), "its object is there")
    alone.stop()
    done = uninstall(alone.plane, "--yes", "--delete-workloads", "-o", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["action"] == "delete"
    assert alone.get("v1/configmaps", "one") is None
    assert_nobodys(alone.plane.request("GET", f"/api/v1/namespaces/{alone.namespace}"))


def test_what_install_made_for_a_tenant_goes_and_what_is_the_tenants_own_stays(alone: World) -> None:
    plane = alone.plane
    made = spinfleet(
        plane, "install", "--tenant", "red", "--allow-namespace", "red-web", "--cluster", "here", "--url", alone.url
    )
    assert made.returncode == 0, made.stderr
    labels = {"app.kubernetes.io/part-of": "spinfleet"}  # what apps of a fleet of this name carry
    own = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "web", "namespace": "red-web", "labels": labels},
    }
    plane.kubectl("create", "-f", "-", stdin=json.dumps(own))

    done = uninstall(plane, "--yes")
    assert done.returncode == 0, done.stderr
    assert "- ServiceAccount red/spinfleet-deployer" in done.stdout
    assert "spinfleet-deployer" not in names(plane, "/api/v1/namespaces/red/serviceaccounts")
    assert "web" in names(plane, "/api/v1/namespaces/red-web/serviceaccounts")
    rights = "/apis/rbac.authorization.k8s.io/v1/namespaces"
    left = {
        (namespace, kind): names(plane, f"{rights}/{namespace}/{kind}")
        for namespace in ("red", "red-web")
        for kind in ("roles", "rolebindings")
    }
    assert not any(left.values())
    assert {"red", "red-web"} <= names(plane, "/api/v1/namespaces")


def test_a_fleetsync_that_does_not_go_holds_everything_back_until_it_is_forced(alone: World) -> None:
    held = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "held", "finalizers": ["example.com/hold"]}}
    head = {"apiVersion": "spinfleet.dev/v1alpha1", "kind": "Bundle", "metadata": {"name": "held"}}
    files = {
        "held.yaml": json.dumps({**head, "spec": {"path": "held", "namespace": alone.namespace}}),
        "held/held.yaml": json.dumps(held),
    }
    first = alone.commit(alone.fleet(), namespace(alone), files)
    alone.create()
    alone.start()
    alone.until(lambda: (alone.status().get("commit") or {}).get("applied") == first, "the commit is taken")
    alone.until(lambda: alone.get("v1/configmaps", "held"), "its object is there")
    alone.stop()

    waited = uninstall(alone.plane, "--yes", "--delete-workloads", "--timeout", "5s")
    assert waited.returncode == 2
    assert f"f-{alone.id} is not gone within 5 s" in waited.stderr
    assert "--force" in waited.stderr
    assert "spinfleet-agent" in names(alone.plane, f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts")

    forced = uninstall(alone.plane, "--yes", "--delete-workloads", "--timeout", "5s", "--force")
    assert forced.returncode == 0, forced.stderr
    assert f"! FleetSync.spinfleet.dev {NAMESPACE}/f-{alone.id}  (given up" in forced.stdout
    left = alone.get("v1/configmaps", "held")
    assert left is not None
    assert "applyset.kubernetes.io/part-of" in left["metadata"]["labels"]
    assert "spinfleet-agent" not in names(alone.plane, f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts")
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    alone.until(lambda: "fleetsyncs.spinfleet.dev" not in names(alone.plane, definitions), "the definition goes")
