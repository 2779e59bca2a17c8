"""Merging: the fleet's defaults, the document, the overrides that match; and where each value came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.fleet.merge_patch import merge_patch
from reconciler.fleet.model import AppDefinition, BundleDefinition, Cluster, Fleet, Origin
from reconciler.fleet.placement import selects
from reconciler.fleet.yaml_reader import Document
from reconciler.problems import Problem, Severity
from reconciler.schema_check import pointer_of


@dataclass(frozen=True, slots=True)
class Layer:
    """One source of an app's fields: a patch, what it is called, and where in which document it stands."""

    via: str
    path: str
    document: Document | None
    pointer: str
    patch: Mapping[str, Any]


def layers_of(fleet: Fleet, app: AppDefinition, cluster: Cluster | None) -> tuple[Layer, ...]:
    """Give the layers of an app in the order they are applied: defaults, document, each override that matches the cluster."""
    layers = [Layer("document", app.path, app.document, "/spec", app.spec)]
    defaults = fleet.spec.get("defaults")
    if defaults:
        layers.insert(0, Layer("fleet defaults", fleet.path, fleet.document, "/spec/defaults", defaults))
    for index, override in enumerate((app.spec.get("overrides") or ()) if cluster is not None else ()):
        if cluster is not None and selects(override["clusters"], cluster):
            pointer = f"/spec/overrides/{index}/spec"
            layers.append(Layer(f"override {index + 1}", app.path, app.document, pointer, override["spec"]))
    return tuple(layers)


def every_layer(definition: AppDefinition | BundleDefinition, fleet: Fleet | None = None) -> list[Mapping[str, Any]]:
    """Give every spec that bears on a document on some cluster: the fleet's defaults, its own, those of its overrides.

    Documents that are invalid are looked at too: what is no mapping is left out.
    """
    return every_spec(definition.spec, fleet.spec.get("defaults") if fleet is not None else None)


def every_spec(spec: Mapping[str, Any], defaults: Any = None) -> list[Mapping[str, Any]]:
    """Give the fleet's defaults, a document's spec, and those of its overrides: what is no mapping is left out."""
    overrides = spec.get("overrides")
    found = [defaults, spec]
    found += [each.get("spec") for each in (overrides if isinstance(overrides, list) else ()) if isinstance(each, dict)]
    return [each for each in found if isinstance(each, Mapping)]


def merged(layers: tuple[Layer, ...]) -> dict[str, Any]:
    """Give what the layers make together."""
    result: dict[str, Any] = {}
    for layer in layers:
        result = merge_patch(result, layer.patch)
    return result


class Origins(Mapping[str, Origin]):
    """The origin of each leaf of a merged spec by JSON Pointer. Looked up when asked: most are never asked for."""

    __slots__ = ("_layers", "_spec")

    def __init__(self, layers: tuple[Layer, ...], spec: Mapping[str, Any]) -> None:
        """Hold the layers that `spec` was merged of."""
        self._layers = layers
        self._spec = spec

    def __getitem__(self, pointer: str) -> Origin:
        """Give the origin of the value at a pointer. Raises KeyError where the spec has none there."""
        if not written(self._spec, pointer):
            raise KeyError(pointer)
        return self.nearest(pointer)

    def __eq__(self, other: object) -> bool:
        """Tell whether the same layers made the same: places need not be looked up for that."""
        if not isinstance(other, Origins):
            return NotImplemented
        return self._layers == other._layers and self._spec == other._spec

    __hash__ = None  # type: ignore[assignment]

    def __iter__(self) -> Iterator[str]:
        """Give the pointers of the leaves in the spec's order; an empty mapping or list is a leaf."""
        return (pointer for pointer, _ in leaves(self._spec))

    def __len__(self) -> int:
        """Give the number of leaves."""
        return sum(1 for _ in leaves(self._spec))

    def nearest(self, pointer: str) -> Origin:
        """Give the origin of a value, or of what it would stand in where it is not there."""
        layer, at = self._source(pointer)
        if layer is None:
            return Origin(via="default")
        line, column = (layer.document.place(layer.pointer + at) if layer.document is not None else None) or (
            None,
            None,
        )
        return Origin(path=layer.path, line=line, column=column, via=layer.via)

    def problem(
        self, pointer: str, code: str, message: str, hint: str = "", *, severity: Severity = Severity.ERROR
    ) -> Problem:
        """Make a problem at the place where the value at a pointer was written."""
        layer, at = self._source(pointer)
        if layer is None:
            layer, at = next(each for each in self._layers if each.via == "document"), ""
        line, column = (layer.document.place(layer.pointer + at) if layer.document is not None else None) or (
            None,
            None,
        )
        return Problem(
            path=layer.path,
            line=line,
            column=column,
            pointer=layer.pointer + at,
            code=code,
            message=message,
            hint=hint,
            severity=severity,
        )

    def _source(self, pointer: str) -> tuple[Layer | None, str]:
        """Find the layer that wrote a value, or the nearest value around it; None for one of Spinfleet's own defaults."""
        at = pointer
        while at:
            for layer in reversed(self._layers):
                if written(layer.patch, at):
                    return layer, at
            if written(self._spec, at):
                return None, at
            at = at.rpartition("/")[0]
        return next(each for each in self._layers if each.via == "document"), ""


def written(value: Any, pointer: str) -> bool:
    """Tell whether a value has something other than null at a JSON Pointer."""
    for part in pointer.split("/")[1:]:
        if isinstance(value, Mapping):
            value = value.get(part.replace("~1", "/").replace("~0", "~"))
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return False
        if value is None:
            return False
    return True


def leaves(value: Any, parts: tuple[str | int, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Give every leaf of a value with its JSON Pointer; an empty mapping or list is a leaf."""
    if isinstance(value, Mapping) and value:
        for key, below in value.items():
            yield from leaves(below, (*parts, key))
    elif isinstance(value, list) and value:
        for index, below in enumerate(value):
            yield from leaves(below, (*parts, index))
    else:
        yield pointer_of(parts), value
