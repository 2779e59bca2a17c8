"""Which SpinAppExecutors a cluster has, as the fleet says: declared for the fleet or the cluster, or brought by a Bundle.

A handler that containerd does not have under that name is the classic failure of a Spin cluster: pods wait for ever with an event
that nobody reads. What runtime-class-manager installs (`spin-v2`) and what the manual steps of SpinKube's guide install (`spin`)
differ, under one name of RuntimeClass. Source: runtime-class-manager, internal/controller/shim_controller.go; spin-operator, config/samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.fleet.merge_patch import merge_patch
from reconciler.fleet.model import Cluster, Executor, Fleet, SourcedObject
from reconciler.fleet.shims import MANAGED_HANDLER, MANAGER, Fault, misnamed, shim_faults, shim_of
from reconciler.manifest.report import mapping
from reconciler.problems import Severity

DEFAULT_EXECUTOR = "containerd-shim-spin"
RUNTIME_CLASS = "wasmtime-spin-v2"
_MANUAL_HANDLER = "spin"
#: Fields of a declared executor that ask for a RuntimeClass of its own.
_OF_RUNTIME_CLASS = ("handler", "nodeSelector", "tolerations", "shim")


@dataclass(frozen=True, slots=True)
class Runtimes:
    """The RuntimeClasses and Shims that bundles bring to a cluster, by name, and the Shims that executors declare beside them."""

    classes: Mapping[str, SourcedObject]
    shims: Mapping[str, SourcedObject]
    declared: Mapping[str, SourcedObject] = field(default_factory=dict)

    def handlers(self) -> dict[str, tuple[str, SourcedObject]]:
        """Give, by the name of the RuntimeClass that each Shim makes, the handler it installs and the Shim."""
        found = {}
        for shim in {**self.declared, **self.shims}.values():
            wanted = mapping(mapping(shim.object.get("spec")).get("runtimeClass"))
            found[str(wanted.get("name"))] = (str(wanted.get("handler")), shim)
        return found

    def declared_for(self, executor: Executor) -> SourcedObject | None:
        """Give the declared Shim that installs what an executor's pods run under; None where there is none."""
        if executor.runtime_class is not None:
            return self.declared.get(str(executor.runtime_class["handler"]))
        name = executor.deployment.get("runtimeClassName")
        shims = (shim for shim in self.declared.values() if shim.object["spec"]["runtimeClass"]["name"] == name)
        return next(shims, None)


def declared_executors(fleet: Fleet, cluster: Cluster, runtimes: Runtimes) -> dict[str, Executor]:
    """Give the executors that the Fleet and the Cluster declare, and the default one, by name.

    A Cluster's say is merged into the Fleet's (JSON merge patch).
    """
    found: dict[str, Executor] = {}
    classes: dict[str, Executor] = {}
    for name, entry, place in _entries(fleet, cluster):
        executor = _declared(name, entry, cluster, runtimes)
        executor = replace(executor, path=place.path, line=_line(place, name))
        if executor.made:
            executor = replace(executor, shim=runtimes.declared_for(executor))
        faults = [
            *_misdeclared(entry),
            *_mismatched(executor, runtimes, cluster),
            *_shim_faults(name, entry, executor, cluster),
        ]
        if executor.runtime_class is not None:
            class_name = executor.runtime_class["metadata"]["name"]
            other = classes.setdefault(class_name, executor)
            if other.runtime_class != executor.runtime_class:
                message = f"executor {other.name!r} wants RuntimeClass {class_name!r} otherwise"
                faults.append((message, "give one of them a runtimeClassName of its own", Severity.ERROR))
        found[name] = replace(executor, faults=tuple(faults))
    return found


def declared_shims(fleet: Fleet, cluster: Cluster) -> dict[str, SourcedObject]:
    """Give the Shims that executors declare, by name; of two for one handler the first by its executor's name counts."""
    found: dict[str, SourcedObject] = {}
    for name, entry, place in _entries(fleet, cluster):
        shim = shim_of(entry, _class_name(name, entry), place.path, _line(place, name))
        if shim is not None and entry.get("create", True):
            found.setdefault(shim.object["metadata"]["name"], shim)
    return found


def _entries(fleet: Fleet, cluster: Cluster) -> Iterator[tuple[str, Mapping[str, Any], Fleet | Cluster]]:
    """Give what is declared of each executor on a cluster in the order of their names, and the document that says it last."""
    here = cluster.spec.get("executors") or {}
    wanted = merge_patch(fleet.spec.get("executors") or {}, here)
    for name, entry in sorted({DEFAULT_EXECUTOR: {}, **wanted}.items()):
        yield name, entry or {}, cluster if name in here else fleet


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
    executor = replace(executor, shim=runtimes.declared_for(executor))
    return replace(executor, faults=tuple(_mismatched(executor, runtimes, cluster)))


def _declared(name: str, entry: Mapping[str, Any], cluster: Cluster, runtimes: Runtimes) -> Executor:
    if entry.get("createDeployment") is False:
        return Executor(name=name, spec={"createDeployment": False}, made=entry.get("create", True))
    config: dict[str, Any] = {}
    if "spinImage" in entry:
        config["spinImage"] = entry["spinImage"]
    else:
        config["runtimeClassName"] = _class_name(name, entry)
    config["installDefaultCACerts"] = entry.get("installDefaultCACerts", True)
    config |= {field: entry[field] for field in ("caCertSecret", "otel") if entry.get(field)}
    runtime_class = None
    if _has_own_class(entry) and "spinImage" not in entry:
        runtime_class = _runtime_class(config["runtimeClassName"], entry, _handler(entry, cluster, runtimes))
    spec = {"createDeployment": True, "deploymentConfig": config}
    return Executor(name=name, spec=spec, made=entry.get("create", True), runtime_class=runtime_class)


def _has_own_class(entry: Mapping[str, Any]) -> bool:
    return any(field in entry for field in _OF_RUNTIME_CLASS)


def _class_name(name: str, entry: Mapping[str, Any]) -> str:
    plain = not _has_own_class(entry) or name == DEFAULT_EXECUTOR
    return str(entry.get("runtimeClassName") or (RUNTIME_CLASS if plain else f"{RUNTIME_CLASS}-{name}"))


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
    if "shim" in entry:
        return MANAGED_HANDLER
    installed = sorted({handler for handler, _ in runtimes.handlers().values()})
    if installed:
        return installed[0]
    return MANAGED_HANDLER if MANAGER in (cluster.spec.get("capabilities") or ()) else _MANUAL_HANDLER


def _misdeclared(entry: Mapping[str, Any]) -> Iterator[Fault]:
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


def _shim_faults(name: str, entry: Mapping[str, Any], executor: Executor, cluster: Cluster) -> Iterator[Fault]:
    """Tell of a declared Shim that can't be had here, or that another executor declares otherwise."""
    if "shim" in entry and not (entry["shim"] or {}).get("platforms"):
        yield (
            "its shim says of no platform where it is fetched from",
            "as in platforms: {amd64: {location: …, sha256: …}}",
            Severity.ERROR,
        )
    if executor.shim is None:
        return
    yield from shim_faults(executor.shim, cluster)
    own = shim_of(entry, _class_name(name, entry), executor.path, executor.line)
    if own is not None and own.object != executor.shim.object:
        handler = own.object["metadata"]["name"]
        message = f"{executor.shim.path}:{executor.shim.line} declares the shim of handler {handler!r} otherwise"
        yield (
            message,
            "declare it once: executors of one handler share it; or give one of them another handler",
            Severity.ERROR,
        )


def _mismatched(executor: Executor, runtimes: Runtimes, cluster: Cluster) -> Iterator[Fault]:
    """Tell of a RuntimeClass whose handler no node has."""
    name, installed = executor.deployment.get("runtimeClassName"), runtimes.handlers()
    if not isinstance(name, str):
        return
    if name in installed:
        yield from misnamed(installed[name][1])
    brought = runtimes.classes.get(name)
    runtime_class = executor.runtime_class or (brought.object if brought is not None else None)
    if runtime_class is None:
        return
    handler = runtime_class.get("handler")
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
