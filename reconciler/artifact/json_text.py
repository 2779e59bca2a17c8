"""JSON as the runtime reads it, and no more of it than a real artifact holds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from reconciler.errors import ArtifactError

#: Values in one document. A manifest of 1,000 layers has 4,000, a locked app of 20,000 files 60,000.
MOST_VALUES = 100_000
#: As deep as Spin's own reader goes; what is deeper would overflow those that walk it.
MOST_DEPTH = 100
_AGAIN = "push it again with spin registry push; was it changed on the way?"


def parse_json(data: bytes, what: str) -> Any:
    """Parse JSON strictly, `what` naming the document in messages. Raises ArtifactError (`artifact.json`).

    Refused: keys that stand twice and lone surrogates (another reader might see something else), anything but UTF-8, NaN and
    Infinity, nesting beyond MOST_DEPTH, and more than MOST_VALUES values: counted before parsing, as a few megabytes of brackets cost seconds and hundreds of
    megabytes.
    """
    if sum(data.count(each) for each in (b",", b"[", b"{")) > MOST_VALUES:
        raise _fault(f"{what} has more than {MOST_VALUES} values")

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise _fault(f"{what} has a key twice")
        return found

    def constant(name: str) -> NoReturn:
        raise _fault(f"{what} is not JSON: {name} is no number")

    try:
        value = json.loads(data.decode(), object_pairs_hook=unique, parse_constant=constant)
        if b"\\u" in data:
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise _fault(f"{what} is not JSON: {str(error)[:100]}") from error
    if data.count(b"[") + data.count(b"{") > MOST_DEPTH and _is_deeper(value):
        raise _fault(f"{what} is nested deeper than {MOST_DEPTH}")
    return value


def _is_deeper(value: Any) -> bool:
    level = [value]
    for _ in range(MOST_DEPTH + 1):
        below: list[Any] = []
        for each in level:
            if isinstance(each, (dict, list)):
                below += each.values() if isinstance(each, dict) else each
        if not below:
            return False
        level = below
    return True


def as_object(value: Any, what: str, code: str = "artifact.locked-app") -> Mapping[str, Any]:
    """Give a JSON object; an absent one is empty. Raises ArtifactError."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ArtifactError(code, f"{what} is not a JSON object", hint=_AGAIN)
    return value


def as_list(value: Any, what: str, code: str = "artifact.locked-app") -> Sequence[Any]:
    """Give a JSON array; an absent one is empty. Raises ArtifactError."""
    if value is None:
        return ()
    if not isinstance(value, list):
        raise ArtifactError(code, f"{what} is not a list", hint=_AGAIN)
    return value


def as_text(value: Any, what: str, code: str = "artifact.locked-app") -> str:
    """Give a string; an absent one is empty. Raises ArtifactError."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ArtifactError(code, f"{what} is not text", hint=_AGAIN)
    return value


def as_texts(value: Any, what: str, code: str = "artifact.locked-app") -> Mapping[str, str]:
    """Give an object whose values are all strings. Raises ArtifactError."""
    found = as_object(value, what, code)
    for key, each in found.items():
        if not isinstance(each, str):
            raise ArtifactError(code, f"{what}: {key[:100]!r} is not text", hint=_AGAIN)
    return found


def _fault(message: str) -> ArtifactError:
    return ArtifactError("artifact.json", message, hint=_AGAIN)
