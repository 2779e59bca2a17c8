"""Labels and annotations that an App asks for: what Kubernetes would refuse, and what is Spinfleet's and SpinKube's own to set.

How Kubernetes has their names and values is in openapi/grammar.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.openapi.grammar import (
    MOST_ANNOTATIONS,
    annotations_size,
    is_annotation_key,
    is_label_value,
    is_qualified_name,
)
from reconciler.schema_check import pointer_of

Fault = tuple[str, str, str]

#: Keys by which Spinfleet keeps and traces its objects.
_OURS = ("spinfleet.dev/", "applyset.kubernetes.io/")
_OUR_LABEL = "app.kubernetes.io/managed-by"
_SPINKUBES = "core.spinkube.dev/"


def metadata_faults(spec: Mapping[str, Any]) -> Iterator[Fault]:
    """Give what is wrong with the labels and annotations that an App asks for: JSON Pointer, message, hint."""
    for field in ("labels", "podLabels", "namespaceLabels"):
        yield from _labels(spec.get(field), f"/{field}")
    for field in ("annotations", "podAnnotations", "deploymentAnnotations", "serviceAnnotations"):
        yield from _annotations(spec.get(field), f"/{field}")
    yield from _annotations((spec.get("serviceAccount") or {}).get("annotations"), "/serviceAccount/annotations")
    parts = [(f"/routes/{index}", route) for index, route in enumerate(spec.get("routes") or ())]
    for pointer, part in (*parts, ("/autoscaling", spec.get("autoscaling") or {})):
        yield from _labels(part.get("labels"), f"{pointer}/labels")
        yield from _annotations(part.get("annotations"), f"{pointer}/annotations")
    for key in spec.get("podLabels") or {}:
        if key.startswith(_SPINKUBES):
            message = f"label {key} is SpinKube's own: it would write over it"
            yield f"/podLabels{pointer_of([key])}", message, "choose another label"


def _labels(values: Mapping[str, str] | None, pointer: str) -> Iterator[Fault]:
    yield from _keys(values, pointer, "label")
    for key, value in (values or {}).items():
        at = f"{pointer}{pointer_of([key])}"
        if not is_label_value(value):
            message = f"{value[:80]!r} can't be the value of a label"
            yield at, message, "at most 63 letters, digits, -, _ and ., beginning and ending with a letter or digit"
        if key == _OUR_LABEL:
            yield at, f"label {key} is Spinfleet's own to set", "remove it"


def _annotations(values: Mapping[str, str] | None, pointer: str) -> Iterator[Fault]:
    yield from _keys(values, pointer, "annotation")
    size = annotations_size(values or {})
    if size > MOST_ANNOTATIONS:
        message = f"annotations of {size} bytes: Kubernetes takes {MOST_ANNOTATIONS} of an object"
        yield pointer, message, "put what is long into a ConfigMap"


def _keys(values: Mapping[str, str] | None, pointer: str, what: str) -> Iterator[Fault]:
    article = "an" if what == "annotation" else "a"
    for key in values or {}:
        at = f"{pointer}{pointer_of([key])}"
        if not (is_annotation_key if what == "annotation" else is_qualified_name)(key):
            yield at, f"{key[:80]!r} can't be the name of {article} {what}", "as in example.com/team"
        elif key.startswith(_OURS):
            yield at, f"{what} {key} is Spinfleet's own to set", "choose another name"
