"""TOML text to values and the places of its keys, within bounds, and as strict as Spin's own reader."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import tomli

from reconciler.manifest.report import escaped
from reconciler.manifest.toml_errors import explained
from reconciler.manifest.toml_places import Scan, header_lines
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
#: A long run of dots in a key costs tomli seconds and hundreds of MB: told before it parses.
_DOTTED = re.compile(rf"(?m)(?:^|[\[{{,])[ \t]*(?:{_PART}[ \t]*\.[ \t]*){{{MAX_DEPTH - 1}}}")
#: Where a key of several parts may stand: at the beginning of a line, or in an inline table. Some other texts look alike.
_DOTTED_KEY = re.compile(r"""(?m)(?:^|[{,])[ \t]*(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')[ \t]*\.""")


@dataclass(frozen=True)
class TomlText:
    """A parsed text: `value` None where it could not be parsed."""

    value: dict[str, Any] | None
    problems: tuple[Problem, ...]
    _text: str = field(default="", repr=False)

    def place(self, pointer: str) -> tuple[int, int]:
        """Give line and column (from 1) of a pointer, or of the nearest thing around it."""
        while pointer:
            if pointer in self.places:
                return self.places[pointer]
            pointer = pointer.rpartition("/")[0]
        return 1, 1

    def line(self, pointer: str) -> int:
        """Give the line of a table: for most texts without walking all of it."""
        found = self._headers.get(pointer)
        return found if found is not None else self.place(pointer)[0]

    @cached_property
    def places(self) -> dict[str, tuple[int, int]]:
        """Line and column by JSON Pointer. The text is walked only when a place is asked for: most are never wrong."""
        return Scan(self._text).places()

    @cached_property
    def _headers(self) -> dict[str, int]:
        """The lines of tables by JSON Pointer; empty where something else than their headers may have begun them."""
        return {} if self._dotted or '"""' in self._text or "'''" in self._text else header_lines(self._text)

    @cached_property
    def _dotted(self) -> bool:
        """Whether there may be keys of several parts."""
        return _DOTTED_KEY.search(self._text) is not None

    @property
    def clashes(self) -> list[tuple[str, str, tuple[int, int]]]:
        """Dotted keys that add to a table with a header, as Scan has them: a text without dotted keys is not walked for them."""
        if not self._dotted:
            return []
        scan = Scan(self._text)
        scan.places()
        return scan.clashes


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
        value = tomli.loads(text, parse_float=_number)
    except RecursionError:
        return _refused(path, "spin.parse.too-deep", f"nested deeper than {MAX_DEPTH}", (1, 1))
    except ValueError as error:  # tomli's own errors are of this type, and so are numbers of thousands of digits
        message, hint, place = explained(text, str(error))
        return _refused(path, "spin.parse.toml", message, place, hint)
    return _checked(text, value, path)


def _checked(text: str, value: dict[str, Any], path: str) -> TomlText:
    """Find out what tomli takes and Spin's reader doesn't: depth, and numbers beyond 64 bits."""
    wide: list[str] = []
    if not _within_bounds(value):
        found = _beyond_bounds(value)
        if isinstance(found, tuple):
            code, message, hint = found
            return _refused(path, code, message, (1, 1), hint)
        wide = found
    read_text = TomlText(value, (), text)
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
        for pointer, name, (line, column) in read_text.clashes[:_MOST_PROBLEMS]
    ]
    for pointer in wide[:_MOST_PROBLEMS]:
        line, column = read_text.place(pointer)
        message = "a number beyond 64 bits"
        problems.append(
            Problem(path=path, line=line, column=column, pointer=pointer, code="spin.parse.toml", message=message)
        )
    return replace(read_text, problems=tuple(problems)) if problems else read_text


def _within_bounds(value: Any) -> bool:
    """Tell whether there is nothing too deep, too much or too wide: nearly always so, and then no pointers are needed."""
    level, count = [value], 1
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                below += each.values()
            elif isinstance(each, list):
                below += each
            elif isinstance(each, int) and not -_I64 <= each < _I64:
                return False
        if not below:
            return True
        count += len(below)
        if count > MAX_VALUES:
            return False
        level = below
    return False


def _beyond_bounds(value: dict[str, Any]) -> list[str] | tuple[str, str, str]:
    """Give the pointers of numbers beyond 64 bits, or code, message and hint of what is too deep or too much."""
    wide, deep, count = [], False, 0
    waiting: list[tuple[str, int, Any]] = [("", 0, value)]
    while waiting:
        pointer, depth, each = waiting.pop()
        count += 1
        if count > MAX_VALUES:
            return "spin.parse.too-large", f"more than {MAX_VALUES} values", "is this the right file?"
        if depth >= MAX_DEPTH:
            deep = True
        elif isinstance(each, dict):
            waiting += [(f"{pointer}/{escaped(key)}", depth + 1, below) for key, below in each.items()]
        elif isinstance(each, list):
            waiting += [(f"{pointer}/{index}", depth + 1, below) for index, below in enumerate(each)]
        elif isinstance(each, int) and not -_I64 <= each < _I64:
            wide.append(pointer)
    return ("spin.parse.too-deep", f"nested deeper than {MAX_DEPTH}", "") if deep else wide


def _number(text: str) -> float:
    number = float(text)
    return _BEYOND if math.isinf(number) and "inf" not in text and not text.startswith("-") else number


def _refused(path: str, code: str, message: str, place: tuple[int, int] | None, hint: str = "") -> TomlText:
    line, column = place or (None, None)
    return TomlText(None, (Problem(path=path, line=line, column=column, code=code, message=message, hint=hint),))
