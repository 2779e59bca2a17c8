"""File patterns as Rust's glob crate reads them (source: docs.rs/glob, Pattern::new; spin, crates/loader/src/local.rs)."""

from __future__ import annotations


def is_pattern(text: str) -> bool:
    """Tell whether a text is a pattern and not just a path."""
    return any(each in text for each in "?*[]")


def pattern_fault(text: str) -> str:
    """Say what is wrong with a pattern, or give an empty string."""
    at = 0
    while at < len(text):
        character = text[at]
        if character == "*":
            end = at
            while end < len(text) and text[end] == "*":
                end += 1
            if fault := _stars_fault(text, at, end):
                return fault
            at = end
        elif character == "[":
            # The first character inside is always a member, even a closing bracket.
            first = at + 2 if text[at + 1 : at + 2] == "!" else at + 1
            close = text.find("]", first + 1)
            if close < 0:
                return "invalid range pattern: '[' is not closed"
            at = close + 1
        else:
            at += 1
    return ""


def files_fault(text: str) -> str:
    """Say what is wrong with an entry of `files`, or give an empty string."""
    last = text.rpartition("/")[2]
    if last in {".", ".."}:
        return f"a file pattern can't end in {last!r}; name a folder as {{ source, destination }}, or end in **/*"
    return pattern_fault(text) if is_pattern(text) else ""


def _stars_fault(text: str, start: int, end: int) -> str:
    if end - start == 1:
        return ""
    if end - start > 2:
        return "wildcards are either '*' or '**'"
    if (start and text[start - 1] != "/") or (end < len(text) and text[end] != "/"):
        return "'**' must be a whole path segment"
    return ""
