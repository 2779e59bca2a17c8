"""A real Kubernetes control plane on this machine: etcd, API server, controllers, scheduler, and a node played by kwok."""

from __future__ import annotations

import json
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from reconciler.errors import UnavailableError
from reconciler.local.binary import Components
from reconciler.local.certificates import Authority, issue, new_authority, new_key, write_key
from reconciler.local.ports import free_ports
from reconciler.local.processes import Processes, wait_until

_BUSY_SECONDS = 30.0
_NODE = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {
        "name": "local",
        "annotations": {"kwok.x-k8s.io/node": "fake"},
        "labels": {"kubernetes.io/hostname": "local", "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"},
    },
    "status": {
        "capacity": {"cpu": "10k", "memory": "100Ti", "pods": "1M"},
        "allocatable": {"cpu": "10k", "memory": "100Ti", "pods": "1M"},
    },
}


@dataclass(kw_only=True, slots=True)
class ControlPlane:
    """A running control plane. `folder` holds its keys, data and logs; `kubeconfig` is its administrator's."""

    components: Components
    folder: Path
    processes: Processes
    port: int

    @property
    def server(self) -> str:
        """The API server's URL."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.folder / "admin.kubeconfig"

    @classmethod
    def start(cls, components: Components, folder: Path, *, workloads: bool = True) -> ControlPlane:
        """Start one and wait until it answers (about 4 s). `workloads` False: etcd and API server only; pods then never run.

        Raises UnavailableError, naming the log, where a component does not come up; what had started is ended.
        """
        for part in ("keys", "etcd"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        port, client_port, peer_port, *others = free_ports(6)
        plane = cls(
            components=components,
            folder=folder,
            processes=Processes(folder / "logs"),
            port=port,
        )
        try:
            plane._start_storage(client_port, peer_port)
            plane._start_api(client_port, new_authority())
            if workloads:
                plane._start_workloads(*others)
        except BaseException:
            plane.stop()
            raise
        return plane

    @classmethod
    def attach(cls, components: Components, folder: Path, port: int) -> ControlPlane:
        """Give a handle to one that another process started and will stop."""
        return cls(components=components, folder=folder, processes=Processes(folder / "logs"), port=port)

    def stop(self) -> None:
        """End every component that was started here."""
        self.processes.stop(patience=3.0)

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run the kubectl that comes with the components, as the administrator; gives its output."""
        command = [*self.components.command("kubectl"), "--kubeconfig", str(self.kubeconfig), *arguments]
        answer = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        if answer.returncode != 0:
            raise UnavailableError(f"kubectl {' '.join(arguments)}: {answer.stderr.strip()}")
        return answer.stdout

    def request(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Any:
        """Make one plain request as the administrator; gives the parsed answer. For set-up, not for reconciling.

        A server that asks to wait, as it does for a kind that was defined just now, is asked again for half a minute. Raises UnavailableError
        with the server's message where it refuses.
        """
        end = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                return self._request(method, path, body, content_type)
            except UnavailableError as error:
                if error.retry_after is None or time.monotonic() + error.retry_after > end:
                    raise
                time.sleep(error.retry_after)

    def _request(self, method: str, path: str, body: Any, content_type: str) -> Any:
        context = ssl.create_default_context(cafile=str(self.folder / "keys" / "ca.crt"))
        context.load_cert_chain(self.folder / "keys" / "admin.crt", self.folder / "keys" / "admin.key")
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.server + path, data, {"Content-Type": content_type}, method=method)  # noqa: S310 - https to ourselves
        try:
            with urllib.request.urlopen(request, context=context, timeout=30) as response:  # noqa: S310
                return json.load(response)
        except urllib.error.HTTPError as error:
            said = error.read().decode(errors="replace")[:500]
            wait = error.headers.get("Retry-After", "") if error.code == HTTPStatus.TOO_MANY_REQUESTS else ""
            seconds = float(wait) if wait.isdecimal() else None
            raise UnavailableError(f"{method} {path}: {said}", retry_after=seconds) from error
        except OSError as error:
            raise UnavailableError(f"{method} {path}: {error}") from error

    def kubeconfig_for(self, namespace: str, account: str, *, path: Path | None = None, seconds: int = 86400) -> Path:
        """Write a kubeconfig with a service account's token (TokenRequest), and nothing else's rights."""
        review = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": seconds},
        }
        answer = self.request("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token", review)
        target = path or self.folder / f"{namespace}.{account}.kubeconfig"
        return self._write_kubeconfig(target, {"token": answer["status"]["token"]}, namespace)

    def _start_storage(self, client_port: int, peer_port: int) -> None:
        client, peer = f"http://127.0.0.1:{client_port}", f"http://127.0.0.1:{peer_port}"
        etcd = self.processes.start(
            "etcd",
            [
                *self.components.command("etcd"),
                f"--data-dir={self.folder / 'etcd'}",
                f"--listen-client-urls={client}",
                f"--advertise-client-urls={client}",
                f"--listen-peer-urls={peer}",
                f"--initial-advertise-peer-urls={peer}",
                f"--initial-cluster=default={peer}",
                "--unsafe-no-fsync",
                "--log-level=warn",
            ],
        )
        wait_until(lambda: _answers(f"{client}/health"), processes=[etcd], what="etcd")

    def _start_api(self, client_port: int, authority: Authority) -> None:
        keys = self.folder / "keys"
        (keys / "ca.crt").write_bytes(authority.pem())
        serving = issue(authority, keys, "apiserver", common_name="kube-apiserver", server=True)
        issue(authority, keys, "admin", common_name="spinfleet-admin", groups=["system:masters"])
        accounts = write_key(keys / "service-accounts.key", new_key())
        self._write_kubeconfig(
            self.kubeconfig, {"client-certificate": str(keys / "admin.crt"), "client-key": str(keys / "admin.key")}
        )
        api = self.processes.start(
            "kube-apiserver",
            [
                *self.components.command("kube-apiserver"),
                f"--etcd-servers=http://127.0.0.1:{client_port}",
                "--bind-address=127.0.0.1",
                f"--secure-port={self.port}",
                # A loopback address may not be advertised; nothing here needs the endpoint.
                "--endpoint-reconciler-type=none",
                "--authorization-mode=RBAC",
                f"--client-ca-file={keys / 'ca.crt'}",
                f"--tls-cert-file={serving[0]}",
                f"--tls-private-key-file={serving[1]}",
                "--service-account-issuer=https://kubernetes.default.svc",
                f"--service-account-key-file={accounts}",
                f"--service-account-signing-key-file={accounts}",
                "--service-cluster-ip-range=10.0.0.0/16",
                f"--cert-dir={keys}",
            ],
        )
        wait_until(self._ready, processes=[api], what="kube-apiserver")

    def _start_workloads(self, controllers_port: int, scheduler_port: int, kwok_port: int) -> None:
        keys, admin = self.folder / "keys", f"--kubeconfig={self.kubeconfig}"
        self.processes.start(
            "kube-controller-manager",
            [
                *self.components.command("kube-controller-manager"),
                admin,
                f"--authentication-kubeconfig={self.kubeconfig}",
                f"--authorization-kubeconfig={self.kubeconfig}",
                f"--service-account-private-key-file={keys / 'service-accounts.key'}",
                f"--root-ca-file={keys / 'ca.crt'}",
                "--use-service-account-credentials",
                # The default of 20 a second would let a demo's thousand Deployments wait for minutes.
                "--kube-api-qps=500",
                "--kube-api-burst=1000",
                "--leader-elect=false",
                "--bind-address=127.0.0.1",
                f"--secure-port={controllers_port}",
            ],
        )
        self.processes.start(
            "kube-scheduler",
            [
                *self.components.command("kube-scheduler"),
                admin,
                "--kube-api-qps=500",
                "--kube-api-burst=1000",
                f"--authentication-kubeconfig={self.kubeconfig}",
                f"--authorization-kubeconfig={self.kubeconfig}",
                "--leader-elect=false",
                "--bind-address=127.0.0.1",
                f"--secure-port={scheduler_port}",
            ],
        )
        self._start_node(kwok_port)

    def _start_node(self, port: int) -> None:
        if self.components.binary is None:
            return  # single binaries come without kwok: pods stay pending
        stages = self.folder / "stages.yaml"
        command = self.components.command("kwok-stages")
        stages.write_bytes(subprocess.run(command, capture_output=True, check=True).stdout)
        self.request("POST", "/api/v1/nodes", _NODE)
        kwok = self.processes.start(
            "kwok",
            [
                *self.components.command("kwok"),
                f"--kubeconfig={self.kubeconfig}",
                f"--config={stages}",
                "--manage-all-nodes=true",
                # Without a lease the node counts as lost after 40 s, and its pods as not ready.
                "--node-lease-duration-seconds=40",
                "--cidr=10.244.0.0/16",
                "--node-ip=127.0.0.1",
                f"--server-address=127.0.0.1:{port}",
            ],
        )
        wait_until(self._node_ready, processes=[*self.processes.running[-3:], kwok], what="the node")

    def _ready(self) -> bool:
        try:
            context = ssl.create_default_context(cafile=str(self.folder / "keys" / "ca.crt"))
            context.load_cert_chain(self.folder / "keys" / "admin.crt", self.folder / "keys" / "admin.key")
            with urllib.request.urlopen(f"{self.server}/readyz", context=context, timeout=2) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except OSError:
            return False

    def _node_ready(self) -> bool:
        conditions = self.request("GET", "/api/v1/nodes/local").get("status", {}).get("conditions", ())
        ready = any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
        # The account of a new namespace is made by the controllers; nothing can be deployed before it is there.
        accounts = self.request("GET", "/api/v1/namespaces/default/serviceaccounts")["items"]
        return ready and any(account["metadata"]["name"] == "default" for account in accounts)

    def _write_kubeconfig(self, path: Path, user: dict[str, str], namespace: str = "default") -> Path:
        cluster = {"server": self.server, "certificate-authority": str(self.folder / "keys" / "ca.crt")}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "local", "cluster": cluster}],
            "users": [{"name": "user", "user": user}],
            "contexts": [{"name": "local", "context": {"cluster": "local", "user": "user", "namespace": namespace}}],
            "current-context": "local",
        }
        path.touch(mode=0o600)
        path.write_text(json.dumps(config, indent=2), encoding="utf-8")
        return path


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - http to ourselves
            return True
    except OSError:
        return False
