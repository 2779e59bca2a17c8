"""Values that an App reads from files become Secrets, named by their file's Git blob: a changed file rolls the pods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from reconciler.fleet.model import AppAssignment, ValuesFile
from reconciler.fleet.paths import beside
from reconciler.fleet.values_files import file_references
from reconciler.plan.model import ObjectKey
from reconciler.plan.sensitive import ENCRYPTED_ANNOTATION
from reconciler.sops.sealed import Place, Sealed, is_mark

_SHOWN_OF_BLOB = 10


def with_values_secrets(app: AppAssignment) -> tuple[AppAssignment, list[dict[str, Any]]]:
    """Give the app with references to Secrets in place of those to files, and the Secrets."""
    used = _used(app)
    if not used:
        return app, []
    spec = _referring(app.spec, app)
    return replace(app, spec=spec), [_secret(app, file, keys) for file, keys in used.values()]


def sealed_values(app: AppAssignment) -> Mapping[ObjectKey, Sealed]:
    """Give where the encrypted values of an app's Secrets come from."""
    found: dict[ObjectKey, Sealed] = {}
    for file, keys in _used(app).values():
        places = tuple(Place(("stringData", key), 0, (key,)) for key in keys if is_mark(file.values[key]))
        if file.sealed is not None and places:
            found[ObjectKey("", "Secret", app.namespace, _name(app, file))] = Sealed(file.sealed, places)
    return found


def _used(app: AppAssignment) -> dict[str, tuple[ValuesFile, list[str]]]:
    """Give the files that the app uses on this cluster with the keys it reads, by blob."""
    if not app.files:
        return {}
    files = {file.path: file for file in app.files}
    keys: dict[str, set[str]] = {}
    by_blob: dict[str, ValuesFile] = {}
    for each in file_references(app.spec):
        file = files[beside(app.path, each.path) or ""]
        by_blob.setdefault(file.blob, file)
        keys.setdefault(file.blob, set()).add(each.key)
    return {blob: (by_blob[blob], sorted(keys[blob])) for blob in sorted(by_blob)}


def _name(app: AppAssignment, file: ValuesFile) -> str:
    return f"{app.name}-values-{file.blob[:_SHOWN_OF_BLOB]}"


def _secret(app: AppAssignment, file: ValuesFile, keys: list[str]) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": _name(app, file), "namespace": app.namespace}
    if file.sealed is not None:
        metadata["annotations"] = {ENCRYPTED_ANNOTATION: file.blob}
    values = {key: _text(file.values[key]) for key in keys}
    return {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": metadata, "stringData": values}


def _text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _referring(spec: Mapping[str, Any], app: AppAssignment) -> dict[str, Any]:
    """Give the spec with `secretKeyRef` wherever a file is named; the rest is the same."""
    files = {file.path: file for file in app.files}

    def referring(value: Any, path: tuple[str, ...]) -> Any:
        if not isinstance(value, Mapping):
            return value
        if path in places:
            key, file = places[path]
            return {"secretKeyRef": {"name": _name(app, file), "key": key}}
        return {name: referring(below, (*path, name)) for name, below in value.items()}

    places = dict(_places(app, files))
    return {
        name: referring(value, (name,)) if name in {"variables", "runtimeConfig"} else value
        for name, value in spec.items()
    }


def _places(
    app: AppAssignment, files: Mapping[str, ValuesFile]
) -> Iterator[tuple[tuple[str, ...], tuple[str, ValuesFile]]]:
    for each in file_references(app.spec):
        path = tuple(part.replace("~1", "/").replace("~0", "~") for part in each.pointer.split("/")[1:])
        yield path, (each.key, files[beside(app.path, each.path) or ""])
