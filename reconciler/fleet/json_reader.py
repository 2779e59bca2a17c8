"""JSON manifests of Bundles: strict JSON with the same refusals as YAML, one document a file."""

from __future__ import annotations

import json
import re
from typing import Any

from reconciler.fleet.scalars import LARGEST, SMALLEST
from reconciler.fleet.yaml_places import MAX_DEPTH, MAX_VALUES
from reconciler.fleet.yaml_reader import Document, Source
from reconciler.problems import Problem

_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*+"')


class _RefusedError(ValueError):
    """A value that JSON can write and a manifest can't hold."""


def read(data: bytes, path: str) -> Source:
    """Give the document of a JSON file. Its places are looked up as those of YAML, which reads nearly all JSON."""
    if _is_too_large(data):
        return _refused(path, 1, 1, "json.too-large", f"the file holds more than {MAX_VALUES} values", "split it")
    try:
        value = json.loads(
            data.decode("utf-8"), object_pairs_hook=_mapping, parse_constant=_constant, parse_int=_integer
        )
        if _depth(value) > MAX_DEPTH:
            raise _RefusedError(f"values are nested deeper than {MAX_DEPTH}")
    except json.JSONDecodeError as error:
        return _refused(path, error.lineno, error.colno, "json.syntax", error.msg)
    except UnicodeDecodeError:
        return _refused(path, 1, 1, "json.encoding", "not UTF-8")
    except RecursionError:
        return _refused(path, 1, 1, "json.too-deep", f"values are nested deeper than {MAX_DEPTH}")
    except _RefusedError as error:
        return _refused(path, 1, 1, "json.value", str(error))
    return Source((Document(value, path, 1, 0, data, ()),))


def _is_too_large(data: bytes) -> bool:
    """Tell of more values than are read before any is made: they take a hundred times the memory of their text.

    Each value but the first follows a comma or opens a list or mapping; those in texts are no values.
    """
    return _opened(data) > MAX_VALUES and _opened(_TEXT.sub(b"", data)) > MAX_VALUES


def _opened(data: bytes) -> int:
    return data.count(b",") + data.count(b"[") + data.count(b"{")


def _refused(path: str, line: int, column: int, code: str, message: str, hint: str = "") -> Source:
    return Source((), (Problem(path=path, line=line, column=column, code=code, message=message, hint=hint),))


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _RefusedError(f"key {key[:80]!r} is written twice")
        found[key] = value
    return found


def _constant(text: str) -> Any:
    raise _RefusedError(f"{text} is not a number that JSON can hold")


def _integer(text: str) -> int:
    if len(text) > 20 or not SMALLEST <= int(text) <= LARGEST:
        raise _RefusedError("a number does not fit in 64 bits")
    return int(text)


def _depth(value: Any) -> int:
    """Tell how deep a value is, without recursion."""
    level, depth = [value], 0
    while level:
        depth += 1
        level = [
            below
            for each in level
            if isinstance(each, (dict, list))
            for below in (each.values() if isinstance(each, dict) else each)
        ]
    return depth
