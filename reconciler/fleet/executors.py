"""Which SpinAppExecutors a cluster has, as the fleet says: declared for the fleet or the cluster, or brought by a Bundle.

A handler that containerd does not have under that name is the classic failure of a Spin cluster: pods wait for ever with an event
that nobody reads. What runtime-class-manager installs (`spin-v2`) and what the manual steps of SpinKube's guide install (`spin`)
differ, under one name of RuntimeClass. Source: runtime-class-manager, internal/controller/shim_controller.go; spin-operator, config/samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from reconciler.fleet.merge_patch import merge_patch
from reconciler.fleet.model import Cluster, Executor, Fleet, SourcedObject
from reconciler.manifest.report import mapping
from reconciler.problems import Severity

DEFAULT_EXECUTOR = "containerd-shim-spin"
RUNTIME_CLASS = "wasmtime-spin-v2"
_MANAGED_HANDLER, _MANUAL_HANDLER = "spin-v2", "spin"
_MANAGER = "runtime-class-manager"
#: Fields of a declared executor that ask for a RuntimeClass of its own.
_OF_RUNTIME_CLASS = ("handler", "nodeSelector", "tolerations")


@dataclass(frozen=True, slots=True)
class Runtimes:
    """The RuntimeClasses and Shims that bundles bring to a cluster, by name."""

    classes: Mapping[str, SourcedObject]
    shims: Mapping[str, SourcedObject]

    def handlers(self) -> dict[str, tuple[str, SourcedObject]]:
        """Give, by the name of the RuntimeClass that each Shim makes, the handler it installs and the Shim."""
        found = {}
        for shim in self.shims.values():
            wanted = mapping(mapping(shim.object.get("spec")).get("runtimeClass"))
            found[str(wanted.get("name"))] = (str(wanted.get("handler")), shim)
        return found


def declared_executors(fleet: Fleet, cluster: Cluster, runtimes: Runtimes) -> dict[str, Executor]:
    """Give the executors that the Fleet and the Cluster declare, and the default one, by name.

    A Cluster's say is merged into the Fleet's (JSON merge patch).
    """
    wanted = merge_patch(fleet.spec.get("executors") or {}, cluster.spec.get("executors") or {})
    found: dict[str, Executor] = {}
    classes: dict[str, Executor] = {}
    for name, entry in sorted({DEFAULT_EXECUTOR: {}, **wanted}.items()):
        place = cluster if name in (cluster.spec.get("executors") or {}) else fleet
        executor = _declared(name, entry or {}, cluster, runtimes)
        executor = replace(executor, path=place.path, line=_line(place, name))
        faults = [*_misdeclared(entry or {}), *_mismatched(executor, runtimes, cluster)]
        if executor.runtime_class is not None:
            class_name = executor.runtime_class["metadata"]["name"]
            other = classes.setdefault(class_name, executor)
            if other.runtime_class != executor.runtime_class:
                message = f"executor {other.name!r} wants RuntimeClass {class_name!r} otherwise"
                faults.append((message, "give one of them a runtimeClassName of its own", Severity.ERROR))
        found[name] = replace(executor, faults=tuple(faults))
    return found


def _line(place: Fleet | Cluster, name: str) -> int | None:
    """Give the line that declares an executor; none of the default one that nobody declares."""
    if name not in (place.spec.get("executors") or {}):
        return None
    found = place.document.place(f"/spec/executors/{name}") if place.document is not None else None
    return found[0] if found is not None else place.line


def brought_executor(sourced: SourcedObject, runtimes: Runtimes, cluster: Cluster) -> Executor:
    """Give an executor that a Bundle brings. What is not as SpinKube has it is left out: the object's own check tells."""
    spec = dict(mapping(sourced.object.get("spec")))
    if "deploymentConfig" in spec:
        config = dict(mapping(spec["deploymentConfig"]))
        spec["deploymentConfig"] = config
        if "otel" in config:
            config["otel"] = mapping(config["otel"])
    name = sourced.object["metadata"]["name"]
    executor = Executor(name=name, spec=spec, path=sourced.path, line=sourced.line, made=False)
    return replace(executor, faults=tuple(_mismatched(executor, runtimes, cluster)))


def _declared(name: str, entry: Mapping[str, Any], cluster: Cluster, runtimes: Runtimes) -> Executor:
    if entry.get("createDeployment") is False:
        return Executor(name=name, spec={"createDeployment": False}, made=entry.get("create", True))
    own_class = any(field in entry for field in _OF_RUNTIME_CLASS)
    config: dict[str, Any] = {}
    if "spinImage" in entry:
        config["spinImage"] = entry["spinImage"]
    else:
        plain = not own_class or name == DEFAULT_EXECUTOR
        config["runtimeClassName"] = entry.get("runtimeClassName") or (
            RUNTIME_CLASS if plain else f"{RUNTIME_CLASS}-{name}"
        )
    config["installDefaultCACerts"] = entry.get("installDefaultCACerts", True)
    config |= {field: entry[field] for field in ("caCertSecret", "otel") if entry.get(field)}
    runtime_class = None
    if own_class and "spinImage" not in entry:
        runtime_class = _runtime_class(config["runtimeClassName"], entry, _handler(entry, cluster, runtimes))
    spec = {"createDeployment": True, "deploymentConfig": config}
    return Executor(name=name, spec=spec, made=entry.get("create", True), runtime_class=runtime_class)


def _runtime_class(name: str, entry: Mapping[str, Any], handler: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "apiVersion": "node.k8s.io/v1",
        "kind": "RuntimeClass",
        "metadata": {"name": name},
        "handler": handler,
    }
    if scheduling := {field: entry[field] for field in ("nodeSelector", "tolerations") if entry.get(field)}:
        found["scheduling"] = scheduling
    return found


def _handler(entry: Mapping[str, Any], cluster: Cluster, runtimes: Runtimes) -> str:
    """Give the handler that is asked for, else the one that the cluster's nodes are most likely to have."""
    if "handler" in entry:
        return str(entry["handler"])
    installed = sorted({handler for handler, _ in runtimes.handlers().values()})
    if installed:
        return installed[0]
    return _MANAGED_HANDLER if _MANAGER in (cluster.spec.get("capabilities") or ()) else _MANUAL_HANDLER


def _misdeclared(entry: Mapping[str, Any]) -> Iterator[tuple[str, str, Severity]]:
    others = [field for field in ("runtimeClassName", *_OF_RUNTIME_CLASS) if field in entry]
    if "spinImage" in entry and others:
        yield (f"spinImage and {others[0]} exclude one another", "keep one of the two", Severity.ERROR)
    rest = sorted(set(entry) - {"create", "createDeployment"})
    if entry.get("createDeployment") is False and rest:
        yield (
            f"createDeployment: false makes no Deployment for {rest[0]} to bear on",
            f"remove {rest[0]}",
            Severity.ERROR,
        )


def _mismatched(executor: Executor, runtimes: Runtimes, cluster: Cluster) -> Iterator[tuple[str, str, Severity]]:
    """Tell of a RuntimeClass whose handler no node has."""
    name = executor.deployment.get("runtimeClassName")
    brought = runtimes.classes.get(str(name))
    runtime_class = executor.runtime_class or (brought.object if brought is not None else None)
    if name is None or runtime_class is None:
        return
    handler, installed = runtime_class.get("handler"), runtimes.handlers()
    place = f" ({brought.path}:{brought.line})" if brought is not None and executor.runtime_class is None else ""
    if name in installed and installed[name][0] != handler:
        wanted, shim = installed[name]
        message = (
            f"RuntimeClass {name!r}{place} has handler {handler!r}, and Shim {shim.object['metadata']['name']!r}"
            f" ({shim.path}:{shim.line}) installs {wanted!r}"
        )
        yield (message, f"write handler: {wanted}, or leave the RuntimeClass to the Shim", Severity.ERROR)
    elif installed and handler not in {each for each, _ in installed.values()}:
        known = ", ".join(sorted({each for each, _ in installed.values()}))
        message = f"RuntimeClass {name!r}{place} has handler {handler!r}, and the Shims of cluster {cluster.name!r} install {known}"
        hint = f"write handler: {known.partition(',')[0]}; fine where its nodes were set up by hand"
        yield (message, hint, Severity.WARNING)
