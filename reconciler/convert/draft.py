"""A fleet that is being made of objects: which Apps stand for which of them, and the files that say so."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, count
from typing import Any

from reconciler.convert.app_document import app_fields
from reconciler.convert.autoscaling import Unsayable, target_of
from reconciler.convert.objects import SPIN_GROUP, Taken
from reconciler.convert.placeholder import placeholder
from reconciler.convert.report import Note
from reconciler.convert.routes import WAYS_IN, routes_of
from reconciler.convert.text import schema_line, yaml_text
from reconciler.fleet.executors import DEFAULT_EXECUTOR
from reconciler.fleet.model import API_VERSION
from reconciler.plan.model import ObjectKey

_SCALERS = frozenset({("autoscaling", "HorizontalPodAutoscaler"), ("keda.sh", "ScaledObject")})
_CAPABILITIES = {
    "keda.sh": "keda", "http.keda.sh": "keda-http", "gateway.networking.k8s.io": "gateway-api",
    "monitoring.coreos.com": "prometheus-operator",
}  # fmt: skip
#: Name and folder of the Bundle of what no App stands for.
BUNDLE = "migrated"
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,50}[a-z0-9])?")
_NOT_PLAIN = re.compile(r"[^a-zA-Z0-9-]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class App:
    """An App that stands for a SpinApp, its scaler and the ways in to it. `key` is the SpinApp's, `manifest` the text of its spin.toml."""

    name: str
    key: ObjectKey
    scaler: ObjectKey | None
    ways: tuple[ObjectKey, ...]
    fields: Mapping[str, Any]
    manifest: str
    known: bool

    @property
    def keys(self) -> tuple[ObjectKey, ...]:
        """The objects that it stands for."""
        return (self.key, *((self.scaler,) if self.scaler is not None else ()), *self.ways)

    def without_ways(self) -> App:
        """Give the App without routes: the ways in go on being objects of their own."""
        fields = {name: value for name, value in self.fields.items() if name != "routes"}
        return replace(self, ways=(), fields=fields)


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A fleet that is being made: Apps, and why other SpinApps are none."""

    taken: Taken
    cluster: Mapping[str, Any]
    apps: Mapping[str, App]
    refused: Mapping[ObjectKey, tuple[Note, ...]] = field(default_factory=dict)

    def bundled(self) -> list[ObjectKey]:
        """Give the objects that no App stands for."""
        said = {key for app in self.apps.values() for key in app.keys}
        return [key for key in self.taken.objects if key not in said]


def cluster_spec_of(taken: Taken, known: Mapping[str, Any]) -> dict[str, Any]:
    """Give what the Cluster document says: what the objects need, and the executors that are there and were not given."""
    capabilities = {_CAPABILITIES[key.group] for key in taken.objects if key.group in _CAPABILITIES}
    spec: dict[str, Any] = {**known, "capabilities": sorted({*known.get("capabilities", ()), *capabilities})}
    named = executors_not_given(taken)
    if named:
        spec["executors"] = {name: {"create": False} for name in named}
    return spec


def executors_not_given(taken: Taken) -> list[str]:
    """Give the executors that SpinApps name, but for the default one, and that are not among the objects."""
    given = {
        (key.namespace, key.name) for key in taken.objects if (key.group, key.kind) == (SPIN_GROUP, "SpinAppExecutor")
    }
    apps = [(key, obj) for key, obj in taken.objects.items() if (key.group, key.kind) == (SPIN_GROUP, "SpinApp")]
    named = {(key.namespace, (obj.get("spec") or {}).get("executor")) for key, obj in apps}
    return sorted({name for place, name in named - given if isinstance(name, str) and name != DEFAULT_EXECUTOR})


def draft_of(taken: Taken, cluster: Mapping[str, Any], manifests: Mapping[str, str]) -> Draft:
    """Give the first draft: an App for each SpinApp that one can be written of. `cluster` is name and spec of its one cluster."""
    scalers: dict[tuple[str, str], list[ObjectKey]] = {}
    for key, obj in taken.objects.items():
        if (key.group, key.kind) in _SCALERS and (target := target_of(obj)) is not None:
            scalers.setdefault((key.namespace, target), []).append(key)
    apps: dict[str, App] = {}
    refused: dict[ObjectKey, tuple[Note, ...]] = {}
    for key, obj in taken.objects.items():
        if (key.group, key.kind) != (SPIN_GROUP, "SpinApp"):
            continue
        found = scalers.get((key.namespace, key.name), [])
        try:
            if _NAME.fullmatch(key.name) is None:
                raise Unsayable(
                    "its name can't be an App's: at most 52 lower case letters, digits and -, beginning with a letter"
                )
            if key.name in apps:
                raise Unsayable(
                    f"an App {key.name!r} stands for {apps[key.name].key} already: names of Apps are unique in a fleet"
                )
            if len(found) > 1:
                raise Unsayable(f"several scalers target it: {', '.join(map(str, found))}")
            scaler = found[0] if found else None
            fields = app_fields(obj, taken.objects[scaler] if scaler is not None else None)
        except Unsayable as reason:
            refused[key] = (Note("/spec", str(reason)),)
        except (KeyError, TypeError, AttributeError):
            refused[key] = (Note("/spec", "it does not have the shape of a SpinApp"),)
        else:
            if scaler is not None and "autoscaling" not in fields:
                scaler = None
            image = str(fields["artifact"])
            manifest = manifests.get(image)
            ways, routes = _routes(key, taken, refused)
            if routes:
                fields["routes"] = routes
            apps[key.name] = App(
                name=key.name,
                key=key,
                scaler=scaler,
                ways=ways,
                fields=fields,
                manifest=manifest or placeholder(key.name, fields),
                known=manifest is not None,
            )
    return Draft(taken=taken, cluster=cluster, apps=apps, refused=refused)


def _routes(
    app: ObjectKey, taken: Taken, refused: dict[ObjectKey, tuple[Note, ...]]
) -> tuple[tuple[ObjectKey, ...], list[dict[str, Any]]]:
    """Give the ways in to an app that its routes may stand for, and the routes."""
    ways: list[ObjectKey] = []
    routes: list[dict[str, Any]] = []
    for group, kind in sorted(WAYS_IN):
        way = ObjectKey(group, kind, app.namespace, app.name)
        if way not in taken.objects:
            continue
        try:
            routes += routes_of(app.name, taken.objects[way])
        except Unsayable as reason:
            refused[way] = (Note("/spec", str(reason)),)
        else:
            ways.append(way)
    return tuple(ways), routes


def files_of(draft: Draft, fleet: str) -> dict[str, str]:
    """Give the documents and manifests of a draft by path."""
    files = {"fleet.yaml": _document("fleet.yaml", "Fleet", fleet, _fleet_spec(draft))}
    cluster = f"clusters/{draft.cluster['name']}.yaml"
    files[cluster] = _document(cluster, "Cluster", draft.cluster["name"], draft.cluster["spec"])
    for app in draft.apps.values():
        path = f"apps/{app.name}/app.yaml"
        files[path] = _document(path, "App", app.name, {**app.fields, "adoption": "Adopt"})
        files[f"apps/{app.name}/spin.toml"] = app.manifest
    bundled = draft.bundled()
    if bundled:
        names = chain((BUNDLE,), (f"{BUNDLE}-{number}" for number in count(2)))
        name = next(name for name in names if name not in draft.apps)
        spec = {"path": BUNDLE, "adoption": "Adopt"}
        if not draft.taken.unscoped.isdisjoint(bundled):
            # Whether they have a namespace is the cluster's to say: where they do, this is it.
            spec["namespace"] = draft.taken.namespace
        files["bundle.yaml"] = _document("bundle.yaml", "Bundle", name, spec)
        for key in bundled:
            files[_path_of(key, files)] = yaml_text(draft.taken.objects[key])
    return files


def _document(path: str, kind: str, name: str, spec: Mapping[str, Any]) -> str:
    return schema_line(path, kind) + yaml_text(
        {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
    )


def _fleet_spec(draft: Draft) -> dict[str, Any]:
    """Give the Fleet's spec: artifacts that are named by a tag, as they were, need requireDigest to be off."""
    artifacts: dict[str, Any] = {"unsigned": "Allow"}
    if any("@" not in str(app.fields["artifact"]) for app in draft.apps.values()):
        artifacts["requireDigest"] = False
    return {"artifacts": artifacts}


def _path_of(key: ObjectKey, files: Mapping[str, str]) -> str:
    """Give a path that no other object has. What files say never leads out of the folder."""
    folder = f"{BUNDLE}/{_plain(key.namespace)}" if key.namespace else BUNDLE
    name = f"{_plain(key.kind.lower())}-{_plain(key.name)}"
    path, number = f"{folder}/{name}.yaml", 1
    while path in files:
        number += 1
        path = f"{folder}/{name}-{number}.yaml"
    return path


def _plain(text: str) -> str:
    return _NOT_PLAIN.sub("-", text)[:100]


def bundle_paths(draft: Draft) -> dict[ObjectKey, str]:
    """Give the file of each object that no App stands for."""
    found: dict[str, str] = {}
    paths: dict[ObjectKey, str] = {}
    for key in draft.bundled():
        paths[key] = _path_of(key, found)
        found[paths[key]] = ""
    return paths
