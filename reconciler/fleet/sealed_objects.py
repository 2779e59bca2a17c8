"""Objects of a Bundle's file that SOPS encrypted: what they are can be told, their values have marks."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reconciler.fleet.model import SourcedObject
from reconciler.fleet.object_rules import object_faults
from reconciler.fleet.yaml_reader import Document, Source
from reconciler.manifest.report import mapping
from reconciler.problems import Problem
from reconciler.schema_check import pointer_of
from reconciler.sops.sealed import Fault, Path, Place, Sealed, SealedFile, is_mark, leaves, open_sealed

_MEANT = "encrypt the values alone: sops encrypt --encrypted-regex '^(data|stringData)$'"
#: What SOPS leaves in each of its formats: YAML, JSON and binary, dotenv, INI.
_WITHIN = re.compile(rb"""(?:^|[\s"_])mac"?\s*[:=]\s*"?ENC\[AES256_GCM,""")
#: What tells which object it is, and what every object must show.
_SHOWN = frozenset({"apiVersion", "kind", "metadata"})


def add_sealed(source: Source, path: str, blob: str, objects: list[SourcedObject], problems: list[Problem]) -> None:
    """Take the objects of an encrypted file."""
    problems += [problem for each in source.documents for problem in each.problems]
    opened = open_sealed(path, blob, [each.value for each in source.documents])
    if isinstance(opened, Fault):
        problems.append(sealed_problem(opened, source))
        return
    for index, document in enumerate(source.documents):
        for value, at in _items(opened.marked(index)):
            unknown, found = _object_problems(document, value, at)
            problems += found
            if unknown:
                continue
            place = document.place(pointer_of(list(at))) if at else None
            objects.append(
                SourcedObject(
                    object=value,
                    path=path,
                    line=place[0] if place is not None else document.line,
                    blob=blob,
                    sealed=_sealed(opened, index, value, at),
                    document=document,
                    pointer=pointer_of(list(at)),
                )
            )


def sealed_within(secret: SourcedObject) -> Problem | None:
    """Tell of a Secret one of whose values is a whole file that SOPS encrypted: pods would read it as it is. No value is told."""
    for part in ("data", "stringData"):
        for key, text in mapping(secret.object.get(part)).items():
            if not isinstance(text, str) or secret.document is None:
                continue
            if _WITHIN.search(_decoded(text) if part == "data" else text.encode()) is not None:
                message = f"the value at {key!r} is a file that SOPS encrypted: only values of manifests are decrypted, and of Apps' files"
                hint = "decrypt that file, put its content here, and encrypt the manifest: sops encrypt --encrypted-regex '^(data|stringData)$'"
                return secret.document.problem("sops.within", message, secret.pointer + pointer_of([part, key]), hint)
    return None


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except ValueError:
        return b""  # told where the object is held against its kind


def sealed_problem(fault: Fault, source: Source) -> Problem:
    """Give the problem of a file that can't be decrypted whatever the key."""
    return source.documents[fault.document].problem(
        "sops.file", fault.message, pointer_of(list(fault.path)), fault.hint
    )


def still_sealed(sealed: Sealed, obj: Mapping[str, Any]) -> Sealed | None:
    """Give what an object still holds encrypted after a patch; None where nothing is left."""
    kept = tuple(place for place in sealed.places if is_mark(_at(obj, place.target)))
    return replace(sealed, places=kept) if kept else None


def _items(value: Any) -> list[tuple[Any, Path]]:
    if isinstance(value, dict) and str(value.get("kind", "")).endswith("List") and isinstance(value.get("items"), list):
        return [(item, ("items", index)) for index, item in enumerate(value["items"])]
    return [(value, ())]


def _object_problems(document: Document, value: Any, at: Path) -> tuple[bool, list[Problem]]:
    """Tell whether it can't be known which object this is, and what is wrong with it."""
    shown = {name: below for name, below in value.items() if name in _SHOWN} if isinstance(value, dict) else {}
    for path, leaf in leaves(shown):
        if is_mark(leaf):
            message = f"{'.'.join(map(str, path))} is encrypted, so what this object is can't be told"
            return True, [document.problem("sops.object", message, pointer_of([*at, *path]), _MEANT)]
    faults, base = object_faults(value), pointer_of(list(at))
    problems = [document.problem("bundle.object", each.message, base + each.pointer, each.hint) for each in faults]
    return any(each.nameless for each in faults), problems


def _sealed(file: SealedFile, index: int, value: Any, at: Path) -> Sealed | None:
    places = tuple(Place(path, index, (*at, *path)) for path, leaf in leaves(value) if is_mark(leaf))
    return Sealed(file, places) if places else None


def _at(value: Any, path: Path) -> Any:
    for part in path:
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return None
    return value
