"""Which names may stand in a tree, and which references may be asked for. Pure rules, each from an attack (hazards of Git trees)."""

from __future__ import annotations

import re

#: What git check-ref-format(1) allows, drawn tighter: printable ASCII without its special characters.
_REF = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_+./@=-]{0,254}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_LONGEST_NAME = 255


def odd_name(name: str) -> str:
    """Say what is wrong with the name of a tree entry, or give an empty string."""
    if not name or name in {".", ".."}:
        return "is not a name"
    if "/" in name or "\\" in name:
        return "has a slash in it"
    if any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in name):
        return "has a control character in it"
    if any(0xDC80 <= ord(character) <= 0xDCFF for character in name):
        return "is not UTF-8"
    if name.rstrip(". ").casefold() == ".git" or name.casefold().startswith("git~"):
        return "would be a Git folder"
    if len(name) > _LONGEST_NAME:
        return f"is longer than {_LONGEST_NAME} characters"
    return ""


def valid_ref(name: str) -> bool:
    """Tell whether a branch or tag name may be asked for."""
    bad = (name.endswith(("/", ".", ".lock")), ".." in name, "//" in name, "/." in name, "@{" in name)
    return bool(_REF.fullmatch(name)) and not any(bad)


def valid_commit(text: str) -> bool:
    """Tell whether this is a full commit id."""
    return bool(_COMMIT.fullmatch(text))
