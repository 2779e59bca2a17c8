"""Whom a changed app or bundle bears on: those that wait for it, call it, or may want the same names, hosts and objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.check.selection import EverythingError, OfAll, Selection, listed, overriding
from reconciler.check.texts import overlap
from reconciler.fleet.assign import DEFAULT_NAMESPACE
from reconciler.fleet.brought import bears_on_apps, group_kind
from reconciler.fleet.cache import canonical
from reconciler.fleet.model import AppDefinition, BundleDefinition, Fleet
from reconciler.fleet.overrides import every_layer
from reconciler.fleet.placement import placement_of
from reconciler.fleet.variables import filled
from reconciler.problems import has_errors

#: Bundles with one of these bear on every app.
ON_EVERY_APP = ("SpinAppExecutor", "RuntimeClass", "Shim")
_INPUTS = frozenset({("", "Secret"), ("", "ConfigMap"), ("", "Service")})
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


class Bearing:
    """Keeps those that a change of an app or bundle bears on."""

    def __init__(self, selection: Selection, of_all: OfAll) -> None:
        self._selection, self._of_all = selection, of_all
        self._texts = selection.texts
        #: Those that others see otherwise than before.
        self.moved: set[str] = set()

    def on_others(self, name: str, before: Fleet, after: Fleet) -> None:
        """Keep the ones that may see a change of an app or bundle of this name. Raises EverythingError."""
        sides = [(fleet, fleet.apps.get(name) or fleet.bundles.get(name)) for fleet in (before, after)]
        seen = [seen_by_others(fleet, each) for fleet, each in sides]
        moved = seen[0] != seen[1]
        if moved:
            self.moved.add(name)
            self._seen_otherwise(name)
        for fleet, each in sides:
            if isinstance(each, AppDefinition):
                self._app_for_others(fleet, each, moved=moved)
        bundles = [each if isinstance(each, BundleDefinition) else None for _, each in sides]
        if any(bundles):
            self._bundle_for_others(bundles[0], bundles[1], moved=moved)

    def _seen_otherwise(self, name: str) -> None:
        """Keep those that wait for an app or bundle, call it, or have its name."""
        if name in self._of_all.labels:
            raise EverythingError
        self._selection.keep(self._texts.mentioning(name))
        for path in self._texts.manifests_mentioning(name):
            self._selection.keep(self._selection.apps_of(path, self._of_all.defaults))

    def _app_for_others(self, fleet: Fleet, app: AppDefinition, *, moved: bool) -> None:
        layers = every_layer(app, fleet)
        if "namespaceLabels" in app.spec or any("namespaceLabels" in each for each in overriding(app.spec)):
            raise EverythingError
        named = {app.name}
        for each in layers:
            scaling = each.get("autoscaling")
            routes = [one for one in listed(each.get("routes")) if isinstance(one, Mapping)]
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
                raise EverythingError
        if moved:
            if (
                b'"executors"' in self._of_all.text
                or b'"handler"' in self._of_all.text
                or b'"shim"' in self._of_all.text
            ):
                raise EverythingError
            self._witnesses({str(each["namespace"]) for each in layers if "namespace" in each})

    def _claims_of(self, host: str) -> None:
        """Keep the apps that may want the same host."""
        texts = self._texts
        hosts = {filled(host, each) for each in self._of_all.variables}
        before = host.partition("${")[0]
        for path in texts.saying(before):
            data = texts.of[path]
            if host.encode() in data or any(each.encode() in data for each in hosts):
                self._selection.keep([path])
        for start, variable, paths in texts.building():
            if any(
                filled(host, each).startswith(f"{start}{each.get(variable, '')}")
                for each in (self._of_all.variables if overlap(start, before) else ())
            ):
                self._selection.keep(paths)

    def _witnesses(self, namespaces: Iterable[str]) -> None:
        """Keep the apps of the namespaces: what they share with one that moves may be there for them as well."""
        usual = {DEFAULT_NAMESPACE, str(self._of_all.defaults.get("namespace", DEFAULT_NAMESPACE))}
        wanted = set(namespaces) or usual
        if any("${" in each for each in wanted):
            raise EverythingError
        for each in wanted:
            self._selection.keep(self._texts.mentioning(each))
        if wanted & usual:
            self._selection.keep(path for path in self._texts.documents if not self._texts.has_namespace(path))

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
        if kinds & {*ON_EVERY_APP, "CustomResourceDefinition"} or (
            bearing[0] != bearing[1] and not inputs_alone and kinds & {"Shim"}
        ):
            raise EverythingError
        for _, kind, namespace, name in differing:
            self._keep_related(name, begins=False)
            if kind in {"Secret", "ConfigMap", "Service"}:
                self._selection.keep(self._texts.mentioning(name))
            if kind == "Service":
                for path in self._texts.manifests_mentioning(name):
                    self._selection.keep(self._selection.apps_of(path, self._of_all.defaults))
            if kind == "Namespace":
                self._witnesses({name})
            if kind == "ServiceAccount":
                self._selection.keep(self._texts.mentioning(name))
                self._witnesses({namespace} if namespace else ())

    def _keep_related(self, name: str, *, begins: bool) -> None:
        """Keep those that may have an object of this name: rendered ones begin with their app's."""
        parts = name.split("-")
        related = {"-".join(parts[: length + 1]) for length in range(len(parts))}
        if begins:
            related |= {each for each in self._texts.names if each.startswith(f"{name}-")}
        for each in related:
            for path in self._texts.naming(each):
                self._selection.keep([path] if path in self._texts.documents else self._selection.bundles_of(path))


def seen_by_others(fleet: Fleet, definition: AppDefinition | BundleDefinition | None) -> str:
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
