"""Identifiers of spin.toml (source: spinframework/spin, crates/serde/src/id.rs)."""

from __future__ import annotations

import re

_WORD = re.compile(r"[a-z][a-z0-9]*|[A-Z][A-Z0-9]*")
_ALNUM = re.compile(r"[A-Za-z0-9]+")


def id_fault(text: str, *, separator: str, lower: bool = False) -> str:
    """Say what is wrong with an identifier whose words `separator` splits, or give an empty string.

    `separator` is `-` (kebab) or `_` (snake). Each word begins with a letter and is all lower or all upper case; `lower`: lower only.
    """
    other = "_" if separator == "-" else "-"
    if not text:
        return "it is empty"
    if other in text:
        return f"words must be separated with {separator!r}, not {other!r}"
    for word in text.split(separator):
        if not word:
            return f"words must not be empty: it begins, ends or doubles with {separator!r}"
        if not word[0].isascii() or not word[0].isalpha():
            return f"word {word!r} must begin with a letter"
        if not _ALNUM.fullmatch(word):
            return f"word {word!r} may have letters and digits only"
        if lower and word != word.lower():
            return f"word {word!r} must be lower case"
        if not _WORD.fullmatch(word):
            return f"word {word!r} must be all lower case or all UPPER CASE"
    return ""


def kebab_fault(text: str) -> str:
    """Say what is wrong with a kebab-case id (components), or give an empty string."""
    return id_fault(text, separator="-")


def snake_fault(text: str) -> str:
    """Say what is wrong with a variable name, or give an empty string."""
    return id_fault(text, separator="_", lower=True)


def label_fault(text: str) -> str:
    """Say what is wrong with the label of a store or database: kebab or snake."""
    kebab = kebab_fault(text)
    return kebab if kebab and id_fault(text, separator="_") else ""


def repaired(text: str) -> str:
    """Give the kebab id that Spin makes of a version 1 component id."""
    words = [word for word in re.split(r"[^A-Za-z0-9]+", text) if word]
    return "-".join(word if _WORD.fullmatch(word) else word.lower() for word in words)
