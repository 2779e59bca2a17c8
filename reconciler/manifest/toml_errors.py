"""What tomli says of a bad text, in words that name the key, the place where Spin names it, and what to do."""

from __future__ import annotations

import re

from reconciler.manifest.toml_places import Scan

_PLACE = re.compile(r" ?\(at (?:line (\d+), column (\d+)|end of document)\)")
_TWICE = ("Cannot overwrite a value", "Cannot declare", "Duplicate inline table key", "Cannot redefine namespace")
_CLOSED = "Cannot mutate immutable namespace"
_HINTS = {
    "Invalid value": 'write text in quotes: key = "text"; true and false are in lower case',
    "Expected newline or end of document after a statement": "write one key = value a line",
    "Expected '=' after a key": "write key = value",
    "Expected ']'": "close the table's name: [name]",
    "Expected ']]'": "close the name of the table's list: [[name]]",
    'Expected "': "close its quotes",
    "Escaped character is not": "write a code point of Unicode, none from D800 to DFFF",
    "Unterminated string": "close its quotes",
    "Illegal character '\\n'": "close the quotes on the same line, or use three of them for several lines",
    "Found invalid character '\\n'": "close the quotes on the same line, or use three of them for several lines",
    "Illegal character": "remove it, or write it as \\uXXXX in double quotes",
    "Found invalid character": "remove it, or write it as \\uXXXX in double quotes",
    "Unescaped '\\'": "write \\\\ for a backslash, or use single quotes",
    "Unclosed inline table": "keep { … } on one line, with a comma between its keys, or write a [table]",
    "Unclosed array": "put a comma between its values, and ] at its end",
    "Invalid initial character for a key part": "a key has letters, digits, - and _, or stands in quotes; { … } has no comma at its end",
    "Invalid statement": "write key = value, or [table]",
}


def explained(text: str, error: str) -> tuple[str, str, tuple[int, int]]:
    """Give message, hint and place (line and column, from 1) for what tomli said of a text."""
    found = _PLACE.search(error)
    words = _PLACE.sub("", error)[:200]
    at = _offset(text, int(found[1]), int(found[2])) if found and found[1] else len(text)
    place = (int(found[1]), int(found[2])) if found and found[1] else _end(text)
    if words.startswith((*_TWICE, _CLOSED)):
        return _clash(text[:at], place, closed=words.startswith(_CLOSED))
    if words.startswith("Exceeds the limit"):
        return "a number beyond 64 bits", "write it in quotes, if it is meant as text", place
    hint = next((hint for begin, hint in _HINTS.items() if words.startswith(begin)), "")
    ending = "" if found is None or found[1] else " at the end of the file"
    if ending and words.startswith("Invalid value"):
        hint = "close what is still open, or give the last key its value"
    return f"not valid TOML: {words}{ending}", hint, place


def _clash(text: str, place: tuple[int, int], *, closed: bool) -> tuple[str, str, tuple[int, int]]:
    """Tell of a key that is there already; `text` ends with it, or with its value."""
    scan = Scan(text)
    places = scan.places()
    pointer, name, here = scan.last
    if not name:
        return "not valid TOML: a key is given twice", "remove one of them", place
    while pointer and pointer not in places:
        pointer = pointer.rpartition("/")[0]
    first = places.get(pointer, here)
    if closed:
        return (
            f"{name!r} adds to a table or list that was written whole",
            "write it inside { … } or [ … ], or as a [table]",
            here,
        )
    hint = (
        f"it stands at line {first[0]} already: keep one"
        if first != here
        else "a value, or another kind of table, has this name already"
    )
    return f"duplicate key {name!r}", hint, here


def _offset(text: str, line: int, column: int) -> int:
    start = 0
    for _ in range(line - 1):
        start = text.find("\n", start) + 1
    return start + column - 1


def _end(text: str) -> tuple[int, int]:
    """Give the place of a text's last line with anything on it."""
    kept = text.rstrip("\n")
    return kept.count("\n") + 1, len(kept) - kept.rfind("\n")
