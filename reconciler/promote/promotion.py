"""What moving an app to another artifact changes: one edit of its document, and the artifact of each cluster before and after."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reconciler.errors import InputError
from reconciler.fleet.model import AppDefinition, Cluster, Fleet
from reconciler.fleet.overrides import Layer, layers_of, merged, written
from reconciler.fleet.placement import may_be_placed, placement_of, selects
from reconciler.fleet.variables import filled, variables_of
from reconciler.fleet.yaml_reader import Document
from reconciler.promote.editing import Edit, edited, with_value
from reconciler.schema_check import closest
from reconciler.tree import Tree

#: What follows a reference's name: tag, digest or both. A colon before a `/` is a port's.
_SUFFIX = re.compile(r"(?::[^/:@]+)?(?:@.*)?$")


@dataclass(frozen=True, kw_only=True, slots=True)
class Aim:
    """Which app, and where: `selector` is that of an override, None the document's own spec.

    `keep_overrides`: clusters whose override names an artifact of its own keep that one.
    """

    app: str
    selector: Mapping[str, Any] | None = None
    keep_overrides: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """The artifact of one cluster before and after, its variables filled in."""

    cluster: str
    old: str
    new: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Promotion:
    """One edit, not yet written: the file's new content, the line that holds the artifact then, what it was, and every cluster it is placed on."""

    app: str
    path: str
    data: bytes
    line: int
    old: str
    new: str
    via: str
    changes: tuple[Change, ...]

    @property
    def changed(self) -> tuple[Change, ...]:
        """The clusters that get another artifact."""
        return tuple(each for each in self.changes if each.old != each.new)


def app_of(fleet: Fleet, name: str) -> AppDefinition:
    """Give an app of the fleet. Raises InputError."""
    app = fleet.apps.get(name)
    if app is None:
        hint = closest(name, sorted(fleet.apps)) or f"one of: {', '.join(sorted(fleet.apps)[:20]) or 'none'}"
        raise InputError(f"the fleet has no app {name!r}", hint=hint)
    return app


def artifact_on(fleet: Fleet, app: AppDefinition, cluster: Cluster) -> str:
    """Give the artifact that an app names for a cluster, its variables filled in; empty where it names none."""
    return _filled(merged(layers_of(fleet, app, cluster)).get("artifact"), cluster)


def written_at(fleet: Fleet, aim: Aim) -> str:
    """Give the artifact as it is written for what is aimed at, variables and all: its override's own, or what holds without that."""
    app = app_of(fleet, aim.app)
    index = _override(app, aim.selector)
    own = None if index is None else app.spec["overrides"][index]["spec"].get("artifact")
    if own is None and aim.selector is not None:
        first = next(iter(_meant(fleet, app, aim)), None)
        own = merged(layers_of(fleet, app, first)).get("artifact") if first is not None else None
    return str(own or merged(layers_of(fleet, app, None)).get("artifact") or "")


def artifacts_at(fleet: Fleet, aim: Aim) -> tuple[str, ...]:
    """Give the artifacts that the clusters aimed at have now, each once."""
    app = app_of(fleet, aim.app)
    return tuple(dict.fromkeys(artifact_on(fleet, app, each) for each in _meant(fleet, app, aim)))


def filled_for(fleet: Fleet, aim: Aim, artifact: str) -> str:
    """Give a reference with the variables of the first cluster aimed at filled in, as it stands where there is none."""
    first = next(iter(_meant(fleet, app_of(fleet, aim.app), aim)), None)
    return _filled(artifact, first) if first is not None else artifact


def retargeted(artifact: str, *, tag: str = "", digest: str = "") -> str:
    """Give a reference of the same name with another tag, digest or both."""
    name = _SUFFIX.sub("", artifact, count=1)
    return name + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")


def promotion(fleet: Fleet, tree: Tree, aim: Aim, artifact: str) -> Promotion:
    """Give the edit that has an app name another artifact.

    An override is edited only where its selector is exactly the one aimed at; else one is added behind all others. Raises InputError:
    no such app or cluster, an edit that can't be made in place, or a later override that would hide it.
    """
    app = app_of(fleet, aim.app)
    document = _document(app)
    clusters = _placed(fleet, app)
    meant = _meant(fleet, app, aim)
    if not meant:
        raise InputError(
            f"no cluster that {aim.app!r} is placed on is meant: {_shown(aim.selector)}", hint=_near(aim, clusters)
        )
    index = _override(app, aim.selector)
    edit, pointer, via = _edit(app, aim, index, artifact)
    data = edited(tree.read(app.path), document, (edit,))
    value = with_value(document.value, edit.path, edit.value)
    after = replace(app, spec=value["spec"], document=replace(document, value=value, data=data))
    changes = tuple(
        Change(cluster=each.name, old=artifact_on(fleet, app, each), new=artifact_on(fleet, after, each))
        for each in clusters
    )
    _not_hidden(
        fleet,
        after,
        aim,
        artifact,
        [each for each in meant if artifact_on(fleet, after, each) != _filled(artifact, each)],
    )
    place = _document(after).place(pointer)
    return Promotion(
        app=aim.app, path=app.path, data=data, line=place[0] if place else app.line, old=written_at(fleet, aim), new=artifact,
        via=via, changes=changes,
    )  # fmt: skip


def _edit(app: AppDefinition, aim: Aim, index: int | None, artifact: str) -> tuple[Edit, str, str]:
    """Give the edit, the pointer of the artifact after it, and what it stands in."""
    if aim.selector is None:
        return Edit(path=("spec", "artifact"), value=artifact), "/spec/artifact", "document"
    overrides = app.spec.get("overrides")
    if index is not None:
        path = ("spec", "overrides", index, "spec", "artifact")
        return Edit(path=path, value=artifact), f"/spec/overrides/{index}/spec/artifact", f"override {index + 1}"
    added = {"clusters": dict(aim.selector), "spec": {"artifact": artifact}}
    count = len(overrides or ())
    edit = (
        Edit(path=("spec", "overrides", count), value=added)
        if overrides
        else Edit(path=("spec", "overrides"), value=[added])
    )
    return edit, f"/spec/overrides/{count}/spec/artifact", f"override {count + 1}, new"


def _override(app: AppDefinition, selector: Mapping[str, Any] | None) -> int | None:
    """Give the index of the last override with exactly this selector: of several it is the one that holds."""
    overrides = app.spec.get("overrides") or ()
    found = [index for index, each in enumerate(overrides) if selector is not None and each["clusters"] == selector]
    return found[-1] if found else None


def _not_hidden(fleet: Fleet, app: AppDefinition, aim: Aim, artifact: str, hidden: Sequence[Cluster]) -> None:
    """Raise InputError where other overrides keep clusters that are meant from the new artifact."""
    if not hidden or (aim.selector is None and aim.keep_overrides):
        return
    lines = []
    for layer, names in _hiding(fleet, app, hidden).values():
        place = layer.document.place(f"{layer.pointer}/artifact") if layer.document is not None else None
        lines.append(f"{layer.via} ({layer.path}:{place[0] if place else '?'}) has another for {', '.join(names)}")
    hint = "edit that one: name its clusters with --where or --cluster"
    if aim.selector is None:
        hint += "; or leave those clusters as they are with --keep-overrides"
    raise InputError(f"{aim.app} would not get {artifact} everywhere: {'; '.join(lines)}", hint=hint)


def _hiding(fleet: Fleet, app: AppDefinition, clusters: Sequence[Cluster]) -> dict[str, tuple[Layer, list[str]]]:
    found: dict[str, tuple[Layer, list[str]]] = {}
    for cluster in clusters:
        layer = [each for each in layers_of(fleet, app, cluster) if written(each.patch, "/artifact")][-1]
        found.setdefault(layer.via, (layer, []))[1].append(cluster.name)
    return found


def _document(app: AppDefinition) -> Document:
    if app.document is None:
        raise InputError(f"{app.name!r} was not read from a document")
    return app.document


def _placed(fleet: Fleet, app: AppDefinition) -> list[Cluster]:
    placement = placement_of(fleet, app)
    return [each for _, each in sorted(fleet.clusters.items()) if may_be_placed(placement, each)]


def _meant(fleet: Fleet, app: AppDefinition, aim: Aim) -> list[Cluster]:
    return [each for each in _placed(fleet, app) if aim.selector is None or selects(aim.selector, each)]


def _filled(artifact: Any, cluster: Cluster) -> str:
    return str(filled(artifact or "", variables_of(cluster)))


def _near(aim: Aim, clusters: Sequence[Cluster]) -> str:
    """Say what the clusters have in place of what was asked for."""
    selector = aim.selector or {}
    for name in selector.get("names") or ():
        return (
            closest(name, [each.name for each in clusters])
            or f"it is placed on {', '.join(each.name for each in clusters[:20])}"
        )
    for key, value in (selector.get("matchLabels") or {}).items():
        values = sorted({each.labels[key] for each in clusters if key in each.labels})
        if value not in values:
            return (
                f"label {key} of its clusters is {', '.join(values[:20])}"
                if values
                else f"none of its clusters has label {key}"
            )
    return "see spec.placement of the app, and the labels of the clusters"


def _shown(selector: Mapping[str, Any] | None) -> str:
    labels = (selector or {}).get("matchLabels") or {}
    return (
        ", ".join([*(f"{key}={value}" for key, value in labels.items()), *((selector or {}).get("names") or ())])
        or "any"
    )
