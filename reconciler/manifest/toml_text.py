"""TOML text to values and the places of its keys, within bounds, and as strict as Spin's own reader."""

from __future__ import annotations

import math
import re
import tomllib
from dataclasses import dataclass
from typing import Any

from reconciler.manifest.report import escaped
from reconciler.manifest.toml_errors import explained
from reconciler.manifest.toml_places import Scan
from reconciler.problems import Problem

MAX_BYTES = 256 * 1024
#: Values in one file; real manifests have some hundred.
MAX_VALUES = 20_000
#: Spin's own TOML reader stops at this depth, of dotted keys and of values in values.
MAX_DEPTH = 80
_I64 = 2**63
#: Stands for a number that Spin's reader refuses; no TOML text gives it.
_BEYOND = _I64
_MOST_PROBLEMS = 100
_PART = r"(?:[A-Za-z0-9_-]+|\"[^\"\n]*\"|'[^'\n]*')"
#: A long run of dots in a key costs tomllib seconds and hundreds of MB: told before it parses.
_DOTTED = re.compile(rf"(?m)(?:^|[\[{{,])[ \t]*(?:{_PART}[ \t]*\.[ \t]*){{{MAX_DEPTH - 1}}}")


@dataclass(frozen=True, slots=True)
class TomlText:
    """A parsed text: `value` None where it could not be parsed. `places` gives line and column (from 1) by JSON Pointer."""

    value: dict[str, Any] | None
    places: dict[str, tuple[int, int]]
    problems: tuple[Problem, ...]

    def place(self, pointer: str) -> tuple[int, int]:
        """Give the place of a pointer, or of the nearest thing around it."""
        while pointer:
            if pointer in self.places:
                return self.places[pointer]
            pointer = pointer.rpartition("/")[0]
        return 1, 1


def read(data: bytes, path: str) -> TomlText:
    """Read TOML. Bad text is told with its place; nothing is raised."""
    if len(data) > MAX_BYTES:
        message = f"{len(data)} bytes, and at most {MAX_BYTES} are read"
        return _refused(path, "spin.parse.too-large", message, None, "is this the right file?")
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        return _refused(path, "spin.parse.toml", "not UTF-8", (line, 1), "save the file as UTF-8")
    if (found := _DOTTED.search(text)) is not None:
        line = text.count("\n", 0, found.start()) + 1
        message = f"a key of {MAX_DEPTH} parts or more"
        return _refused(path, "spin.parse.too-deep", message, (line, 1), "write fewer tables in one another")
    try:
        value = tomllib.loads(text, parse_float=_number)
    except RecursionError:
        return _refused(path, "spin.parse.too-deep", f"nested deeper than {MAX_DEPTH}", (1, 1))
    except ValueError as error:  # tomllib's own errors are of this type, and so are numbers of thousands of digits
        message, hint, place = explained(text, str(error))
        return _refused(path, "spin.parse.toml", message, place, hint)
    return _checked(text, value, path)


def _checked(text: str, value: dict[str, Any], path: str) -> TomlText:
    """Find out what tomllib takes and Spin's reader doesn't: depth, and numbers beyond 64 bits."""
    wide, deepest, count = [], "", 0
    waiting: list[tuple[str, int, Any]] = [("", 0, value)]
    while waiting:
        pointer, depth, each = waiting.pop()
        count += 1
        if count > MAX_VALUES:
            return _refused(
                path, "spin.parse.too-large", f"more than {MAX_VALUES} values", (1, 1), "is this the right file?"
            )
        if depth >= MAX_DEPTH:
            deepest = pointer
            continue
        if isinstance(each, dict):
            waiting += [(f"{pointer}/{escaped(key)}", depth + 1, below) for key, below in each.items()]
        elif isinstance(each, list):
            waiting += [(f"{pointer}/{index}", depth + 1, below) for index, below in enumerate(each)]
        elif isinstance(each, int) and not -_I64 <= each < _I64:
            wide.append(pointer)
    if deepest:
        return _refused(path, "spin.parse.too-deep", f"nested deeper than {MAX_DEPTH}", (1, 1))
    scan = Scan(text)
    read_text = TomlText(value, scan.places(), ())
    problems = [
        Problem(
            path=path,
            line=line,
            column=column,
            pointer=pointer,
            code="spin.parse.toml",
            message=f"duplicate key {name!r}: its table has a header above",
            hint=f"write it under [{pointer.strip('/').replace('/', '.')}]",
        )
        for pointer, name, (line, column) in scan.clashes[:_MOST_PROBLEMS]
    ]
    for pointer in wide[:_MOST_PROBLEMS]:
        line, column = read_text.place(pointer)
        message = "a number beyond 64 bits"
        problems.append(
            Problem(path=path, line=line, column=column, pointer=pointer, code="spin.parse.toml", message=message)
        )
    return TomlText(value, read_text.places, tuple(problems))


def _number(text: str) -> float:
    number = float(text)
    return _BEYOND if math.isinf(number) and "inf" not in text and not text.startswith("-") else number


def _refused(path: str, code: str, message: str, place: tuple[int, int] | None, hint: str = "") -> TomlText:
    line, column = place or (None, None)
    return TomlText(None, {}, (Problem(path=path, line=line, column=column, code=code, message=message, hint=hint),))
