"""Shims that executors declare: what runtime-class-manager is to install on the nodes (source: its api/v1alpha1/shim_types.go).

It names a runtime in containerd as the Shim is named, and looks in the archive for a binary of that name. So a Shim is named by its
handler. On a node that has it nothing is installed again: another location is for nodes to come.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.fleet.model import Cluster, SourcedObject
from reconciler.manifest.report import mapping
from reconciler.problems import Severity

#: The manager, as a capability of a cluster.
MANAGER = "runtime-class-manager"
#: What the published shim is called in containerd where the manager has installed it.
MANAGED_HANDLER = "spin-v2"
_ARCHITECTURE_LABEL = "kubernetes.io/arch"
_VERSION = re.compile(r"/v?([0-9]+\.[0-9]+\.[0-9]+)/")

Fault = tuple[str, str, Severity]


def shim_of(entry: Mapping[str, Any], runtime_class: str, path: str, line: int | None) -> SourcedObject | None:
    """Give the Shim of a declared executor, None where it asks for none or does not say of where; `runtime_class` is that of its pods."""
    wanted, name = entry.get("shim"), str(entry.get("handler", MANAGED_HANDLER))
    if not wanted or not wanted.get("platforms"):
        return None
    platforms = [
        {"os": "linux", "arch": architecture, **source} for architecture, source in sorted(wanted["platforms"].items())
    ]
    spec: dict[str, Any] = {
        "fetchStrategy": {"platforms": platforms},
        "runtimeClass": {"name": runtime_class, "handler": name},
        # Another one is not carried out yet.
        "rolloutStrategy": {"type": "recreate"},
    }
    if entry.get("nodeSelector"):
        spec = {"nodeSelector": dict(entry["nodeSelector"]), **spec}
    if wanted.get("containerdRuntimeOptions"):
        spec["containerdRuntimeOptions"] = dict(wanted["containerdRuntimeOptions"])
    shim = {"apiVersion": "runtime.spinkube.dev/v1alpha1", "kind": "Shim", "metadata": {"name": name}, "spec": spec}
    return SourcedObject(object=shim, path=path, line=line or 1)


def shim_faults(shim: SourcedObject, cluster: Cluster) -> Iterator[Fault]:
    """Tell of a declared Shim that would not be installed on a cluster, or not be what the cluster says it has."""
    spec = shim.object["spec"]
    if MANAGER not in (cluster.spec.get("capabilities") or ()):
        message = f"a shim is installed by {MANAGER}, which cluster {cluster.name!r} does not have"
        yield message, f"add {MANAGER} to its spec.capabilities, or write shim: null there", Severity.ERROR
    platforms = {each["arch"]: each["location"] for each in spec["fetchStrategy"]["platforms"]}
    without = sorted(set(cluster.spec.get("architecture") or ()) - set(platforms))
    if without and _ARCHITECTURE_LABEL not in spec.get("nodeSelector", {}):
        message = f"its shim has no platform {without[0]}, and cluster {cluster.name!r} has such nodes: none is installed there"
        yield message, f"add platforms.{without[0]}, or a nodeSelector with {_ARCHITECTURE_LABEL}", Severity.WARNING
    said = str(cluster.spec.get("shim") or "").removeprefix("v")
    for location in platforms.values():
        found = _VERSION.search(location)
        if said.count(".") == 2 and found is not None and found[1] != said:
            message = f"its shim is version {found[1]}, and cluster {cluster.name!r} says that its shim is {said}"
            yield (
                message,
                "write the same version in both: apps are held against the one of the Cluster",
                Severity.WARNING,
            )
            return


def misnamed(shim: SourcedObject) -> Iterator[Fault]:
    """Tell of a Shim that makes a RuntimeClass for another handler than the one it installs."""
    name, wanted = shim.object["metadata"]["name"], mapping(mapping(shim.object.get("spec")).get("runtimeClass"))
    handler = wanted.get("handler")
    if handler is not None and handler != name:
        message = (
            f"Shim {name!r} ({shim.path}:{shim.line}) makes a RuntimeClass with handler {handler!r}, and {MANAGER} 0.2 and newer"
            " install it under its own name"
        )
        yield message, f"name the Shim {handler}, as the binary in its archive is", Severity.WARNING
