from __future__ import annotations

import json
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import wasmtime

from reconciler import data
from reconciler.agent.install import AGENT_ACCOUNT, DEPLOYER_ACCOUNT, NAMESPACE, Installation, agent_rights, fleetsync
from reconciler.errors import UnavailableError
from reconciler.local import gitserver, publish
from reconciler.local.controlplane import ControlPlane
from reconciler.manifest import parse
from reconciler.rollout.records import shard_name
from tests.rights import account, wait_until_allowed

MANIFEST = """\
spin_manifest_version = 2
[application]
name = "{name}"
version = "1.0.0"
[[trigger.http]]
route = "/..."
component = "main"
[component.main]
source = "main.wasm"
"""
APP = """\
apiVersion: spinfleet.dev/v1alpha1
kind: App
metadata: {{name: {name}}}
spec:
  artifact: {reference}
  replicas: {replicas}
"""


@pytest.fixture(scope="session")
def tiny_wasm() -> bytes:
    """A whole component of a few kilobytes that answers HTTP."""
    text = (data.folder("fleet-example") / "apps" / "greeter" / "greeter.wat").read_text()
    return bytes(wasmtime.wat2wasm(text))


@dataclass
class World:
    """A fleet repository, its FleetSync on a real API server, and an agent process: everything of one test's own."""

    plane: ControlPlane
    registry: str
    id: str
    folder: Path
    repository: gitserver.Repository
    url: str
    wasm: bytes
    process: subprocess.Popen[bytes] | None = None
    log: Path = field(default_factory=Path)

    @property
    def namespace(self) -> str:
        """Where the apps run."""
        return f"w-{self.id}"

    @property
    def path(self) -> str:
        return f"/apis/spinfleet.dev/v1alpha1/namespaces/{NAMESPACE}/fleetsyncs/f-{self.id}"

    def fleet(self, **spec: Any) -> dict[str, str]:
        """The Fleet and Cluster documents."""
        defaults = {"defaults": {"namespace": self.namespace}, "artifacts": {"unsigned": "Allow"}, **spec}
        return {
            "fleet.yaml": "apiVersion: spinfleet.dev/v1alpha1\nkind: Fleet\nmetadata: {name: test}\nspec: "
            + json.dumps(defaults)
            + "\n",
            "cluster.yaml": 'apiVersion: spinfleet.dev/v1alpha1\nkind: Cluster\nmetadata: {name: here}\nspec: {spin: "3.6"}\n',
        }

    def push(self, name: str, wasm: bytes | None = None) -> str:
        """Push an artifact for an app; gives its reference."""
        application = parse(MANIFEST.format(name=name).encode(), "spin.toml").application
        assert application is not None
        artifact = publish.assemble_application(application, {"main": wasm if wasm is not None else self.wasm})
        digest = publish.push(artifact, self.registry, f"{self.id}/{name}")
        return f"{self.registry}/{self.id}/{name}@{digest}"

    def app(self, name: str, *, reference: str = "", replicas: int = 1) -> dict[str, str]:
        """The files of an app whose artifact is pushed, unless another reference is given."""
        return {
            f"apps/{name}/spin.toml": MANIFEST.format(name=name),
            f"apps/{name}/app.yaml": APP.format(name=name, reference=reference or self.push(name), replicas=replicas),
        }

    def commit(self, *files: Mapping[str, str | bytes | None]) -> str:
        merged: dict[str, str | bytes | None] = {}
        for each in files:
            merged |= each
        return self.repository.commit(merged)

    def create(self, **spec: Any) -> None:
        """Make the FleetSync, and give the agent the rights to its release records."""
        deployer = spec.get("serviceAccountName", DEPLOYER_ACCOUNT)
        for right in agent_rights(f"f-{self.id}", NAMESPACE, deployer):
            plural = right["kind"].lower() + "s"
            self.plane.request("POST", f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}/{plural}", right)
        record = shard_name(f"f-{self.id}", 0)
        agent = account(NAMESPACE, AGENT_ACCOUNT)
        wait_until_allowed(self.plane, agent, "patch", "configmaps", name=record, namespace=NAMESPACE)
        wait_until_allowed(self.plane, agent, "impersonate", "serviceaccounts", name=deployer, namespace=NAMESPACE)
        installation = Installation(
            cluster="here", url=self.url, interval="1s", registries=({"prefix": self.registry, "plainHTTP": True},)
        )
        obj = fleetsync(installation)
        obj["metadata"]["name"] = f"f-{self.id}"
        obj["spec"] |= spec
        self.plane.request("POST", self.path.rpartition("/")[0], obj)

    def start(
        self,
        *options: str,
        listen: str = "none",
        of: str = AGENT_ACCOUNT,
        fleetsync: str | None = None,
        lease: str = "none",
    ) -> None:
        """Start the agent, with its own account's rights and no others."""
        kubeconfig = self.plane.kubeconfig_for(NAMESPACE, of, path=self.folder / "agent.kubeconfig")
        self.log = self.folder / "agent.log"
        own = f"{NAMESPACE}/f-{self.id}" if fleetsync is None else fleetsync
        followed = ["--fleetsync", own] if own else []
        command = [
            sys.executable, "-c", "from reconciler.cli.main import main; main()", "agent", *followed,
            "--kubeconfig", str(kubeconfig), "--cache", str(self.folder / "cache"), "--listen", listen, "--lease", lease,
            *options,
        ]  # fmt: skip
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End the agent; gives its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(timeout=30)
        self.process = None
        return code

    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = self.plane.request("GET", self.path).get("status") or {}
        return status

    def condition(self, kind: str) -> tuple[str, str, str]:
        """Status, reason and message of a condition; three empty texts where it is not there."""
        for condition in self.status().get("conditions") or ():
            if condition["type"] == kind:
                return condition["status"], condition["reason"], condition["message"]
        return "", "", ""

    def until(self, done: Callable[[], object], what: str, seconds: float = 120.0) -> None:
        """Wait until something is so; fails with the agent's status and the end of its log."""
        end = time.monotonic() + seconds
        while not done():
            if time.monotonic() > end:
                tail = self.log.read_text()[-3000:] if self.log.is_file() else ""
                pytest.fail(f"not within {seconds} s: {what}\nstatus: {self.status()}\nlog: {tail}")
            time.sleep(0.1)

    def until_ready(self, commit: str) -> None:
        """Wait until the agent runs a commit and everything is healthy."""
        self.until(
            lambda: (
                (self.status().get("commit") or {}).get("applied") == commit and self.condition("Ready")[0] == "True"
            ),
            f"ready at {commit[:12]}",
        )

    def get(self, kind: str, name: str, namespace: str = "") -> dict[str, Any] | None:
        """Read an object by its plural and group/version (`apps/v1/deployments`, `v1/configmaps`), None where it is absent."""
        version, _, plural = kind.rpartition("/")
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        path = f"{root}/namespaces/{namespace or self.namespace}/{plural}/{name}"
        try:
            found: dict[str, Any] = self.plane.request("GET", path)
        except UnavailableError as error:
            if "NotFound" not in error.message:
                raise
            return None
        return found

    def problem(self, name: str) -> str:
        """The message of the first problem that names an object so; empty where there is none."""
        found = [
            each["message"] for each in self.status().get("problems") or () if each.get("object", "").endswith(name)
        ]
        return found[0] if found else ""

    def policy(self, **more: Any) -> dict[str, Any]:
        """A policy for everything that tests write."""
        registries = [{"prefix": self.registry, "plainHTTP": True}]
        return {"namespaces": ["*"], "kinds": ["*"], "registries": registries, **more}

    def events(self, reason: str) -> list[str]:
        """The notes of the FleetSync's Events of a reason."""
        path = f"/apis/events.k8s.io/v1/namespaces/{NAMESPACE}/events"
        found = self.plane.request("GET", path)["items"]
        mine = [each for each in found if each["regarding"]["name"] == f"f-{self.id}"]
        return [each["note"] for each in mine if each["reason"] == reason]

    def allow(self, group: str, plural: str) -> Callable[[], None]:
        """Give the FleetSync's account all rights to a kind, and wait until they hold; gives what takes them away."""
        name, rbac = f"w-{self.id}-{plural}", "rbac.authorization.k8s.io"
        subject = {"kind": "ServiceAccount", "name": "spinfleet-deployer", "namespace": NAMESPACE}
        rules = [{"apiGroups": [group], "resources": [plural], "verbs": ["*"]}]
        metadata, role = {"name": name}, {"apiGroup": rbac, "kind": "ClusterRole", "name": name}
        binding = {"metadata": metadata, "roleRef": role, "subjects": [subject]}
        for obj in (
            {"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "metadata": metadata, "rules": rules},
            {"apiVersion": f"{rbac}/v1", "kind": "ClusterRoleBinding", **binding},
        ):
            self.plane.kubectl("create", "-f", "-", stdin=json.dumps(obj))
        asked = {"group": group, "resource": plural, "verb": "patch", "namespace": self.namespace}
        spec = {"user": f"system:serviceaccount:{NAMESPACE}:spinfleet-deployer", "resourceAttributes": asked}
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        self.until(lambda: self.plane.request("POST", path, review)["status"]["allowed"], f"rights to {plural}")

        def end() -> None:
            self.plane.kubectl("delete", "clusterrolebinding,clusterrole", name)

        return end

    def spinapp(self, name: str) -> dict[str, Any] | None:
        return self.get("core.spinkube.dev/v1alpha1/spinapps", name)

    def app_status(self, name: str) -> dict[str, Any]:
        found = [app for app in self.status().get("apps") or () if app["name"] == name]
        return found[0] if found else {}


def discard(plane: ControlPlane, fleetsync: str, namespace: str = NAMESPACE) -> None:
    """Delete a FleetSync whose agent is not there to see it off."""
    place = ("fleetsync", fleetsync, "-n", namespace)
    plane.kubectl("delete", *place, "--ignore-not-found", "--wait=false")
    try:
        plane.kubectl("patch", *place, "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    except UnavailableError as error:
        # Without a finalizer, or seen off by its agent meanwhile, it is gone already.
        if "NotFound" not in str(error):
            raise


@contextmanager
def a_world(plane: ControlPlane, registry: str, folder: Path, wasm: bytes, *, leave: bool = False) -> Iterator[World]:
    """Make a fleet of its own; afterwards its agent, FleetSync and namespace go, unless they are to be left."""
    (folder / "git").mkdir(parents=True)
    repository = gitserver.create(folder / "git", "fleet")
    with gitserver.serving(folder / "git") as server:
        made = World(plane, registry, secrets.token_hex(4), folder, repository, server.url("fleet"), wasm)
        try:
            yield made
        finally:
            if made.process is not None:
                made.stop(signal.SIGKILL)
            if not leave:
                discard(plane, f"f-{made.id}")
                plane.kubectl("delete", "namespace", made.namespace, "--ignore-not-found", "--wait=false")


@pytest.fixture
def world(control_plane: ControlPlane, registry: str, tmp_path: Path, tiny_wasm: bytes) -> Iterator[World]:
    with a_world(control_plane, registry, tmp_path / "fleet", tiny_wasm) as made:
        yield made


@pytest.fixture
def neighbour(control_plane: ControlPlane, registry: str, tmp_path: Path, tiny_wasm: bytes) -> Iterator[World]:
    """A second fleet on the same cluster."""
    with a_world(control_plane, registry, tmp_path / "neighbour", tiny_wasm) as made:
        yield made
