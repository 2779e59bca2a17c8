"""Labels and annotations that rendered objects carry: each can be traced to its app, its file and the version it was made of.

Which commit is not among them: it would rewrite every object at every commit. See docs/adr/0007-objects-name-a-version.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from reconciler.render.model import (
    APP_ANNOTATION,
    CAPABILITIES_ANNOTATION,
    DIGEST_ANNOTATION,
    SOURCE_ANNOTATION,
    VERSION_ANNOTATION,
)

MANAGED_BY = "spinfleet"
#: Kinds that run an app's artifact: what is said of an artifact or a version is said there, once for each app.
WORKLOADS = frozenset({"SpinApp", "Job", "CronJob"})
_LONGEST_VALUE = 63
#: Hex digits of a version that tell one from another: 64 bits.
_VERSION_DIGITS = 16


@lru_cache(maxsize=1024)
def shared_labels(fleet: str) -> Mapping[str, str]:
    """Give the labels of what several apps of a fleet need."""
    found = {"app.kubernetes.io/managed-by": MANAGED_BY}
    if part_of := as_label(fleet):
        found["app.kubernetes.io/part-of"] = part_of
    return found


def labels(name: str, version: str = "", fleet: str = "") -> dict[str, str]:
    """Give the recommended labels of Kubernetes for an object of an app."""
    found = {"app.kubernetes.io/name": name, "app.kubernetes.io/instance": name, **shared_labels(fleet)}
    if version:
        found["app.kubernetes.io/version"] = version
    return found


def traced(obj: Mapping[str, Any], *, owner: str, path: str) -> dict[str, Any]:
    """Give an object with the annotations that name its owner and the file it comes from: no line, which an edit elsewhere in the file would move."""
    metadata = dict(obj["metadata"])
    metadata["annotations"] = {
        **(metadata.get("annotations") or {}),
        APP_ANNOTATION: owner,
        SOURCE_ANNOTATION: path,
    }
    return {**obj, "metadata": metadata}


def of_version(version: str, artifact: str) -> dict[str, str]:
    """Give the annotations of a workload that say what it runs: the app's version, and the artifact's digest where the reference has it."""
    found = {VERSION_ANNOTATION: version[:_VERSION_DIGITS]}
    _, at, digest = artifact.rpartition("@")
    if at:
        found[DIGEST_ANNOTATION] = digest
    return found


def verified(
    objects: Iterable[Mapping[str, Any]], *, digest: str, capabilities: Sequence[str]
) -> tuple[Mapping[str, Any], ...]:
    """Give an app's objects with what verification found of its artifact on the workload: digest, and capabilities one a line."""
    said = {DIGEST_ANNOTATION: digest, CAPABILITIES_ANNOTATION: "\n".join(sorted(capabilities))}
    return tuple(_annotated(obj, said) if obj["kind"] in WORKLOADS else obj for obj in objects)


def unversioned(obj: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give an object without the version it was made of: two versions of an app whose objects are equal but for it are the same here."""
    annotations = obj["metadata"].get("annotations") or {}
    if VERSION_ANNOTATION not in annotations:
        return obj
    kept = {key: value for key, value in annotations.items() if key != VERSION_ANNOTATION}
    return {**obj, "metadata": {**obj["metadata"], "annotations": kept}}


@lru_cache(maxsize=4096)
def as_label(text: str) -> str:
    """Give a text as a label value; empty where it can't be one."""
    kept = "".join(
        character if character.isascii() and (character.isalnum() or character in "-_.") else "-" for character in text
    )
    return kept[:_LONGEST_VALUE].strip("-_.")


def _annotated(obj: Mapping[str, Any], said: Mapping[str, str]) -> dict[str, Any]:
    metadata = obj["metadata"]
    return {**obj, "metadata": {**metadata, "annotations": {**(metadata.get("annotations") or {}), **said}}}
