"""An App document with its manifest: what can be said of it before any cluster is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.fleet.app_rules import app_problems
from reconciler.fleet.cache import DefinedApp, Reader, canonical
from reconciler.fleet.documents import Document
from reconciler.fleet.merge_patch import merge_patch
from reconciler.fleet.model import AppDefinition, ValuesFile
from reconciler.fleet.paths import beside
from reconciler.fleet.values_files import blob_of, files_of, values_files
from reconciler.fleet.version import released, version_of
from reconciler.problems import Problem, has_errors
from reconciler.schema_check import closest

_DEFAULT_MANIFEST = "spin.toml"


@dataclass(frozen=True, slots=True)
class Common:
    """What the Fleet says for every app. `key` is equal for equal content."""

    defaults: Mapping[str, Any]
    artifacts: Mapping[str, Any]
    key: str


def common_of(fleet_spec: Mapping[str, Any]) -> Common:
    """Give what a Fleet's spec says for every app."""
    defaults, artifacts = fleet_spec.get("defaults") or {}, fleet_spec.get("artifacts") or {}
    return Common(defaults, artifacts, canonical([defaults, artifacts]))


def define_app(document: Document, reader: Reader, common: Common) -> AppDefinition:
    """Give the app; the same object again where neither its document, its manifest nor the Fleet's common part changed."""
    known = reader.cache.apps.get(document)
    path = known.path if known is not None else _manifest_path(document)
    file = reader.files.get(path) if path is not None else None
    blob = file.blob if file is not None else None
    if (
        known is None
        or known.blob != blob
        or known.common != common.key
        or any(blob_of(each, reader) != used for each, used in known.files)
    ):
        files = tuple((each, blob_of(each, reader)) for each in files_of(document, common.defaults))
        known = DefinedApp(_define(document, path, reader, common), path, blob, common.key, files)
    else:
        if path is not None and file is not None:
            reader.manifest(path)
        for each, used in known.files:
            if used:
                reader.objects(each)
    reader.kept.apps[document] = known
    return known.definition


def _manifest_path(document: Document) -> str | None:
    written = document.written.get("manifest", _DEFAULT_MANIFEST)
    return beside(document.path, written) if isinstance(written, str) else None


def _define(document: Document, path: str | None, reader: Reader, common: Common) -> AppDefinition:
    problems = list(document.problems)
    application, blob = None, ""
    if path is None or path not in reader.files:
        problems.append(_no_manifest(document, path, reader))
    else:
        parsed = reader.manifest(path)
        problems += parsed.problems
        application, blob = parsed.application, reader.files[path].blob
    spec = merge_patch(common.defaults, document.written)
    files: tuple[ValuesFile, ...] = ()
    if document.valid:
        problems += app_problems(document, spec, application, common.artifacts)
        files = values_files(document, common.defaults, reader, problems)
    withheld = has_errors(problems)
    return AppDefinition(
        name=document.name,
        path=document.path,
        line=document.line,
        spec=document.written,
        application=application,
        manifest_path=path or "",
        blobs=(*((blob,) if blob else ()), *(each.blob for each in files)),
        problems=tuple(sorted(set(problems), key=Problem.sort_key)),
        version=""
        if withheld
        else version_of("App", document.name, released(spec), (blob, *(each.blob for each in files))),
        document=document.yaml,
        files=files,
    )


def _no_manifest(document: Document, path: str | None, reader: Reader) -> Problem:
    if path is None:
        message = "spec.manifest leads out of the fleet's folder"
        return document.problem(
            "/spec/manifest", "fleet.outside", message, "name a path inside it, relative to this file"
        )
    folder = path.rpartition("/")[0]
    beside_it = [each for each in reader.files if each.rpartition("/")[0] == folder and each.endswith(".toml")]
    hint = closest(path, beside_it) or "name the app's spin.toml in spec.manifest, relative to this file"
    return document.problem("/spec/manifest", "app.no-manifest", f"there is no file {path}", hint)
