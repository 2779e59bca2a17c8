"""`Fleet.spec.ignore`: gitignore patterns, as Git itself reads them (sources: git, dir.c and wildmatch.c; gitignore(5)).

They run on RE2, over bytes as in Git: one pass over a path, whatever the pattern.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

_LONGEST = 256
_MEMORY = 1 << 20
_CLASSES = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "blank": r" \t", "cntrl": r"\x00-\x1f\x7f", "digit": "0-9", "graph": "!-~", "lower": "a-z",
    "print": " -~", "punct": r"!-/:-@\[-`{-~", "space": r" \t\n\v\f\r", "upper": "A-Z", "xdigit": "0-9A-Fa-f",
}  # fmt: skip
#: In brackets: a class, a range or one character, each maybe escaped.
_MEMBER = re.compile(r"\[:(?P<name>[^\]:]*):\]|(?P<low>\\.|[^\\])(?:-(?P<high>\\.|[^\]\\]))?", re.DOTALL)
_STARS = re.compile(r"\*+")


def pattern_fault(pattern: str) -> str:
    """Say why a pattern is not taken, or give an empty string. What Git passes over because it can match nothing is told."""
    if len(pattern) > _LONGEST:
        return f"it is longer than {_LONGEST} characters"
    try:
        _compiled(pattern)
    except ValueError as error:
        return str(error)
    return ""


class Ignore:
    """Patterns in order: the last that matches a path decides, and what lies in an ignored folder stays ignored."""

    def __init__(self, patterns: Iterable[str]) -> None:
        """Take patterns without a fault; comments and empty ones count for nothing."""
        self._rules = [rule for rule in map(_compiled, patterns) if rule is not None]
        self._folders: dict[str, bool] = {"": False}

    def __call__(self, path: str) -> bool:
        """Tell whether the file at a path (`a/b.yaml`) is ignored."""
        if not self._rules:
            return False
        return self._in_ignored(path.rpartition("/")[0]) or self._matched(path, folder=False)

    def _in_ignored(self, folder: str) -> bool:
        """Tell of a folder; remembered, as many files share one."""
        known = self._folders.get(folder)
        if known is None:
            known = self._in_ignored(folder.rpartition("/")[0]) or self._matched(folder, folder=True)
            self._folders[folder] = known
        return known

    def _matched(self, path: str, *, folder: bool) -> bool:
        data = path.encode("utf-8", "surrogateescape")
        name = data.rpartition(b"/")[2]
        for rule in reversed(self._rules):
            if (folder or not rule.folders) and rule.expression.fullmatch(name if rule.anywhere else data) is not None:
                return not rule.negated
        return False


@dataclass(frozen=True, slots=True)
class _Rule:
    """One pattern: `anywhere` is held against a name in any folder, `folders` against folders alone."""

    expression: Any
    negated: bool
    folders: bool
    anywhere: bool


@cache
def _options() -> Any:
    import re2

    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.dot_nl = True
    options.log_errors = False
    options.max_mem = _MEMORY
    return options


def _compiled(pattern: str) -> _Rule | None:
    """Give the rule of a line, None for one that says nothing. Raises ValueError with what is wrong."""
    line = _without_trailing_spaces(pattern)
    if not line or line.startswith("#"):
        return None
    negated = line.startswith("!")
    body = line.removeprefix("!")
    folders = body.endswith("/")
    body = body[:-1] if folders else body
    if not body.strip("/") or "\0" in body:
        raise ValueError("it can match nothing")
    anywhere = "/" not in body
    import re2

    # One character of the text for one byte of the path, as Git counts.
    text = body.removeprefix("/").encode("utf-8", "surrogateescape").decode("latin-1")
    try:
        expression = re2.compile("".join(_parts(text, anywhere=anywhere)).encode("latin-1"), options=_options())
    except re2.error as error:
        raise ValueError("it takes too much memory") from error
    return _Rule(expression, negated, folders, anywhere)


def _without_trailing_spaces(line: str) -> str:
    """Take trailing spaces away, but one that a backslash keeps."""
    text = line.rstrip(" ")
    escapes = len(text) - len(text.rstrip("\\"))
    return text + " " if escapes % 2 and len(text) < len(line) else text


def _parts(text: str, *, anywhere: bool) -> Iterator[str]:
    """Give the pieces of the expression for a pattern."""
    at = 0
    while at < len(text):
        character = text[at]
        if (stars := _STARS.match(text, at)) is not None:
            at = stars.end()
            whole = len(stars[0]) > 1 and (not stars.start() or text[stars.start() - 1] == "/")
            if anywhere or not whole or not (at == len(text) or text.startswith(("/", "\\/"), at)):
                yield "[^/]*"
            elif text.startswith("/", at):
                yield "(?:.*/)?"
                at += 1
            else:
                yield ".*"
        elif character == "[":
            members, at = _brackets(text, at + 1)
            yield members
        elif character == "\\":
            if at + 1 == len(text):
                raise ValueError("it ends in a backslash, and can match nothing")
            yield _byte(text[at + 1])
            at += 2
        else:
            yield "[^/]" if character == "?" else _byte(character)
            at += 1


def _brackets(text: str, at: int) -> tuple[str, int]:
    """Give the expression of what stands in brackets from `at` on, and where it ends."""
    negated = text[at : at + 1] in {"!", "^"} and at < len(text)
    at += negated
    members, first = [], True
    while first or not text.startswith("]", at):
        found = _MEMBER.match(text, at)
        if found is None:
            raise ValueError("a '[' in it is not closed")
        if found["name"] is not None:
            if found["name"] not in _CLASSES:
                raise ValueError(f"[:{found['name']}:] is no class of characters; there are {', '.join(_CLASSES)}")
            members.append(_CLASSES[found["name"]])
        else:
            low, high = found["low"][-1], (found["high"] or found["low"])[-1]
            # Git reads a range that runs backwards as its first character.
            members.append(f"{_byte(low)}-{_byte(high)}" if low <= high else _byte(low))
        at, first = found.end(), False
    if negated:
        return f"[^/{''.join(members)}]", at + 1
    # A slash is never matched by brackets.
    inside = "".join(members)
    return (_without_slash(inside) if inside else r"[^\x00-\xff]"), at + 1


def _without_slash(members: str) -> str:
    allowed = [byte for byte in range(256) if byte != ord("/") and re.match(f"[{members}]", chr(byte), re.DOTALL)]
    return f"[{''.join(_byte(chr(byte)) for byte in allowed)}]" if allowed else r"[^\x00-\xff]"


def _byte(character: str) -> str:
    return f"\\x{ord(character):02x}"
