"""Where each key of a TOML text stands: tomli gives values without lines, the scan here gives lines without values."""

from __future__ import annotations

import re

from reconciler.manifest.report import escaped

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_BLANKS = re.compile(r"[ \t]+")
_BLANK_LINES = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)+")
_PLAIN = re.compile(r"[^,\]}\r\n#]+")
_IN_BASIC = re.compile(r"(?:[^\"\\]+|\\.)+", re.DOTALL)
_IN_LITERAL = re.compile(r"[^']+")
#: Most lines: empty, a key with a plain value, or a header; the rest is walked character by character.
_LINE = re.compile(
    r"""[ \t]*
    (?: (?P<key>[A-Za-z0-9_-]+)[ \t]*=[ \t]*(?:"[^"\\\n]*"|'[^'\n]*'|[A-Za-z0-9+.:_-]+)
      | (?P<open>\[\[?)(?P<table>[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)\]\]?
    )?
    [ \t]*(?:\#[^\n]*)?\r?(?:\n|\Z)""",
    re.VERBOSE,
)


#: A line that begins like a header, and one that is a plain one.
_OPENING = re.compile(r"(?m)^[ \t]*\[")
_HEADER = re.compile(
    r"(?m)^[ \t]*(?P<open>\[\[?)(?P<table>[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)\]\]?[ \t]*(?:#[^\n]*)?\r?$"
)


def header_lines(text: str) -> dict[str, int]:
    """Give the line of each table that a header begins, by JSON Pointer, for a text that tomli accepted.

    Empty where a header is not plain, since those after it may count from it. A text with strings of several lines, or with dotted keys,
    needs a Scan: what looks like a header may be none, and a table may have begun before its header.
    """
    found = list(_HEADER.finditer(text))
    if len(found) != len(_OPENING.findall(text)):
        return {}
    scan, line, at = Scan(""), 1, 0
    for each in found:
        line, at = line + text.count("\n", at, each.start("open")), each.start("open")
        scan.enter(each["table"].split("."), (line, 1), array=each["open"] == "[[")
    return {pointer: place[0] for pointer, place in scan.found.items()}


class Scan:
    """Walks a text that tomli accepted and notes where each key stands."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
        self._line, self._line_at = 1, 0
        #: Line and column of what was met, by JSON Pointer.
        self.found: dict[str, tuple[int, int]] = {}
        self._lengths: dict[str, int] = {}
        self._headers: set[str] = set()
        #: The key or header read last: its pointer, its name and where it stands.
        self.last: tuple[str, str, tuple[int, int]] = ("", "", (1, 1))
        #: Dotted keys that add to a table made by a header, which TOML forbids and tomli takes: table, key, place.
        self.clashes: list[tuple[str, str, tuple[int, int]]] = []

    def places(self) -> dict[str, tuple[int, int]]:
        """Walk the whole text."""
        table = ""
        while self._at < len(self._text):
            found = _LINE.match(self._text, self._at)
            if found is not None:
                table = self._plain(found, table)
            elif self._skip_space(lines=True):
                if self._peek() == "[":
                    table = self._header()
                else:
                    self._pair(table)
        return self.found

    def _plain(self, found: re.Match[str], table: str) -> str:
        """Note what a plain line says; gives the table that the next line is in."""
        if (key := found["key"]) is not None:
            pointer, place = f"{table}/{key}", (self._line, found.start("key") - self._line_at + 1)
            self._note(pointer, place)
            self.last = (pointer, key, place)
        elif (name := found["table"]) is not None:
            place = (self._line, found.start("open") - self._line_at + 1)
            table = self.enter([*name.split(".")], place, array=found["open"] == "[[")
            self.last = (table, name, place)
        self._at = self._line_at = found.end()
        self._line += 1
        return table

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
        self.found.setdefault(pointer, place)

    def _here(self) -> tuple[int, int]:
        return self._line, self._at - self._line_at + 1

    def _header(self) -> str:
        place = self._here()
        array = self._text.startswith("[[", self._at)
        self._forward(2 if array else 1)
        parts = [part for part, _ in self._key()]
        pointer = self.enter(parts, place, array=array)
        self.last = (pointer, ".".join(parts), place)
        self._skip_space(lines=False)
        self._forward(2 if array else 1)
        return pointer

    def enter(self, parts: list[str], place: tuple[int, int], *, array: bool) -> str:
        """Give the pointer of the table that a header begins, and note it."""
        pointer = ""
        for number, part in enumerate(parts, 1):
            pointer += f"/{escaped(part)}"
            if array and number == len(parts):
                self._note(pointer, place)
                index = self._lengths.get(pointer, 0)
                self._lengths[pointer] = index + 1
                pointer += f"/{index}"
            elif pointer in self._lengths:
                pointer += f"/{self._lengths[pointer] - 1}"
            self._headers.add(pointer)
            self._note(pointer, place)
        return pointer

    def _pair(self, table: str) -> None:
        pointer = table
        for part, place in self._key():
            if pointer != table and pointer in self._headers:
                self.clashes.append((pointer, part, place))
            pointer += f"/{escaped(part)}"
            self._note(pointer, place)
            self.last = (pointer, part, place)
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
