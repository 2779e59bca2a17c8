"""`{{ variable }}` templates (source: spinframework/spin, crates/expressions/src/template.rs)."""

from __future__ import annotations

from collections.abc import Mapping

_LONGEST = 64 * 1024


def parts(text: str) -> tuple[tuple[str, bool], ...] | None:
    """Split a text into (literal, False) and (variable's name, True), or give None where a `{{` is never closed.

    A `}}` without its `{{` is literal text, as for Spin.
    """
    found: list[tuple[str, bool]] = []
    at = 0
    while at < len(text):
        start = text.find("{{", at)
        if start < 0:
            found.append((text[at:], False))
            break
        if start > at:
            found.append((text[at:start], False))
        end = text.find("}}", start + 2)
        if end < 0:
            return None
        found.append((text[start + 2 : end].strip(), True))
        at = end + 2
    return tuple(found)


def names(text: str) -> tuple[str, ...]:
    """Give the names of the variables in a text; none where it is not a template."""
    return tuple(name for name, is_name in parts(text) or () if is_name)


def replaced(text: str, values: Mapping[str, str | None]) -> str | None:
    """Give a template with its variables replaced, or None where one has no value yet or the result is over 64 KiB."""
    found, length = [], 0
    for part, is_name in parts(text) or ():
        value = values.get(part) if is_name else part
        if value is None or (length := length + len(value)) > _LONGEST:
            return None
        found.append(value)
    return "".join(found)
