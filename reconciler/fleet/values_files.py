"""Files that values of an App are read from: `{file: {path, key}}` in its variables and the options of its stores.

They are YAML or JSON, one mapping of names to single values, and meant to be encrypted. Paths are the same in every cluster;
an override may name another file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.fleet.cache import Reader
from reconciler.fleet.documents import MANIFEST_SUFFIXES, Document
from reconciler.fleet.model import ValuesFile
from reconciler.fleet.paths import beside
from reconciler.fleet.sealed_objects import sealed_problem
from reconciler.problems import Problem
from reconciler.schema_check import closest, pointer_of
from reconciler.sops.sealed import Fault, SealedFile, is_sealed, open_sealed

_STORES = ("keyValueStores", "sqliteDatabases")


@dataclass(frozen=True, slots=True)
class FileReference:
    """One use of a file: where it stands in the spec, the file as written, and the key in it."""

    pointer: str
    path: str
    key: str


def file_references(spec: Mapping[str, Any]) -> Iterator[FileReference]:
    """Give every use of a file in an App's fields, or in an override's."""
    for name, value in _items(spec.get("variables")):
        yield from _reference(("variables", name), value)
    config = spec.get("runtimeConfig")
    if not isinstance(config, Mapping):
        return
    stores: list[tuple[tuple[str, ...], Any]] = [
        ((field, name), store) for field in _STORES for name, store in _items(config.get(field))
    ]
    stores.append((("llmCompute",), config.get("llmCompute")))
    for at, store in stores:
        for name, option in _items(store.get("options") if isinstance(store, Mapping) else None):
            yield from _reference(("runtimeConfig", *at, "options", name), option)


def files_of(document: Document, defaults: Mapping[str, Any]) -> list[str]:
    """Give the tree paths of all files that an App refers to, in any cluster."""
    paths = {beside(document.path, each.path) for _, each in _all_references(document, defaults)}
    return sorted(path for path in paths if path)


def blob_of(path: str, reader: Reader) -> str:
    """Give a file's blob id; empty where there is none."""
    file = reader.files.get(path)
    return file.blob if file is not None else ""


def values_files(
    document: Document, defaults: Mapping[str, Any], reader: Reader, problems: list[Problem]
) -> tuple[ValuesFile, ...]:
    """Give the files that an App refers to, sorted by path; what is wrong with them or with a reference is added to the problems."""
    found: dict[str, ValuesFile | None] = {}
    for base, each in _all_references(document, defaults):
        at = f"{base}{each.pointer}/file"
        path = beside(document.path, each.path)
        if path is None:
            message, hint = "the file leads out of the fleet's folder", "name a path inside it, relative to this file"
            problems.append(document.problem(f"{at}/path", "fleet.outside", message, hint))
            continue
        if path not in found:
            found[path] = _read(document, f"{at}/path", path, reader, problems)
        file = found[path]
        if file is not None and (fault := _key_fault(file, each.key)) is not None:
            problems.append(document.problem(f"{at}/key", "app.file", *fault))
    return tuple(file for _, file in sorted(found.items()) if file is not None)


def _all_references(document: Document, defaults: Mapping[str, Any]) -> Iterator[tuple[str, FileReference]]:
    """Give each use with the pointer of what it stands in. What the Fleet says by default is told at the document."""
    written = document.written
    for each in file_references(defaults):
        yield "/spec", each
    for each in file_references(written):
        yield "/spec", each
    overrides = written.get("overrides")
    for index, override in enumerate(overrides if isinstance(overrides, list) else ()):
        spec = override.get("spec") if isinstance(override, Mapping) else None
        for each in file_references(spec if isinstance(spec, Mapping) else {}):
            yield f"/spec/overrides/{index}/spec", each


def _items(value: Any) -> list[tuple[str, Any]]:
    return list(value.items()) if isinstance(value, Mapping) else []


def _reference(at: tuple[str, ...], value: Any) -> Iterator[FileReference]:
    file = value.get("file") if isinstance(value, Mapping) else None
    if isinstance(file, Mapping) and isinstance(file.get("path"), str) and isinstance(file.get("key"), str):
        yield FileReference(pointer_of(list(at)), file["path"], file["key"])


def _read(document: Document, pointer: str, path: str, reader: Reader, problems: list[Problem]) -> ValuesFile | None:
    if not path.endswith(MANIFEST_SUFFIXES):
        message = f"{path} is neither YAML nor JSON"
        problems.append(document.problem(pointer, "app.file", message, _rewritten(path)))
        return None
    if path not in reader.files:
        hint = closest(path, reader.values_files) or "add the file"
        problems.append(document.problem(pointer, "app.file", f"there is no file {path}", hint))
        return None
    source = reader.objects(path)
    problems += source.problems
    problems += [problem for each in source.documents for problem in each.problems]
    if source.problems:
        return None
    values = [each.value for each in source.documents]
    if len(values) != 1 or not isinstance(values[0], Mapping):
        message = f"{path} must be one mapping of names to values"
        problems.append(document.problem(pointer, "app.file", message, "write it as NAME: VALUE lines"))
        return None
    sealed: SealedFile | None = None
    if is_sealed(values):
        opened = open_sealed(path, blob_of(path, reader), values)
        if isinstance(opened, Fault):
            problems.append(sealed_problem(opened, source))
            return None
        sealed = opened
    else:
        message = f"the values of {path} can be read by whoever can read the repository"
        hint = f"encrypt it: sops encrypt --in-place --age RECIPIENT {path}"
        problems.append(document.warning(pointer, "app.plain-file", message, hint))
    shown = sealed.marked(0) if sealed is not None else values[0]
    return ValuesFile(path=path, blob=blob_of(path, reader), values=shown, sealed=sealed)


def _rewritten(path: str) -> str:
    """Say how to turn a file of another of SOPS' formats into one that is read."""
    name = path.rpartition("/")[2]
    base, _, ending = name.rpartition(".")
    if ending in {"env", "ini"}:
        return f"sops decrypt --output-type yaml {name} > {base or ending}.yaml, then sops encrypt --in-place --age RECIPIENT {base or ending}.yaml"
    return f"for a whole file as one value: sops encrypt --input-type binary --output-type json {name} > {name}.json, and key: data"


def _key_fault(file: ValuesFile, key: str) -> tuple[str, str] | None:
    """Say what is wrong with a key: message and hint. No value is told."""
    if key not in file.values:
        hint = closest(key, sorted(file.values)) or f"one of: {', '.join(sorted(file.values)[:20]) or 'none'}"
        return f"{file.path} has no key {key!r}", hint
    if not isinstance(file.values[key], (str, int, float)):
        return f"{key!r} of {file.path} is no single value", "refer to a text, a number, true or false"
    return None
