"""Which objects hold what must not be shown, and what is shown in its place: the one place that decides it.

Secrets always do. So do objects with values that were encrypted in Git, of whatever kind: an annotation says so.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any

#: On an object with encrypted values: the Git blob id of the file that they were read from.
ENCRYPTED_ANNOTATION = "spinfleet.dev/encrypted"
HIDDEN = "<hidden>"
#: How long a run of a value is enough to be taken out, and how short a value is not looked for.
_RUN, _SHORTEST = 8, 3
#: What may be seen: of a Secret beside its metadata, and of every other object that is to be kept hidden.
_SHOWN = frozenset({"apiVersion", "kind", "metadata"})
_SHOWN_OF_SECRET = _SHOWN | {"type", "immutable"}
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def encrypted_blob(obj: Mapping[str, Any] | None) -> str:
    """Give the blob that an object's encrypted values come from; empty where it has none."""
    annotations = ((obj or {}).get("metadata") or {}).get("annotations") or {}
    return str(annotations.get(ENCRYPTED_ANNOTATION, ""))


def is_sensitive(obj: Mapping[str, Any] | None) -> bool:
    """Tell whether an object holds values that must not be shown."""
    return obj is not None and (obj.get("kind") == "Secret" or bool(encrypted_blob(obj)))


def is_hidden(obj: Mapping[str, Any], pointer: str) -> bool:
    """Tell whether the value at a JSON Pointer of an object must not be shown.

    Of a Secret that is its data, a misspelt field as well; of another object with encrypted values everything but its metadata.
    """
    parts = pointer.split("/")[1:]
    if not parts or _LAST_APPLIED.replace("/", "~1") in parts:
        return True
    if obj.get("kind") == "Secret":
        return parts[0] not in _SHOWN_OF_SECRET
    return bool(encrypted_blob(obj)) and parts[0] not in _SHOWN


def without_values(text: str, obj: Mapping[str, Any]) -> str:
    """Give a text, such as a server's message about an object, with no part of the object's hidden values in it.

    Values count as written and, for a Secret, decoded. A run of eight characters that stands in a value is taken out, since servers
    cut what they quote; so is a shorter value where it stands as a word.
    """
    values = set(_hidden_values(obj))
    whole = "\0".join(sorted(values))
    hidden = bytearray(len(text))
    for at in range(len(text) - _RUN + 1):
        if text[at : at + _RUN] in whole:
            hidden[at : at + _RUN] = b"\1" * _RUN
    for value in values:
        if _SHORTEST <= len(value) < _RUN:
            for found in re.finditer(rf"(?<!\w){re.escape(value)}(?!\w)", text):
                hidden[found.start() : found.end()] = b"\1" * len(value)
    runs = re.sub(rb"\x01+", lambda found: b"\2" + b"\1" * (len(found[0]) - 1), bytes(hidden))
    return "".join(HIDDEN if flag == 2 else character for character, flag in zip(text, runs, strict=True) if flag != 1)


def _hidden_values(obj: Mapping[str, Any]) -> Iterator[str]:
    for part in obj.keys() - (_SHOWN_OF_SECRET if obj.get("kind") == "Secret" else _SHOWN):
        yield from _texts(obj.get(part), decoded=part == "data" and obj.get("kind") == "Secret")
    last = ((obj.get("metadata") or {}).get("annotations") or {}).get(_LAST_APPLIED)
    if last:
        yield str(last)


def _texts(value: Any, *, decoded: bool) -> Iterator[str]:
    if isinstance(value, Mapping):
        for below in value.values():
            yield from _texts(below, decoded=decoded)
    elif isinstance(value, list):
        for below in value:
            yield from _texts(below, decoded=decoded)
    elif isinstance(value, str):
        yield value
        if decoded:
            try:
                plain = base64.b64decode(value, validate=True).decode("utf-8", "replace")
            except (binascii.Error, ValueError):
                return
            yield plain
            yield from plain.splitlines()
    elif value is not None:
        yield str(value)
