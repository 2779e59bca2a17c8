"""Labels and annotations that rendered objects carry: each can be traced to its app, its file and the version it was made of.

Which commit is not among them: it would rewrite every object at every commit. See docs/adr/0007-objects-name-a-version.md.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

from reconciler.manifest.capabilities import capabilities_of
from reconciler.manifest.model import Application
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
#: What a grant is called in an annotation; files are the app's own and not told.
_GRANTS = {"hosts": "host", "stores": "key-value", "databases": "sqlite", "models": "model"}
_MOST_GRANTS = 100


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


def metadata_of(name: str, namespace: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Give the metadata of an object with the labels and annotations that a part of an App asks for."""
    asked = {part: dict(wanted[part]) for part in ("labels", "annotations") if wanted.get(part)}
    return {"name": name, "namespace": namespace, **asked}


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


def granted(application: Application, selected: Collection[str] | None) -> dict[str, str]:
    """Give the annotation of a workload that says what its components may do, one grant a line; nothing where they may do nothing.

    These are the grants of spin.toml. On a cluster they are verified ones: no object is sent whose artifact has more than its manifest says.
    """
    lines = {
        f"{_GRANTS[kind]} {text}"
        for name, each in capabilities_of(application).items()
        if selected is None or name in selected
        for kind, texts in each.to_json().items()
        if kind in _GRANTS
        for text in texts
    }
    shown = sorted(lines)[:_MOST_GRANTS]
    if len(lines) > len(shown):
        shown.append(f"and {len(lines) - len(shown)} more")
    return {CAPABILITIES_ANNOTATION: "\n".join(shown)} if shown else {}


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
