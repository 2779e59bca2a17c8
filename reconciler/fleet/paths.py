"""Paths that documents name, kept inside the fleet's tree."""

from __future__ import annotations

_LONGEST = 1024


def beside(document: str, relative: str) -> str | None:
    """Give the tree path that `relative` means in the file `document`; empty for the root, None where it leaves the tree.

    Absolute paths, backslashes and control characters are refused as well: nothing outside can ever be meant.
    """
    if relative.startswith("/") or "\\" in relative or len(relative) > _LONGEST:
        return None
    if any(ord(character) < 0x20 for character in relative):
        return None
    parts = document.split("/")[:-1]
    for part in relative.split("/"):
        if part in {"", "."}:
            continue
        if part != "..":
            parts.append(part)
        elif parts:
            parts.pop()
        else:
            return None
    return "/".join(parts)
