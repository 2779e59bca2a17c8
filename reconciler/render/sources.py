"""Which line asked for an object: the field of the App, the file of the Bundle, the executor's declaration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.fleet.model import AppAssignment, Assignment, BundleAssignment, Withheld
from reconciler.plan.model import ObjectKey, key_of
from reconciler.render.bundle import rendered_key
from reconciler.render.model import SHARED, Rendered

#: The field of an App that asks for a kind of object; what is not here comes of the document itself.
_FIELDS = {
    "Job": "/job",
    "CronJob": "/job/schedule",
    "Secret": "/runtimeConfig",
    "HorizontalPodAutoscaler": "/autoscaling",
    "ScaledObject": "/autoscaling",
    "TriggerAuthentication": "/autoscaling/triggers",
    "HTTPScaledObject": "/autoscaling",
    "Service": "/autoscaling/type",
    "NetworkPolicy": "/network",
    "PodDisruptionBudget": "/disruption",
    "PodMonitor": "/monitoring",
    "ServiceAccount": "/serviceAccount",
    "Namespace": "/namespace",
    "SpinAppExecutor": "/executor",
    "RuntimeClass": "/executor",
    "Shim": "/executor",
}
#: Shared objects that lie in no namespace.
_OF_CLUSTERS = frozenset({"RuntimeClass", "Shim"})
_VALUES = "-values-"


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Where an object comes from: owner (an app, a bundle or `_shared`), file, line and column from 1, and what set the field.

    `pointer` is the field, a JSON Pointer below the App's spec, empty for the document itself. `via` is as in `Origin`.
    """

    owner: str
    path: str
    line: int | None = None
    column: int | None = None
    pointer: str = ""
    via: str = "document"

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.path, self.line, self.column) if part)
        field = f" spec{self.pointer.replace('/', '.')}" if self.pointer else ""
        return f"{place}{field}{'' if self.via == 'document' else f' ({self.via})'}"

    def to_json(self) -> dict[str, Any]:
        """Give the fields of the public JSON format."""
        return {
            "owner": self.owner, "path": self.path, "line": self.line, "column": self.column, "pointer": self.pointer, "via": self.via,
        }  # fmt: skip


def sources(assignment: Assignment, rendered: Mapping[str, Rendered]) -> dict[ObjectKey, Source]:
    """Give the source of every rendered object."""
    units = {name: unit for name, unit in assignment.units.items() if not isinstance(unit, Withheld)}
    found: dict[ObjectKey, Source] = {}
    for name, result in rendered.items():
        unit = units.get(name)
        if isinstance(unit, AppAssignment):
            found |= {key_of(obj): _of_app(unit, obj, name) for obj in result.objects}
        elif isinstance(unit, BundleAssignment):
            found |= _of_bundle(unit, result)
    apps = [unit for _, unit in sorted(units.items()) if isinstance(unit, AppAssignment)]
    if SHARED in rendered:
        found |= {key_of(obj): _of_shared(apps, obj) for obj in rendered[SHARED].objects}
    return found


def _of_app(app: AppAssignment, obj: Mapping[str, Any], owner: str) -> Source:
    kind, pointer = obj["kind"], _FIELDS.get(obj["kind"], "")
    if kind in {"Ingress", "HTTPRoute"}:
        pointer = f"/routes/{_route(app, obj)}"
    elif kind == "TriggerAuthentication":
        pointer = f"/autoscaling/triggers/{int(obj['metadata']['name'].rpartition('-')[2]) - 1}/authentication"
    elif kind == "Secret" and _VALUES in obj["metadata"]["name"]:
        pointer = "/variables"
    return _at(app, pointer, owner)


def _route(app: AppAssignment, obj: Mapping[str, Any]) -> int:
    """Give the entry of App.routes that an Ingress or HTTPRoute begins with."""
    spec = obj["spec"]
    hosts = spec["hostnames"] if "hostnames" in spec else [rule["host"] for rule in spec["rules"]]
    for index, entry in enumerate(app.spec["routes"]):
        if entry["host"] in hosts and ("gateway" in entry) is (obj["kind"] == "HTTPRoute"):
            return index
    return 0


def _at(app: AppAssignment, pointer: str, owner: str) -> Source:
    at = pointer
    while at:
        origin = app.origins.get(at)
        if origin is not None and origin.path:
            return Source(
                owner=owner, path=origin.path, line=origin.line, column=origin.column, pointer=at, via=origin.via
            )
        at = at.rpartition("/")[0]
    return Source(owner=owner, path=app.path, line=app.line)


def _of_bundle(bundle: BundleAssignment, rendered: Rendered) -> dict[ObjectKey, Source]:
    """A bundle's objects are rendered in another order than they are written in: they are found by what they are."""
    places: dict[ObjectKey, Source] = {}
    for sourced in bundle.objects:
        source = Source(owner=bundle.name, path=sourced.path, line=sourced.line)
        places[rendered_key(bundle, sourced.object)] = source
    whole = Source(owner=bundle.name, path=bundle.path, line=bundle.line)
    return {key: places.get(key, whole) for key in map(key_of, rendered.objects)}


def _of_shared(apps: Iterable[AppAssignment], obj: Mapping[str, Any]) -> Source:
    """Give the first app by name that needs a shared object, or the declaration of the executor it belongs to."""
    kind, key = obj["kind"], key_of(obj)
    for app in apps:
        executor = app.executor
        namespace = key.name if kind == "Namespace" else key.namespace
        if kind not in _OF_CLUSTERS and app.namespace != namespace:
            continue
        if kind == "Shim":
            shim = executor.shim if executor is not None else None
            if shim is None or shim.object["metadata"]["name"] != key.name:
                continue
            return Source(owner=SHARED, path=shim.path, line=shim.line)
        if kind in {"SpinAppExecutor", "RuntimeClass"}:
            named = executor is not None and key.name in {executor.name, executor.deployment.get("runtimeClassName")}
            if not named or executor is None:
                continue
            if executor.line is not None:
                return Source(owner=SHARED, path=executor.path, line=executor.line)
        elif kind == "ServiceAccount" and key.name not in {app.spec.get("serviceAccountName"), app.name}:
            continue
        return _at(app, _FIELDS[kind], SHARED)
    return Source(owner=SHARED, path=obj["metadata"]["annotations"].get("spinfleet.dev/source", ""))
