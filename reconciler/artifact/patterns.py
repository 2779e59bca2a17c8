"""File patterns matched as Rust's glob crate matches them (source: docs.rs/glob; `reconciler.manifest.globs` checks their form).

A pattern is matched in one pass over the text, keeping every place that it may stand at: hostile patterns cost no more than others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

_ANY, _ONE, _DEEP = object(), object(), object()
_Token = object | str | tuple[bool, tuple[tuple[str, str], ...]]


def matches_path(pattern: str, path: str) -> bool:
    """Tell whether a whole path matches, as `exclude_files` does: `*` crosses `/`, `**/` stands for any folders."""
    return _matches(_tokens(pattern), path)


def matching(pattern: str, paths: Iterable[str]) -> list[str]:
    """Give the files that a pattern of `files` finds: segment by segment, `*` within one, `**` for any folders.

    Hidden files match like others, and a pattern that ends in `**` finds folders only, so nothing.
    """
    parts = [None if part == "**" else _tokens(part) for part in pattern.split("/") if part not in {"", "."}]
    if not parts or parts[-1] is None or ".." in pattern.split("/"):
        return []
    return [path for path in paths if _segments(parts, path.split("/"))]


def _segments(parts: list[list[_Token] | None], segments: list[str]) -> bool:
    places = {0}
    for segment in segments:
        found: set[int] = set()
        for at in _through(places, parts):
            part = parts[at] if at < len(parts) else []
            if part is None:
                found.add(at)
            elif at < len(parts) and _matches(part, segment):
                found.add(at + 1)
        places = found
        if not places:
            return False
    return len(parts) in places


def _through(places: set[int], parts: list[list[_Token] | None]) -> set[int]:
    """Give the places with those behind a `**`, which may stand for no folder at all."""
    found = set(places)
    for at in sorted(places):
        step = at
        while step < len(parts) and parts[step] is None:
            step += 1
            found.add(step)
    return found


def _tokens(pattern: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while at < len(pattern):
        character = pattern[at]
        if pattern.startswith("**", at):
            # Several in a row mean what one does, and would cost more.
            found += [_DEEP] if found[-1:] != [_DEEP] else []
            at += 3 if pattern.startswith("**/", at) else 2
        elif character in "*?":
            found.append(_ANY if character == "*" else _ONE)
            at += 1
        elif character == "[" and (end := _class_end(pattern, at)) > 0:
            negated = pattern[at + 1] == "!"
            found.append((negated, tuple(_ranges(pattern[at + 1 + negated : end]))))
            at = end + 1
        else:
            found.append(character)
            at += 1
    return found


def _class_end(pattern: str, at: int) -> int:
    first = at + 2 if pattern[at + 1 : at + 2] == "!" else at + 1
    return pattern.find("]", first + 1)


def _ranges(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(text):
        if text[at + 1 : at + 2] == "-" and at + 2 < len(text):
            yield text[at], text[at + 2]
            at += 3
        else:
            yield text[at], text[at]
            at += 1


def _matches(tokens: list[_Token], text: str) -> bool:
    places = _closed({0}, tokens, folders=True)
    for character in text:
        after: set[int] = set()
        for at in places:
            token = tokens[at] if at < len(tokens) else None
            if token is _ANY or token is _DEEP:
                after.add(at)
            elif token is _ONE or token == character or (isinstance(token, tuple) and _in_class(token, character)):
                after.add(at + 1)
        # A `**` ends where a folder's name does.
        places = _closed(after, tokens, folders=character == "/")
        if not places:
            return False
    return len(tokens) in places or (bool(tokens) and tokens[-1] is _DEEP and len(tokens) - 1 in places)


def _closed(places: set[int], tokens: list[_Token], *, folders: bool) -> set[int]:
    """Give the places with those behind stars, which may stand for nothing; behind `**` only where `folders`."""
    found = set(places)
    for at in places:
        step = at
        while step < len(tokens) and (tokens[step] is _ANY or (folders and tokens[step] is _DEEP)):
            step += 1
            found.add(step)
    return found


def _in_class(token: tuple[bool, tuple[tuple[str, str], ...]], character: str) -> bool:
    negated, ranges = token
    return any(low <= character <= high for low, high in ranges) is not negated
