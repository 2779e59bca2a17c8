"""An App document with its manifest: what can be said of it before any cluster is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.fleet import facts
from reconciler.fleet.app_rules import app_problems
from reconciler.fleet.cache import Reader, canonical
from reconciler.fleet.dependencies import names_waited_for
from reconciler.fleet.documents import Document
from reconciler.fleet.facts import Fact
from reconciler.fleet.merge_patch import merge_patch
from reconciler.fleet.model import AppDefinition, ValuesFile
from reconciler.fleet.overrides import every_spec
from reconciler.fleet.paths import beside
from reconciler.fleet.reads import names_called
from reconciler.fleet.values_files import files_of, values_files
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
    """Give the app: a function of its document, the files that `app_facts` names and the Fleet's common part."""
    path = _manifest_path(document)
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
    specs = every_spec(document.written, common.defaults)
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
        waits_for=names_waited_for(specs),
        calls=names_called(document.name, specs, application),
    )


def app_facts(document: Document, reader: Reader, common: Common) -> tuple[Fact, ...]:
    """Give the facts that an app is made of besides its document."""
    manifest = _manifest_path(document)
    paths = [*([manifest] if manifest is not None else []), *files_of(document, common.defaults)]
    around = [facts.FILES] if any(path not in reader.files for path in paths) else []
    return (facts.COMMON, *around, *(facts.file(path) for path in paths))


def _manifest_path(document: Document) -> str | None:
    written = document.written.get("manifest", _DEFAULT_MANIFEST)
    return beside(document.path, written) if isinstance(written, str) else None


def _no_manifest(document: Document, path: str | None, reader: Reader) -> Problem:
    if path is None:
        message = "spec.manifest leads out of the fleet's folder"
        return document.problem(
            "/spec/manifest", "fleet.outside", message, "name a path inside it, relative to this file"
        )
    beside_it = reader.manifests_beside.get(path.rpartition("/")[0], ())
    hint = closest(path, beside_it) or "name the app's spin.toml in spec.manifest, relative to this file"
    return document.problem("/spec/manifest", "app.no-manifest", f"there is no file {path}", hint)
