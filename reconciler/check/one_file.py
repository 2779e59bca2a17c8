"""One file by itself: a spin.toml, a runtime config, documents of a fleet, or plain Kubernetes manifests.

What only the whole fleet can tell (references, placement) is left to the check of its folder.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from reconciler import data as shipped
from reconciler.check.files import FolderFiles, missing_of
from reconciler.check.objects import problem_of, shipped_kinds
from reconciler.check.report import Report
from reconciler.errors import InputError
from reconciler.fleet.bundles import objects_of
from reconciler.fleet.definitions import is_definition
from reconciler.fleet.documents import MANIFEST_SUFFIXES, FileContent, documents_of
from reconciler.fleet.json_reader import read as read_json
from reconciler.fleet.load import load
from reconciler.fleet.paths import beside
from reconciler.fleet.yaml_reader import read as read_yaml
from reconciler.manifest import parse
from reconciler.manifest.toml_text import read as read_toml
from reconciler.openapi.definitions import custom_kinds
from reconciler.openapi.judge import CAPABILITY_GROUPS, Api, judge
from reconciler.problems import Problem, Severity, has_errors
from reconciler.schema_check import check
from reconciler.tree import File

_MOST = 4 * 1024 * 1024
#: What a document can't be blamed for while the rest of its fleet is not looked at.
_OF_THE_FLEET = frozenset(
    {"fleet.no-fleet", "fleet.unknown-reference", "fleet.placed-nowhere", "fleet.selects-nothing", "rollout.no-stage", "bundle.empty", "bundle.patch-target", "fleet.key", "fleet.trust-root"}
)  # fmt: skip


def check_file(path: Path, *, files: bool = False) -> Report:
    """Give the problems of a file. With `files`, those that a spin.toml names must be there.

    Raises InputError where the file can't be read or is of none of these kinds.
    """
    try:
        with path.open("rb") as handle:
            data = handle.read(_MOST + 1)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    if len(data) > _MOST:
        raise InputError(f"{path}: more than {_MOST} bytes, the most that is read")
    if path.suffix == ".toml":
        problems = _toml(path, data, files=files)
    elif path.suffix in MANIFEST_SUFFIXES:
        problems = _documents(path, data)
    else:
        raise InputError(
            f"{path}: not a spin.toml and no YAML", hint="name a fleet's folder, a spin.toml or a document"
        )
    shown = sorted(set(problems), key=Problem.sort_key)
    return Report(subject=str(path), problems=tuple(shown), sources=lambda _: data)


def _toml(path: Path, data: bytes, *, files: bool) -> Iterable[Problem]:
    parsed = parse(data, str(path))
    if any(problem.code == "spin.parse.not-a-manifest" for problem in parsed.problems):
        text = read_toml(data, str(path))
        known = shipped.schema("runtime-config")["properties"]
        if text.value and text.value.keys() & known.keys():
            return check(
                text.value, "runtime-config", path=str(path), places=text.place, prefix="runtime-config", quoting=False
            )
    found = list(parsed.problems)
    if files and parsed.application is not None:
        named = missing_of(parsed.application, path.name, data, FolderFiles(path.parent))
        found += [replace(each, path=str(path)) for each in named]
    return found


def _documents(path: Path, data: bytes) -> Iterable[Problem]:
    is_json = path.suffix == ".json"
    name = path.with_suffix(".yaml").name if is_json else path.name  # JSON is YAML, as far as these documents go
    content = documents_of(data, name, "")
    if (not content.documents and not content.unidentified) or (is_json and read_json(data, str(path)).problems):
        return _objects(path, data)
    tree = _Alone(path, name, data, content)
    found = [_unread(path)] if is_json else []
    return found + [
        replace(problem, path=str(path))
        for problem in load(tree).problems
        if problem.path == name and problem.code not in _OF_THE_FLEET
    ]


def _unread(path: Path) -> Problem:
    message = "a fleet's documents are read from .yaml and .yml files only"
    return Problem(
        path=str(path), code="fleet.unused-file", message=message, hint="rename it", severity=Severity.WARNING
    )


def _objects(path: Path, data: bytes) -> Iterable[Problem]:
    source = (read_json if path.suffix == ".json" else read_yaml)(data, str(path))
    problems, objects = list(source.problems), []
    for document in source.documents:
        found, faults = objects_of(document)
        objects += found
        problems += faults
    # Which cluster they are for is not known: what any supported version takes is right, and so is a kind that nothing here defines.
    defined = custom_kinds(each.object for each in objects if is_definition(each.object))
    api = Api(custom={**shipped_kinds(CAPABILITY_GROUPS.values()), **defined})
    told = {(problem.line, problem.pointer) for problem in problems}
    for each in objects:
        for problem in (problem_of(each, finding) for finding in judge(each.object, api)):
            undefined = problem.code == "bundle.unknown-kind" and not has_errors([problem])
            if not undefined and (problem.line, problem.pointer) not in told:
                problems.append(problem)
    return problems


class _Alone:
    """A tree of one file and of the manifests that its Apps name."""

    commit = None
    problems: tuple[Problem, ...] = ()

    def __init__(self, path: Path, name: str, data: bytes, content: FileContent) -> None:
        self._data = {name: data}
        for document in content.documents:
            manifest = document.written.get("manifest", "spin.toml")
            where = beside(name, manifest) if document.kind == "App" and isinstance(manifest, str) else None
            named = path.parent / where if where else None
            if where and named is not None and named.is_file() and named.stat().st_size <= _MOST:
                self._data[where] = named.read_bytes()
        self.files: Mapping[str, File] = {
            name: File(name, hashlib.sha1(text, usedforsecurity=False).hexdigest(), len(text))
            for name, text in sorted(self._data.items())
        }

    def read(self, path: str) -> bytes:
        """Give a file's content."""
        return self._data[path]
