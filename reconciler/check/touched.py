"""The part of two commits that a change between them can touch, so that a small change of a large fleet costs little.

What is read as documents: the Fleet, its clusters and rollouts, the changed files, what those need to be understood, and what bears on
others (docs: the table in fleet/affected.py, and what clashes). All else is looked at as text alone. Where that can't be told apart, such as
after a change of the Fleet itself, everything is read. A part gives the same report as the whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.check.texts import Texts, overlap
from reconciler.errors import InputError
from reconciler.fleet import LoadCache, load
from reconciler.fleet.assign import DEFAULT_NAMESPACE
from reconciler.fleet.brought import bears_on_apps, group_kind
from reconciler.fleet.bundles import folder_of
from reconciler.fleet.cache import canonical
from reconciler.fleet.dependencies import dependencies
from reconciler.fleet.documents import YAML_SUFFIXES, Document
from reconciler.fleet.model import AppDefinition, BundleDefinition, Fleet
from reconciler.fleet.overrides import every_layer
from reconciler.fleet.paths import beside
from reconciler.fleet.placement import placement_of
from reconciler.fleet.values_files import files_of
from reconciler.fleet.variables import filled
from reconciler.problems import Problem, has_errors
from reconciler.tree import File, Tree

#: More changed files are no small change.
_MOST_CHANGED = 1000
_SHARED_BY_ALL = frozenset({"Fleet", "FleetSync", "Cluster", "Rollout"})
_ON_EVERY_APP = ("SpinAppExecutor", "RuntimeClass", "Shim")
_DEFINITION = ("CustomResourceDefinition",)
_INPUTS = frozenset({("", "Secret"), ("", "ConfigMap"), ("", "Service")})
_WORD = re.compile(rb"[\w.-]+")
_LABEL = re.compile(r"[\w-]+")
_BUILT = re.compile(r"[\w.-]*(?:\$\{cluster\.[^{}$]*\}[\w.-]*)+")
#: What of an App decides where others see it, and what it shares with them.
_SEEN = (
    "overrides",
    "namespace",
    "executor",
    "job",
    "suspend",
    "serviceAccount",
    "serviceAccountName",
    "namespaceLabels",
)


class _EverythingError(Exception):
    """The change may touch anything."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some files of a tree; the others are as if they were not there."""

    tree: Tree
    files: Mapping[str, File]

    @property
    def commit(self) -> str | None:
        """The commit's id."""
        return self.tree.commit

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Entries that were refused."""
        return self.tree.problems

    def read(self, path: str) -> bytes:
        """Give a file's content."""
        return self.tree.read(path)


def touched(base: Tree, head: Tree, cache: LoadCache) -> tuple[Tree, Tree] | None:
    """Give the parts of base and head that the difference between them can touch; None where that may be everything.

    What was read on the way is in the cache.
    """
    files = base.files.keys() | head.files.keys()
    changed = frozenset(path for path in files if base.files.get(path) != head.files.get(path))
    if not base.files or base.problems != head.problems or len(changed) > _MOST_CHANGED:
        return None
    try:
        return _Search(base, head, changed, cache).parts()
    except _EverythingError:
        return None


class _Search:
    """Collects the files that are to be read as documents."""

    def __init__(self, base: Tree, head: Tree, changed: frozenset[str], cache: LoadCache) -> None:
        self._trees = (base, head)
        self._changed, self._cache = changed, cache
        self._texts = Texts(head, changed)
        self._kept: set[str] = set()
        self._files: set[str] = set()
        self._folders: set[str] = set()
        self._queue: list[str] = []
        self._names: set[str] = set()
        self._moved: set[str] = set()
        self._defaults: Mapping[str, Any] = {}
        self._of_all = b""
        self._labels: frozenset[str] = frozenset()
        self._variables: list[dict[str, str]] = []
        self._has_bundle = False
        self._known: dict[str, frozenset[str]] = {}

    def parts(self) -> tuple[Tree, Tree]:
        self._of_every_app()
        self._changed_documents()
        self._owners_of_changed_files()
        self._close()
        fleets = [load(each, cache=self._cache).fleet for each in self._parts()]
        before, after = fleets
        if before is not None and after is not None:
            for name in sorted(self._names):
                self._bearing_on_others(name, before, after)
            self._close()
            self._hold_to_what_changed()
        return self._parts()

    # What everything depends on

    def _of_every_app(self) -> None:
        texts = self._texts
        core = set(texts.with_kind(*_SHARED_BY_ALL)) & texts.documents
        self._keep(core | (texts.odd & texts.documents) | texts.unread)
        documents = [each for path in self._kept for each in self._documents(path)]
        fleets = [each for each in documents if each.kind == "Fleet"]
        if len(fleets) != 1:
            raise _EverythingError
        self._defaults = fleets[0].spec.get("defaults") or {}
        executors = [each.spec.get("executors") for each in documents if each.kind in {"Fleet", "Cluster"}]
        self._of_all = canonical([self._defaults, [each for each in executors if each]]).encode()
        self._variables = [
            {"name": each.name, **(each.spec.get("variables") or {})} for each in documents if each.kind == "Cluster"
        ]
        texts.know(self._variables)
        self._labels = frozenset(_LABEL.findall(self._of_all.decode()))
        self._labels |= {
            label for each in self._variables for value in each.values() for label in _LABEL.findall(value)
        }
        for path in set(texts.with_kind(*_ON_EVERY_APP)):
            self._keep(self._bundles_of(path))

    # What changed

    def _changed_documents(self) -> None:
        sides: list[dict[tuple[str, str], list[Any]]] = []
        for tree in self._trees:
            found: dict[tuple[str, str], list[Any]] = {}
            for path in sorted(self._changed):
                for each in self._documents(path, tree):
                    found.setdefault((each.kind, each.name), []).append((path, each.line, each.yaml.value))
                    self._understand(each)
            sides.append(found)
        for kind, name in sides[0].keys() | sides[1].keys():
            if sides[0].get((kind, name)) == sides[1].get((kind, name)):
                continue
            if kind in {"Fleet", "Cluster", "Rollout"}:
                raise _EverythingError
            if kind != "FleetSync":
                self._names.add(name)

    def _owners_of_changed_files(self) -> None:
        """Find the apps and bundles, unchanged themselves, whose files changed."""
        for path in self._changed:
            if path.rpartition("/")[2].encode() in self._of_all:
                raise _EverythingError
            self._keep(self._bundles_of(path, self._names))
            self._keep(self._apps_of(path, self._names))

    def _bundles_of(self, path: str, names: set[str] | None = None) -> Iterator[str]:
        """Give the unchanged documents of bundles whose folder a file is in."""
        for document in self._texts.near(path):
            if b"Bundle" not in self._texts.of.get(document, b"Bundle") and document not in self._texts.odd:
                continue
            for each in self._documents(document):
                where = folder_of(each) if each.kind == "Bundle" else None
                if where is not None and path.startswith(where):
                    if names is not None:
                        names.add(each.name)
                    yield document

    def _apps_of(self, path: str, names: set[str] | None = None) -> Iterator[str]:
        """Give the unchanged documents of apps that name a file."""
        last = path.rpartition("/")[2]
        for document in self._texts.near(path):
            if last != "spin.toml" and last.encode() not in self._texts.of.get(document, last.encode()):
                continue
            for each in self._documents(document):
                if each.kind == "App" and path in self._files_of(each):
                    if names is not None:
                        names.add(each.name)
                    yield document

    def _files_of(self, document: Document) -> Iterator[str]:
        manifest = document.written.get("manifest", "spin.toml")
        if isinstance(manifest, str) and (path := beside(document.path, manifest)):
            yield path
        yield from files_of(document, self._defaults)

    # What is needed to understand a document

    def _close(self) -> None:
        while self._queue:
            path = self._queue.pop()
            for each in self._documents(path):
                self._understand(each)

    def _understand(self, document: Document) -> None:
        if document.kind not in {"App", "Bundle"}:
            return
        layers = [document.written, *_overrides(document)]
        if document.kind == "App":
            layers.append(self._defaults)
        for name in {name for each in layers for name in _list(each.get("dependsOn")) if isinstance(name, str)}:
            self._keep(set(self._texts.naming(name)) & self._texts.documents)
        if document.kind == "Bundle":
            self._understand_bundle(document)
        else:
            self._understand_app(document)

    def _understand_bundle(self, document: Document) -> None:
        where = folder_of(document)
        if where is None:
            return
        if where == "":
            raise _EverythingError
        if where not in self._folders:
            self._folders.add(where)
            self._keep(path for path in self._texts.documents if path.startswith(where))
        if not self._has_bundle:
            # Definitions of custom kinds bear on every bundle.
            self._has_bundle = True
            for path in set(self._texts.with_kind(*_DEFINITION)):
                self._keep(self._bundles_of(path))

    def _understand_app(self, document: Document) -> None:
        """Keep the apps that it may call, and the bundles that have an object it may name."""
        data = [canonical(document.written).encode(), self._of_all]
        for path in self._files_of(document):
            self._files.add(path)
            data += [_content(tree, path) for tree in self._trees if path.endswith(".toml")]
        text = b"\n".join(data)
        words = {each.decode("utf-8", "replace") for each in _WORD.findall(text)}
        words |= {built for each in _BUILT.findall(text.decode("utf-8", "replace")) for built in self._built(each)}
        words |= {each.partition(".")[0] for each in words}
        calls = b"network" in text
        for word in words | {DEFAULT_NAMESPACE}:
            for path in self._texts.naming(word):
                if path not in self._texts.documents:
                    self._keep(self._bundles_of(path))
                elif calls or b"Bundle" in self._texts.of[path]:
                    self._keep([path])

    def _built(self, text: str) -> frozenset[str]:
        if text not in self._known:
            self._known[text] = frozenset(filled(text, each) for each in self._variables)
        return self._known[text]

    # What bears on others

    def _bearing_on_others(self, name: str, before: Fleet, after: Fleet) -> None:
        sides = [(fleet, fleet.apps.get(name) or fleet.bundles.get(name)) for fleet in (before, after)]
        seen = [_seen(fleet, each) for fleet, each in sides]
        moved = seen[0] != seen[1]
        if moved:
            self._moved.add(name)
            self._seen_otherwise(name)
        for fleet, each in sides:
            if isinstance(each, AppDefinition):
                self._app_for_others(fleet, each, moved=moved)
        bundles = [each if isinstance(each, BundleDefinition) else None for _, each in sides]
        if any(bundles):
            self._bundle_for_others(bundles[0], bundles[1], moved=moved)

    def _seen_otherwise(self, name: str) -> None:
        """Keep those that wait for an app or bundle, call it, or have its name."""
        if name in self._labels:
            raise _EverythingError
        self._keep(self._texts.mentioning(name))
        for path in self._texts.manifests_mentioning(name):
            self._keep(self._apps_of(path))

    def _app_for_others(self, fleet: Fleet, app: AppDefinition, *, moved: bool) -> None:
        layers = every_layer(app, fleet)
        if "namespaceLabels" in app.spec or any("namespaceLabels" in each for each in _overrides(app)):
            raise _EverythingError
        named = {app.name}
        for each in layers:
            scaling = each.get("autoscaling")
            routes = [one for one in _list(each.get("routes")) if isinstance(one, Mapping)]
            named |= {
                str(one["name"])
                for one in (*routes, *([scaling] if isinstance(scaling, Mapping) else ()))
                if "name" in one
            }
            named |= {str(each["serviceAccountName"])} if "serviceAccountName" in each else set()
            for route in routes:
                self._claims_of(str(route.get("host", "")))
        for name in named:
            self._keep_related(name, begins=True)
            if "${" in name:
                raise _EverythingError
        if moved:
            if b'"executors"' in self._of_all or b'"handler"' in self._of_all or b'"shim"' in self._of_all:
                raise _EverythingError
            self._witnesses({str(each["namespace"]) for each in layers if "namespace" in each})

    def _claims_of(self, host: str) -> None:
        """Keep the apps that may want the same host."""
        texts = self._texts
        hosts = {filled(host, each) for each in self._variables}
        before = host.partition("${")[0]
        for path in texts.saying(before):
            data = texts.of[path]
            if host.encode() in data or any(each.encode() in data for each in hosts):
                self._keep([path])
        for start, variable, paths in texts.building():
            if any(
                filled(host, each).startswith(f"{start}{each.get(variable, '')}")
                for each in (self._variables if overlap(start, before) else ())
            ):
                self._keep(paths)

    def _witnesses(self, namespaces: Iterable[str]) -> None:
        """Keep the apps of the namespaces: what they share with one that moves may be there for them as well."""
        usual = {DEFAULT_NAMESPACE, str(self._defaults.get("namespace", DEFAULT_NAMESPACE))}
        wanted = set(namespaces) or usual
        if any("${" in each for each in wanted):
            raise _EverythingError
        for each in wanted:
            self._keep(self._texts.mentioning(each))
        if wanted & usual:
            self._keep(path for path in self._texts.documents if not self._texts.has_namespace(path))

    def _bundle_for_others(
        self, before: BundleDefinition | None, after: BundleDefinition | None, *, moved: bool
    ) -> None:
        sides = [
            {_place(each.object): each.object for each in one.objects} if one is not None else {}
            for one in (before, after)
        ]
        moved = moved or _patches(before) != _patches(after)
        if moved:
            differing = sides[0].keys() | sides[1].keys()
        else:
            differing = {key for key in sides[0].keys() | sides[1].keys() if sides[0].get(key) != sides[1].get(key)}
        inputs_alone = all(group_kind(side[key]) in _INPUTS for key in differing for side in sides if key in side)
        bearing = [None if each is None else bears_on_apps(each) for each in (before, after)]
        kinds = {key[1] for key in differing}
        if kinds & {*_ON_EVERY_APP, *_DEFINITION} or (
            bearing[0] != bearing[1] and not inputs_alone and kinds & {"Shim"}
        ):
            raise _EverythingError
        for _, kind, namespace, name in differing:
            self._keep_related(name, begins=False)
            if kind in {"Secret", "ConfigMap", "Service"}:
                self._keep(self._texts.mentioning(name))
            if kind == "Service":
                for path in self._texts.manifests_mentioning(name):
                    self._keep(self._apps_of(path))
            if kind == "Namespace":
                self._witnesses({name})
            if kind == "ServiceAccount":
                self._keep(self._texts.mentioning(name))
                self._witnesses({namespace} if namespace else ())

    def _keep_related(self, name: str, *, begins: bool) -> None:
        """Keep those that may have an object of this name: rendered ones begin with their app's."""
        parts = name.split("-")
        related = {"-".join(parts[: length + 1]) for length in range(len(parts))}
        if begins:
            related |= {each for each in self._texts.names if each.startswith(f"{name}-")}
        for each in related:
            for path in self._texts.naming(each):
                self._keep([path] if path in self._texts.documents else self._bundles_of(path))

    def _hold_to_what_changed(self) -> None:
        """Make sure that no other app or bundle becomes valid or invalid, on any cluster: then what it shares and claims would count as well."""
        before, after = (load(each, cache=self._cache).fleet for each in self._parts())
        assert before is not None  # noqa: S101 - it was read before with less
        assert after is not None  # noqa: S101
        for fleet, other in ((before, after), (after, before)):
            definitions: list[AppDefinition | BundleDefinition] = [*fleet.apps.values(), *fleet.bundles.values()]
            for each in definitions:
                if each.name in self._names:
                    continue
                now = other.apps.get(each.name) or other.bundles.get(each.name)
                if _seen(fleet, each) != _seen(other, now):
                    raise _EverythingError
                if any(one.name in self._moved for one in dependencies(fleet, each)):
                    raise _EverythingError

    # Files

    def _keep(self, paths: Iterable[str]) -> None:
        for path in list(paths):
            if path not in self._kept:
                self._kept.add(path)
                self._queue.append(path)

    def _documents(self, path: str, tree: Tree | None = None) -> tuple[Document, ...]:
        tree = tree or self._trees[1]
        if not path.endswith(YAML_SUFFIXES) or path not in tree.files:
            return ()
        return self._cache.look_at(tree, path).documents

    def _parts(self) -> tuple[Tree, Tree]:
        texts = self._texts
        below = tuple(self._folders)
        kept = {path for path in texts.of if path in self._kept or path in self._files or path.startswith(below)}
        kept |= self._changed | texts.unread
        before, after = (
            Part(
                tree,
                {path: file for path, file in tree.files.items() if path in kept or not path.endswith(YAML_SUFFIXES)},
            )
            for tree in self._trees
        )
        return before, after


def _seen(fleet: Fleet, definition: AppDefinition | BundleDefinition | None) -> str:
    """Give what others see of an app or bundle: equal where nothing of it concerns them."""
    if definition is None:
        return ""
    spec = definition.spec
    parts = [spec.get(each) for each in _SEEN]
    return canonical(
        [placement_of(fleet, definition), parts, has_errors(definition.problems), type(definition).__name__]
    )


def _place(obj: Mapping[str, Any]) -> tuple[str, str, str, str]:
    metadata = obj["metadata"]
    return (*group_kind(obj), str(metadata.get("namespace") or ""), str(metadata["name"]))


def _patches(bundle: BundleDefinition | None) -> Any:
    return None if bundle is None else (bundle.spec.get("patches"), bundle.spec.get("namespace"))


def _overrides(document: Document | AppDefinition) -> list[Mapping[str, Any]]:
    found = document.spec.get("overrides")
    specs = [each.get("spec") for each in _list(found) if isinstance(each, Mapping)]
    return [each for each in specs if isinstance(each, Mapping)]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _content(tree: Tree, path: str) -> bytes:
    try:
        return tree.read(path) if path in tree.files else b""
    except InputError:
        return b""
