"""A Cluster document as a value, and the Spin version that it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.fleet.documents import Document
from reconciler.fleet.merge_patch import without_nulls
from reconciler.fleet.model import Cluster
from reconciler.problems import Problem, Severity
from reconciler.schema_check import closest, pointer_of

#: The Spin version that each containerd-shim-spin release is built on (source: its Cargo.toml at each tag).
SHIMS = {
    "0.15": "2.6", "0.16": "2.6", "0.17": "3.0", "0.18": "3.1", "0.19": "3.2", "0.20": "3.3", "0.21": "3.4",
    "0.22": "3.5", "0.23": "3.6", "0.24": "3.6",
}  # fmt: skip


def define_cluster(document: Document) -> Cluster:
    """Give the cluster. An invalid document gives one with the labels and fields that can be read: it can be named, not run.

    Without them each app placed there would be told of what the cluster lacks.
    """
    metadata = without_nulls(document.yaml.value["metadata"])
    labels = metadata.get("labels")
    readable = (
        {key: value for key, value in labels.items() if isinstance(value, str)} if isinstance(labels, dict) else {}
    )
    return Cluster(
        name=document.name,
        path=document.path,
        line=document.line,
        labels=readable,
        spec=_spec(document) if document.valid else _readable(document),
        document=document.yaml,
    )


def _spec(document: Document) -> Mapping[str, Any]:
    """Give a cluster's spec; its executors are a merge patch, in which null removes a field."""
    spec, executors = document.spec, document.written.get("executors")
    return {**spec, "executors": executors} if executors else spec


def _readable(document: Document) -> Mapping[str, Any]:
    """Give the fields of an invalid document's spec that no problem is about."""
    about = {problem.pointer.split("/")[2] for problem in document.problems if problem.pointer.startswith("/spec/")}
    return {name: value for name, value in document.spec.items() if pointer_of([name])[1:] not in about}


def cluster_document_problems(document: Document) -> tuple[Problem, ...]:
    """Give the errors of a Cluster document: those of its schema, and a shim that says something else than `spin`."""
    found = [problem for problem in document.problems if problem.severity is Severity.ERROR]
    if not found:
        shim, spin = document.spec.get("shim"), document.spec.get("spin")
        known = SHIMS.get(_series(shim)) if isinstance(shim, str) else None
        if shim is not None and known is None:
            hint = (
                closest(_series(shim), sorted(SHIMS))
                or "write spec.spin, the Spin version it is built on, in its place"
            )
            found.append(document.problem("/spec/shim", "cluster.shim", f"shim {shim} is not known", hint))
        elif known is not None and spin is not None and _series(spin) != known:
            message = f"shim {shim} has Spin {known}, and spin is {spin}"
            found.append(document.problem("/spec/spin", "cluster.shim", message, "keep one of the two"))
    return tuple(found)


def spin_version(spec: Mapping[str, Any]) -> str | None:
    """Give the Spin version of a Cluster's spec as `major.minor`, from `spin` or `shim`; None where neither is said."""
    if isinstance(spec.get("spin"), str):
        return _series(spec["spin"])
    return SHIMS.get(_series(spec["shim"])) if isinstance(spec.get("shim"), str) else None


def _series(version: str) -> str:
    return ".".join(version.removeprefix("v").split(".")[:2])
