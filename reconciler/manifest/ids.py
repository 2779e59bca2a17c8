"""Identifiers of spin.toml (source: spinframework/spin, crates/serde/src/id.rs; package labels: the component model's kebab names)."""

from __future__ import annotations

import re

from reconciler.remembered import remembered

_WORD = re.compile(r"[a-z][a-z0-9]*|[A-Z][A-Z0-9]*")
_ALNUM = re.compile(r"[A-Za-z0-9]+")
_LABEL = re.compile(r"[a-z][a-z0-9]*(?:-[a-z][a-z0-9]*)*")


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
        if not _WORD.fullmatch(word):
            return f"word {word!r} must be all lower case or all UPPER CASE"
        if lower and word != word.lower():
            return f"word {word!r} must be lower case"
    return ""


@remembered
def kebab_fault(text: str) -> str:
    """Say what is wrong with a kebab-case id (components), or give an empty string."""
    return id_fault(text, separator="-")


@remembered
def snake_fault(text: str) -> str:
    """Say what is wrong with a variable name, or give an empty string."""
    return id_fault(text, separator="_", lower=True)


@remembered
def label_fault(text: str) -> str:
    """Say what is wrong with the label of a store or database: kebab or snake."""
    kebab = kebab_fault(text)
    return kebab if kebab and id_fault(text, separator="_") else ""


@remembered
def package_fault(text: str) -> str:
    """Say what is wrong with a package `namespace:name`, both lower-case kebab, or give an empty string."""
    namespace, colon, name = text.partition(":")
    if not colon:
        return "expected namespace:name"
    for part in (namespace, name):
        if not _LABEL.fullmatch(part):
            return f"{part!r} must be lower-case words split by '-', each beginning with a letter"
    return ""


def repaired(text: str) -> str:
    """Give the id that Spin makes of a version 1 component id: itself, or with `-` for `_` and in lower case.

    The result may still be no kebab id; Spin refuses it then.
    """
    return text.replace("_", "-").lower() if kebab_fault(text) else text
