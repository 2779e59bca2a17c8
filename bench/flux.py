"""Flux as a contestant: its source and kustomize controllers, by binaries that the environment names.

FLUX_SOURCE_CONTROLLER and FLUX_KUSTOMIZE_CONTROLLER are paths. Both run with their defaults (so they do not wait for health, as we do); the interval is a minute, as ours is. There is one
Kustomization for all, or one for each app, which is how people keep one app's failure from the others.
"""

from __future__ import annotations

import json
import os
import re
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from bench.contest import wait
from bench.workload import app_name
from reconciler.local.controlplane import ControlPlane
from reconciler.local.ports import free_ports

_NAMESPACE = "flux-system"
_REQUESTED = "reconcile.fluxcd.io/requestedAt"
#: Both controllers refuse to start where a kind that they watch is missing. Nothing of their schemas but a status's default is needed.
_SOURCES = ("GitRepository", "OCIRepository", "HelmRepository", "HelmChart", "Bucket", "ExternalArtifact")
_SOURCE, _KUSTOMIZE = "source.toolkit.fluxcd.io", "kustomize.toolkit.fluxcd.io"


def binaries() -> tuple[Path, Path] | None:
    """Give the binaries of the source and the kustomize controller; None where the environment does not name both."""
    paths = [os.environ.get(name) for name in ("FLUX_SOURCE_CONTROLLER", "FLUX_KUSTOMIZE_CONTROLLER")]
    return (Path(paths[0]), Path(paths[1])) if paths[0] and paths[1] else None


class Flux:
    """Both controllers on one control plane."""

    def __init__(self, binaries: tuple[Path, Path], *, each: bool) -> None:
        self.name = "Flux, one per app" if each else "Flux, one for all"
        self._binaries = binaries
        self._each = each
        self._running: list[psutil.Popen] = []

    def install(self, plane: ControlPlane, folder: Path) -> None:
        self._plane = plane
        kinds = [(_SOURCE, kind) for kind in _SOURCES] + [(_KUSTOMIZE, "Kustomization")]
        objects: list[Any] = [definition(group, kind) for group, kind in kinds]
        objects.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _NAMESPACE}})
        for obj in objects:
            plane.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(obj))
        plane.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        ports = free_ports(5)
        self._metrics = ports[:2]
        storage = folder / "storage"
        storage.mkdir()
        source = [
            f"--storage-path={storage}", f"--storage-addr=127.0.0.1:{ports[4]}", f"--storage-adv-addr=127.0.0.1:{ports[4]}",
        ]  # fmt: skip
        for binary, metrics, health, more in zip(self._binaries, ports[:2], ports[2:4], (source, []), strict=True):
            command = [
                str(binary), f"--metrics-addr=127.0.0.1:{metrics}", f"--health-addr=127.0.0.1:{health}", "--watch-all-namespaces=true",
                "--log-level=error", *more,
            ]  # fmt: skip
            environment = {
                **os.environ,
                "RUNTIME_NAMESPACE": _NAMESPACE,
                "KUBECONFIG": str(plane.kubeconfig),
                "TMPDIR": str(folder),
            }
            with (folder / f"{binary.name}.log").open("wb") as log:
                self._running.append(psutil.Popen(command, stdout=log, stderr=log, env=environment))
        wait(lambda: all(self._metrics_text()), "the controllers' start")

    def begin(self, url: str, apps: int) -> None:
        spec = {"url": url, "interval": "1m", "timeout": "60s", "ref": {"branch": "main"}}
        self._post(_SOURCE, "GitRepository", "bench", spec)
        if not self._each:
            self._kustomization("bench", ".")
            return
        self._kustomization("namespaces", "./namespaces")
        wait(self.settled, "the namespaces")
        for number in range(apps):
            self._kustomization(app_name(number), f"./apps/{app_name(number)}")

    def settled(self) -> bool:
        revision = (self._source().get("status") or {}).get("artifact", {}).get("revision")
        return all(ready(item, revision) for item in self._kustomizations())

    def noop(self) -> None:
        token = str(time.monotonic_ns())
        change = {"metadata": {"annotations": {_REQUESTED: token}}}
        for item in self._kustomizations():
            self._plane.request(
                "PATCH", self._path(_KUSTOMIZE, item["metadata"]["name"]), change, "application/merge-patch+json"
            )
        wait(lambda: all(handled(item, token) for item in self._kustomizations()), "a reconcile", every=0.5)

    def nudge(self) -> None:
        change = {"metadata": {"annotations": {_REQUESTED: str(time.monotonic_ns())}}}
        self._plane.request("PATCH", self._path(_SOURCE, "bench"), change, "application/merge-patch+json")

    def requests(self) -> int:
        """Every request of both controllers, by client-go's own count (a watch that stays open counts once)."""
        found = re.findall(
            r"^rest_client_requests_total\{[^}]*\} ([0-9.e+]+)", "\n".join(self._metrics_text()), re.MULTILINE
        )
        return sum(int(float(value)) for value in found)

    def phases(self) -> dict[str, float]:
        return {}

    def processes(self) -> list[psutil.Process]:
        return list(self._running)

    def stop(self) -> None:
        for process in self._running:
            process.kill()
            process.wait(30)

    def _kustomization(self, name: str, path: str) -> None:
        source = {"kind": "GitRepository", "name": "bench"}
        spec = {
            "path": path,
            "interval": "1m",
            "prune": True,
            "timeout": "30m",
            "force": False,
            "sourceRef": source,
        }
        self._post(_KUSTOMIZE, "Kustomization", name, spec)

    def _post(self, group: str, kind: str, name: str, spec: Mapping[str, Any]) -> None:
        metadata = {"name": name, "namespace": _NAMESPACE}
        obj = {"apiVersion": f"{group}/v1", "kind": kind, "metadata": metadata, "spec": spec}
        self._plane.request("POST", self._path(group), obj)

    def _path(self, group: str, name: str = "") -> str:
        plural = "gitrepositories" if group == _SOURCE else "kustomizations"
        return f"/apis/{group}/v1/namespaces/{_NAMESPACE}/{plural}" + (f"/{name}" if name else "")

    def _source(self) -> Any:
        return self._plane.request("GET", self._path(_SOURCE, "bench"))

    def _kustomizations(self) -> list[Any]:
        return list(self._plane.request("GET", self._path(_KUSTOMIZE))["items"])

    def _metrics_text(self) -> list[str]:
        texts = []
        for port in self._metrics:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
                    texts.append(answer.read().decode())
            except OSError:
                texts.append("")
        return texts


def ready(item: Any, revision: str | None) -> bool:
    """Tell whether a Kustomization has applied this revision."""
    status = item.get("status") or {}
    told = {condition["type"]: condition["status"] for condition in status.get("conditions") or ()}
    return bool(revision and told.get("Ready") == "True" and status.get("lastAppliedRevision") == revision)


def handled(item: Any, token: str) -> bool:
    """Tell whether a Kustomization has answered this request and is at rest again."""
    status = item.get("status") or {}
    told = {condition["type"]: condition["status"] for condition in status.get("conditions") or ()}
    return bool(status.get("lastHandledReconcileAt") == token and told.get("Ready") == "True")


def definition(group: str, kind: str) -> dict[str, Any]:
    """A definition that keeps whatever it is given."""
    plural = kind.lower().removesuffix("y") + "ies" if kind.endswith("y") else kind.lower() + "s"
    keep = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    status = {**keep, "default": {"observedGeneration": -1}}
    schema = {"type": "object", "properties": {"spec": keep, "status": status}}
    version = {
        "name": "v1", "served": True, "storage": True, "subresources": {"status": {}}, "schema": {"openAPIV3Schema": schema},
    }  # fmt: skip
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "names": {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()},
            "scope": "Namespaced",
            "versions": [version],
        },
    }
