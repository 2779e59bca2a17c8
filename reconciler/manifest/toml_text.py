"""TOML text to values and the places of its keys. tomllib gives values without lines; the scan here gives lines without values."""

from __future__ import annotations

import math
import re
import tomllib
from dataclasses import dataclass
from typing import Any

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
_PLACE = re.compile(r"\(at line (\d+), column (\d+)\)")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_PART = r"(?:[A-Za-z0-9_-]+|\"[^\"\n]*\"|'[^'\n]*')"
_BLANKS = re.compile(r"[ \t]+")
_BLANK_LINES = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)+")
_PLAIN = re.compile(r"[^,\]}\r\n#]+")
_IN_BASIC = re.compile(r"(?:[^\"\\]+|\\.)+", re.DOTALL)
_IN_LITERAL = re.compile(r"[^']+")
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
        found = _PLACE.search(str(error))
        place = (int(found[1]), int(found[2])) if found else (text.count("\n") + 1, 1)
        message = _PLACE.sub("", str(error)).replace("(at end of document)", "at the end of the file").strip()
        return _refused(path, "spin.parse.toml", f"not valid TOML: {message[:200]}", place)
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
            waiting += [(f"{pointer}/{_escaped(key)}", depth + 1, below) for key, below in each.items()]
        elif isinstance(each, list):
            waiting += [(f"{pointer}/{index}", depth + 1, below) for index, below in enumerate(each)]
        elif isinstance(each, int) and not -_I64 <= each < _I64:
            wide.append(pointer)
    if deepest:
        return _refused(path, "spin.parse.too-deep", f"nested deeper than {MAX_DEPTH}", (1, 1))
    read_text = TomlText(value, _Scan(text).places(), ())
    problems = []
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


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


class _Scan:
    """Walks a text that tomllib accepted and notes where each key stands."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
        self._line, self._line_at = 1, 0
        self._found: dict[str, tuple[int, int]] = {}
        self._lengths: dict[str, int] = {}

    def places(self) -> dict[str, tuple[int, int]]:
        """Walk the whole text."""
        table = ""
        while self._skip_space(lines=True):
            if self._peek() == "[":
                table = self._header()
            else:
                self._pair(table)
        return self._found

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _forward(self, count: int) -> None:
        passed = self._text[self._at : self._at + count]
        newlines = passed.count("\n")
        if newlines:
            self._line += newlines
            self._line_at = self._at + passed.rindex("\n") + 1
        self._at += count

    def _skip_space(self, *, lines: bool) -> bool:
        """Skip blanks (and line ends and comments); tell whether anything is left."""
        found = (_BLANK_LINES if lines else _BLANKS).match(self._text, self._at)
        if found is not None:
            self._forward(found.end() - self._at)
        return self._at < len(self._text)

    def _note(self, pointer: str, place: tuple[int, int]) -> None:
        self._found.setdefault(pointer, place)

    def _here(self) -> tuple[int, int]:
        return self._line, self._at - self._line_at + 1

    def _header(self) -> str:
        place = self._here()
        array = self._text.startswith("[[", self._at)
        self._forward(2 if array else 1)
        pointer = ""
        parts = self._key()
        for number, (part, _) in enumerate(parts):
            pointer += f"/{_escaped(part)}"
            last = number == len(parts) - 1
            if last and array:
                self._note(pointer, place)
                index = self._lengths.get(pointer, 0)
                self._lengths[pointer] = index + 1
                pointer += f"/{index}"
            elif pointer in self._lengths:
                pointer += f"/{self._lengths[pointer] - 1}"
            self._note(pointer, place)
        self._skip_space(lines=False)
        self._forward(2 if array else 1)
        return pointer

    def _pair(self, table: str) -> None:
        pointer = table
        for part, place in self._key():
            pointer += f"/{_escaped(part)}"
            self._note(pointer, place)
        self._skip_space(lines=False)
        self._forward(1)  # the =
        self._value(pointer)

    def _key(self) -> list[tuple[str, tuple[int, int]]]:
        parts = []
        while True:
            self._skip_space(lines=False)
            place = self._here()
            if self._peek() in "\"'":
                parts.append((self._string(), place))
            else:
                found = _BARE.match(self._text, self._at)
                word = found[0] if found else ""
                self._forward(max(1, len(word)))
                parts.append((word, place))
            self._skip_space(lines=False)
            if self._peek() != ".":
                return parts
            self._forward(1)

    def _string(self) -> str:
        """Pass a string; gives its text, escapes left as they are (keys seldom have any)."""
        quote = self._peek()
        mark = quote * 3 if self._text.startswith(quote * 3, self._at) else quote
        self._forward(len(mark))
        start = self._at
        while not self._text.startswith(mark, self._at):
            found = (_IN_BASIC if quote == '"' else _IN_LITERAL).match(self._text, self._at)
            self._forward(max(1, found.end() - self._at if found else 0))
        text = self._text[start : self._at]
        self._forward(len(mark))
        while len(mark) > 1 and self._peek() == quote:
            self._forward(1)  # up to two quotes may stand before the closing three
        return text

    def _value(self, pointer: str) -> None:
        self._skip_space(lines=False)
        character = self._peek()
        if character in {'"', "'"}:
            self._string()
        elif character == "[":
            self._forward(1)
            index = 0
            while self._skip_space(lines=True) and self._peek() != "]":
                self._note(f"{pointer}/{index}", self._here())
                self._value(f"{pointer}/{index}")
                index += 1
                self._skip_space(lines=True)
                if self._peek() == ",":
                    self._forward(1)
            self._forward(1)
        elif character == "{":
            self._forward(1)
            while self._skip_space(lines=True) and self._peek() != "}":
                self._pair(pointer)
                self._skip_space(lines=True)
                if self._peek() == ",":
                    self._forward(1)
            self._forward(1)
        else:
            found = _PLAIN.match(self._text, self._at)
            self._forward(found.end() - self._at if found else 0)
