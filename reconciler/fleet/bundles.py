"""A Bundle document with the objects of its folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

from reconciler.fleet import facts
from reconciler.fleet.cache import Reader
from reconciler.fleet.dependencies import names_waited_for
from reconciler.fleet.documents import MANIFEST_SUFFIXES, Document
from reconciler.fleet.facts import Fact
from reconciler.fleet.merge_patch import without_nulls
from reconciler.fleet.model import API_GROUP, BundleDefinition, SourcedObject
from reconciler.fleet.object_rules import object_faults
from reconciler.fleet.paths import beside
from reconciler.fleet.sealed_objects import add_sealed, sealed_within
from reconciler.fleet.variables import references
from reconciler.fleet.version import version_of
from reconciler.fleet.yaml_reader import Document as YamlDocument
from reconciler.fleet.yaml_reader import Source
from reconciler.problems import Problem, Severity, has_errors
from reconciler.schema_check import closest
from reconciler.sops.sealed import is_sealed

#: Of one file: a file of thousands of texts where objects belong has one mistake.
_MOST_PROBLEMS = 100
_MOST_REFERENCES = 20


def folder_of(document: Document) -> str | None:
    """Give the folder of a Bundle as a prefix of paths (empty for the root); None where it can't be told."""
    where = document.written.get("path")
    folder = beside(document.path, where) if isinstance(where, str) else None
    if folder is None:
        return None
    return f"{folder}/" if folder else ""


def bundle_facts(document: Document, reader: Reader) -> tuple[Fact, ...]:
    """Give the facts that a bundle is made of besides its document."""
    folder = folder_of(document)
    if folder is None:
        return (facts.IGNORED,)
    # Where nothing is below it, what is beside it is looked at for the one that was meant.
    return (facts.IGNORED, facts.below(folder), *(() if reader.below(folder) else (facts.FILES,)))


def define_bundle(document: Document, reader: Reader) -> BundleDefinition:
    """Give the bundle: a function of its document and of the files in its folder that are not ignored."""
    folder = folder_of(document)
    below = reader.below(folder) if folder is not None else []
    paths = [path for path in below if path.endswith(MANIFEST_SUFFIXES) and not reader.ignored(path)]
    # SOPS' own rules stand beside what it encrypts.
    paths = [path for path in paths if path.rpartition("/")[2] != ".sops.yaml"]
    files = tuple((path, reader.files[path].blob) for path in paths)
    spec, problems = document.spec, list(document.problems)
    objects: list[SourcedObject] = []
    if folder is None and document.valid:
        message = "spec.path leads out of the fleet's folder"
        problems.append(document.problem("/spec/path", "fleet.outside", message, "name a folder inside it"))
    elif not files and document.valid:
        message = f"there are no manifests in {folder or 'the root'}"
        hint = "" if below else closest((folder or "").rstrip("/"), reader.folders_beside(folder or ""))
        hint = hint or "name the folder that has them"
        problems.append(document.problem("/spec/path", "bundle.empty", message, hint))
    for path, blob in files:
        source = reader.objects(path)
        problems += source.problems
        if is_sealed([each.value for each in source.documents]):
            add_sealed(source, path, blob, objects, problems)
            continue
        before, may_refer = len(problems), _may_refer(source)
        for each in source.documents:
            left = max(0, _MOST_PROBLEMS - len(problems) + before)
            added, faults = objects_of(each, blob, left)
            objects += added
            problems += [*faults, *islice(_not_filled(each) if may_refer else (), left)]
            problems += [found for one in added if _is_secret(one) and (found := sealed_within(one)) is not None]
    problems += islice(_twice(objects), _MOST_PROBLEMS)
    if document.valid:
        problems += _patches(document, objects)
    withheld = has_errors(problems)
    relative = tuple(f"{path[len(folder or '') :]}:{blob}" for path, blob in files)
    return BundleDefinition(
        name=document.name,
        path=document.path,
        line=document.line,
        spec=spec,
        objects=tuple(objects),
        blobs=tuple(blob for _, blob in files),
        problems=tuple(sorted(set(problems), key=Problem.sort_key)),
        version="" if withheld else version_of("Bundle", document.name, spec, relative),
        document=document.yaml,
        waits_for=names_waited_for([spec]),
    )


def objects_of(
    document: YamlDocument, blob: str = "", most: int = _MOST_PROBLEMS
) -> tuple[list[SourcedObject], list[Problem]]:
    """Give the objects of one document, itself or the items of a List, and what is wrong with them: the first so many problems.

    An object that can't be named is left out; one with other faults is there.
    """
    if document.value is None or _is_ours(document.value):
        return [], []
    objects: list[SourcedObject] = []
    problems = list(document.problems)
    for value, pointer in _items(document.value):
        faults = object_faults(value)
        problems += [
            document.problem("bundle.object", each.message, pointer + each.pointer, each.hint)
            for each in islice(faults, max(0, most - len(problems)))
        ]
        if not any(each.nameless for each in faults):
            line = place[0] if pointer and (place := document.place(pointer)) is not None else document.line
            objects.append(
                SourcedObject(
                    object=value, path=document.path, line=line, blob=blob, document=document, pointer=pointer
                )
            )
    return objects, problems


def _is_secret(sourced: SourcedObject) -> bool:
    return (sourced.object["apiVersion"], sourced.object["kind"]) == ("v1", "Secret")


def _is_ours(value: Any) -> bool:
    """The fleet's own documents may stand in the same folder; they are never applied."""
    version = value.get("apiVersion") if isinstance(value, dict) else None
    return isinstance(version, str) and version.partition("/")[0] == API_GROUP


def _items(value: Any) -> Iterator[tuple[Any, str]]:
    if isinstance(value, dict) and str(value.get("kind", "")).endswith("List") and isinstance(value.get("items"), list):
        for index, item in enumerate(value["items"]):
            yield item, f"/items/{index}"
    elif isinstance(value, dict) and value.get("kind") == "List" and value.get("items") is None:
        return  # what tools print of an empty list
    else:
        yield value, ""


def _may_refer(source: Source) -> bool:
    """Tell whether a file may have a reference: its text is looked through once, not for each of its thousands of documents."""
    return bool(source.documents) and b"${cluster." in source.documents[0].data


def _not_filled(document: YamlDocument) -> Iterator[Problem]:
    """Tell of variables in manifests: they are filled in patches alone, so that a manifest is what every other tool takes it for."""
    for pointer, text in islice(references(document.value), _MOST_REFERENCES):
        message = f"{text[:80]!r} is not replaced in a Bundle's manifests: objects get it as it is"
        hint = "set the field by one of the Bundle's spec.patches, where it is replaced"
        yield replace(document.problem("bundle.variable", message, pointer, hint), severity=Severity.WARNING)


def _twice(objects: list[SourcedObject]) -> Iterator[Problem]:
    seen: dict[tuple[str, ...], SourcedObject] = {}
    for each in objects:
        metadata = each.object["metadata"]
        group = str(each.object["apiVersion"]).rpartition("/")[0]
        first = seen.setdefault((group, each.object["kind"], metadata.get("namespace") or "", metadata["name"]), each)
        if first is not each:
            yield Problem(
                path=each.path,
                line=each.line,
                column=1,
                code="bundle.duplicate",
                message=f"{each.object['kind']} {metadata['name']!r} stands already in {first.path}:{first.line}",
                hint="remove one of them",
            )


def _patches(document: Document, objects: list[SourcedObject]) -> Iterator[Problem]:
    kinds = {(each.object["kind"], each.object["metadata"]["name"]) for each in objects}
    placement = document.spec.get("placement") or {}
    yield from document.selector_problems(placement.get("clusters"), "/spec/placement/clusters")
    for index, patch in enumerate(document.spec.get("patches") or ()):
        target, pointer = patch["target"], f"/spec/patches/{index}"
        yield from document.selector_problems(patch.get("clusters"), f"{pointer}/clusters")
        if not any(kind == target["kind"] and target.get("name", name) == name for kind, name in kinds):
            message = f"no object of the bundle is a {target['kind']} {target.get('name', '')}".rstrip()
            yield document.problem(f"{pointer}/target", "bundle.patch-target", message, "check kind and name")
        if any(name in without_nulls(patch["patch"]) for name in ("apiVersion", "kind")) or "name" in (
            patch["patch"].get("metadata") or {}
        ):
            message = "a patch can't change what an object is: apiVersion, kind or metadata.name"
            yield document.problem(f"{pointer}/patch", "bundle.patch", message, "remove it from the patch")
        yield from document.slip_warnings(patch["patch"], f"{pointer}/patch")
