"""Objects become a fleet. What it would render is compared with what was given: an App that does not say the same is taken back,
and its objects go unchanged into a Bundle, with the reason. So the fleet says all that was given, whatever an App can't say.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.convert.app_document import app_fields
from reconciler.convert.autoscaling import Unsayable, target_of
from reconciler.convert.compare import differences
from reconciler.convert.objects import SPIN_GROUP, Taken
from reconciler.convert.placeholder import placeholder
from reconciler.convert.report import Entry, Note
from reconciler.convert.routes import WAYS_IN, routes_of
from reconciler.convert.text import schema_line, yaml_text
from reconciler.errors import InputError
from reconciler.fleet import assign, load
from reconciler.fleet.artifact_reference import read as read_reference
from reconciler.fleet.executors import DEFAULT_EXECUTOR
from reconciler.fleet.model import API_VERSION, Fleet, Withheld
from reconciler.plan.model import ObjectKey, key_of
from reconciler.problems import Problem, Severity
from reconciler.render import render
from reconciler.tree import File

_SCALERS = frozenset({("autoscaling", "HorizontalPodAutoscaler"), ("keda.sh", "ScaledObject")})
_CAPABILITIES = {
    "keda.sh": "keda", "http.keda.sh": "keda-http", "gateway.networking.k8s.io": "gateway-api",
    "monitoring.coreos.com": "prometheus-operator",
}  # fmt: skip
#: Names of variables whose values had better not stand in Git.
_TELLING = ("password", "passwd", "secret", "token", "api_key", "apikey", "private_key", "credential")
BUNDLE = "migrated"


@dataclass(frozen=True, kw_only=True, slots=True)
class Converted:
    """The fleet as files by path, and what became of each object. `problems` are errors: what no cluster would take either."""

    files: Mapping[str, str]
    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class _App:
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
        return (self.key, *((self.scaler,) if self.scaler is not None else ()), *self.ways)

    def without_ways(self) -> _App:
        """Give the App without routes: the ways in go on being objects of their own."""
        fields = {name: value for name, value in self.fields.items() if name != "routes"}
        return replace(self, ways=(), fields=fields)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Draft:
    """A fleet that is being made: Apps, and why other SpinApps are none."""

    taken: Taken
    cluster: Mapping[str, Any]
    apps: Mapping[str, _App]
    refused: Mapping[ObjectKey, tuple[Note, ...]] = field(default_factory=dict)

    def bundled(self) -> list[ObjectKey]:
        """Give the objects that no App stands for."""
        said = {key for app in self.apps.values() for key in app.keys}
        return [key for key in self.taken.objects if key not in said]


class _Files:
    """Texts by path as a tree."""

    commit = None
    problems: tuple[Problem, ...] = ()

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._data = {path: text.encode() for path, text in sorted(texts.items())}
        self.files = {
            path: File(path, hashlib.sha1(data, usedforsecurity=False).hexdigest(), len(data))
            for path, data in self._data.items()
        }

    def read(self, path: str) -> bytes:
        return self._data[path]


def convert(
    taken: Taken, *, fleet: str, cluster: str, cluster_spec: Mapping[str, Any], manifests: Mapping[str, str]
) -> Converted:
    """Give the fleet of these objects. `manifests` has the spin.toml of artifacts that could be read, by reference as written.

    Raises InputError where even the plain objects make no fleet.
    """
    document = _cluster_spec(taken, cluster_spec)
    draft = _draft(taken, {"name": cluster, "spec": document}, manifests)
    while True:
        files = _files(draft, fleet)
        wrong = _wrong(draft, files)
        if not wrong:
            return Converted(files=files, entries=tuple(_entries(draft, files)), problems=_errors(draft, files))
        draft = _taken_back(draft, wrong)


def _taken_back(draft: _Draft, wrong: Mapping[str, tuple[Note, ...]]) -> _Draft:
    """Give the draft without what is wrong: an App's routes first, then the App itself."""
    apps, refused = dict(draft.apps), dict(draft.refused)
    for name, notes in wrong.items():
        app = apps[name]
        if app.ways:
            apps[name] = app.without_ways()
            refused |= dict.fromkeys(app.ways, notes)
        else:
            del apps[name]
            refused[app.key] = notes
    return replace(draft, apps=apps, refused=refused)


def _cluster_spec(taken: Taken, known: Mapping[str, Any]) -> dict[str, Any]:
    """Give what the Cluster document says: what the objects need, and the executors that are there and were not given."""
    capabilities = {_CAPABILITIES[key.group] for key in taken.objects if key.group in _CAPABILITIES}
    spec: dict[str, Any] = {**known, "capabilities": sorted({*known.get("capabilities", ()), *capabilities})}
    named = _not_given(taken)
    if named:
        spec["executors"] = {name: {"create": False} for name in named}
    return spec


def _not_given(taken: Taken) -> list[str]:
    """Give the executors that SpinApps name, but for the default one, and that are not among the objects."""
    given = {
        (key.namespace, key.name) for key in taken.objects if (key.group, key.kind) == (SPIN_GROUP, "SpinAppExecutor")
    }
    apps = [(key, obj) for key, obj in taken.objects.items() if (key.group, key.kind) == (SPIN_GROUP, "SpinApp")]
    named = {(key.namespace, (obj.get("spec") or {}).get("executor")) for key, obj in apps}
    return sorted({name for place, name in named - given if isinstance(name, str) and name != DEFAULT_EXECUTOR})


def _draft(taken: Taken, cluster: Mapping[str, Any], manifests: Mapping[str, str]) -> _Draft:
    scalers: dict[tuple[str, str], list[ObjectKey]] = {}
    for key, obj in taken.objects.items():
        if (key.group, key.kind) in _SCALERS and (target := target_of(obj)) is not None:
            scalers.setdefault((key.namespace, target), []).append(key)
    apps: dict[str, _App] = {}
    refused: dict[ObjectKey, tuple[Note, ...]] = {}
    for key, obj in taken.objects.items():
        if (key.group, key.kind) != (SPIN_GROUP, "SpinApp"):
            continue
        found = scalers.get((key.namespace, key.name), [])
        try:
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
            apps[key.name] = _App(
                name=key.name,
                key=key,
                scaler=scaler,
                ways=ways,
                fields=fields,
                manifest=manifest or placeholder(key.name, fields),
                known=manifest is not None,
            )
    return _Draft(taken=taken, cluster=cluster, apps=apps, refused=refused)


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


def _files(draft: _Draft, fleet: str) -> dict[str, str]:
    files = {"fleet.yaml": _document("fleet.yaml", "Fleet", fleet, _fleet_spec(draft))}
    cluster = f"clusters/{draft.cluster['name']}.yaml"
    files[cluster] = _document(cluster, "Cluster", draft.cluster["name"], draft.cluster["spec"])
    for app in draft.apps.values():
        path = f"apps/{app.name}/app.yaml"
        files[path] = _document(path, "App", app.name, {**app.fields, "adoption": "Adopt"})
        files[f"apps/{app.name}/spin.toml"] = app.manifest
    bundled = draft.bundled()
    if bundled:
        name = BUNDLE if BUNDLE not in draft.apps else f"{BUNDLE}-objects"
        files["bundle.yaml"] = _document("bundle.yaml", "Bundle", name, {"path": BUNDLE, "adoption": "Adopt"})
        for key in bundled:
            files[_path_of(key, files)] = yaml_text(draft.taken.objects[key])
    return files


def _document(path: str, kind: str, name: str, spec: Mapping[str, Any]) -> str:
    return schema_line(path, kind) + yaml_text(
        {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
    )


def _fleet_spec(draft: _Draft) -> dict[str, Any]:
    """Give the Fleet's spec: artifacts that are named by a tag, as they were, need requireDigest to be off."""
    artifacts: dict[str, Any] = {"unsigned": "Allow"}
    if any("@" not in str(app.fields["artifact"]) for app in draft.apps.values()):
        artifacts["requireDigest"] = False
    return {"artifacts": artifacts}


def _path_of(key: ObjectKey, files: Mapping[str, str]) -> str:
    folder = f"{BUNDLE}/{key.namespace}" if key.namespace else BUNDLE
    name = f"{key.kind.lower()}-{''.join(each if each.isalnum() or each in '-.' else '-' for each in key.name)}"
    path, number = f"{folder}/{name}.yaml", 1
    while path in files:
        number += 1
        path = f"{folder}/{name}-{number}.yaml"
    return path


def _wrong(draft: _Draft, files: Mapping[str, str]) -> dict[str, tuple[Note, ...]]:
    """Give the Apps that can't stay, each with why: invalid as an App, or rendering something else than was given."""
    fleet, rendered, problems = _rendered(draft, files)
    wrong: dict[str, tuple[Note, ...]] = {}
    for name, app in draft.apps.items():
        errors = [each for each in problems.get(name, ()) if each.severity is Severity.ERROR]
        errors += [
            each
            for each in (fleet.apps[name].problems if name in fleet.apps else ())
            if each.severity is Severity.ERROR
        ]
        if errors:
            wrong[name] = tuple(dict.fromkeys(Note("/spec", f"{each.message} ({each.code})") for each in errors))
            continue
        notes = [note for key in app.keys for note in _said_otherwise(key, draft, rendered)]
        if notes:
            wrong[name] = tuple(notes)
    return wrong


def _said_otherwise(key: ObjectKey, draft: _Draft, rendered: Mapping[ObjectKey, Mapping[str, Any]]) -> list[Note]:
    if key not in rendered:
        return [Note("", f"{key} would not be rendered")]
    pointers = differences(draft.taken.objects[key], rendered[key])
    # A way in can stay an object of its own, and then loses nothing.
    whole = (key.group, key.kind) in WAYS_IN
    return [
        Note(each, f"an App would say this otherwise in {key}")
        for each in pointers
        if whole or not each.startswith("/metadata/")
    ]


def _rendered(
    draft: _Draft, files: Mapping[str, str]
) -> tuple[Fleet, dict[ObjectKey, Mapping[str, Any]], dict[str, tuple[Problem, ...]]]:
    loaded = load(_Files(files))
    if loaded.fleet is None:
        raise InputError("these objects make no fleet", problems=loaded.commit_problems or loaded.problems)
    assignment = assign(loaded.fleet, draft.cluster["name"])
    problems = {name: unit.problems for name, unit in assignment.units.items() if isinstance(unit, Withheld)}
    objects: dict[ObjectKey, Mapping[str, Any]] = {}
    for name, result in render(assignment).items():
        problems[name] = (*problems.get(name, ()), *result.problems)
        objects |= {key_of(obj): obj for obj in result.objects}
    return loaded.fleet, objects, problems


def _errors(draft: _Draft, files: Mapping[str, str]) -> tuple[Problem, ...]:
    fleet, _, problems = _rendered(draft, files)
    told = {problem for app in fleet.apps.values() for problem in app.problems}
    told |= {problem for bundle in fleet.bundles.values() for problem in bundle.problems}
    told |= {problem for each in problems.values() for problem in each}
    return tuple(sorted((each for each in told if each.severity is Severity.ERROR), key=Problem.sort_key))


def _entries(draft: _Draft, files: Mapping[str, str]) -> Iterable[Entry]:
    fleet, rendered, problems = _rendered(draft, files)
    owner = {key: app for app in draft.apps.values() for key in app.keys}
    absent = _not_given(draft.taken)
    paths = _bundle_paths(draft)
    bundle = next((each for each in fleet.bundles.values()), None)
    unsound = bundle is not None and any(
        each.severity is Severity.ERROR for each in (*bundle.problems, *problems.get(bundle.name, ()))
    )
    for key, obj in draft.taken.objects.items():
        if (app := owner.get(key)) is not None:
            notes = [
                Note(each, "an App has no field for it; it is not in the fleet any more", lost=True)
                for each in differences(obj, rendered[key])
            ]
            if key == app.key:
                notes += _app_notes(app, obj, absent)
            yield Entry(object=str(key), became="app", file=f"apps/{app.name}/app.yaml", notes=tuple(notes))
            continue
        bundled = list(draft.refused.get(key, ()))
        if unsound and bundle is not None:
            bundled += [
                Note("", f"{each.message} ({each.code})")
                for each in (*bundle.problems, *problems.get(bundle.name, ()))
                if each.path == paths[key] and each.severity is Severity.ERROR
            ]
        yield Entry(object=str(key), became="bundle", file=paths[key], notes=tuple(bundled))
    for left in draft.taken.left:
        yield Entry(object=left.key, became="left", notes=(Note("", left.reason),))


def _bundle_paths(draft: _Draft) -> dict[ObjectKey, str]:
    found: dict[str, str] = {}
    paths: dict[ObjectKey, str] = {}
    for key in draft.bundled():
        paths[key] = _path_of(key, found)
        found[paths[key]] = ""
    return paths


def _app_notes(app: _App, obj: Mapping[str, Any], absent: list[str]) -> Iterable[Note]:
    """Give what a person should do or know of an App that says the same as its SpinApp."""
    if not app.known:
        yield Note("", f"apps/{app.name}/spin.toml is a placeholder: put the app's own there")
    if app.fields.get("executor") in absent:
        yield Note(
            "/spec/executor",
            "it was not given, and is declared in the Cluster as being there: say there whether it makes Deployments",
        )
    reference = read_reference(str(app.fields["artifact"]))
    if not getattr(reference, "digest", ""):
        yield Note("/spec/image", "named by a tag, which may change: name it by its digest (registry/name@sha256:…)")
    config = (obj.get("spec") or {}).get("runtimeConfig") or {}
    for name in config if "loadFromSecret" in config else ():
        if name != "loadFromSecret" and config[name]:
            yield Note(f"/spec/runtimeConfig/{name}", "SpinKube ignores it beside loadFromSecret", lost=True)
    for name, value in (app.fields.get("variables") or {}).items():
        if value.get("value") and any(telling in name.lower() for telling in _TELLING):
            yield Note(
                "/spec/variables",
                f"variable {name} stands in plain: refer to a Secret (secretKeyRef), or to an encrypted file (file)",
            )
