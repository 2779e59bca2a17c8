"""Patterns of references and of signers: `*` stays in a path segment, `**` crosses; the whole text must match. Pure.

They are no regular expressions: matching takes time linear in the text for a given pattern, whatever either of them says.
"""

from __future__ import annotations

import re

LONGEST = 512
_LONGEST_TEXT = 2048
#: What only a regular expression would hold; none of it stands in URLs or addresses that sign.
_REGULAR = re.compile(r"[\^$\\()\[\]{}|]|\.[*+?]")
_TOKENS = re.compile(r"\*\*|\*|[^*]")


def matches(pattern: str, text: str) -> bool:
    """Tell whether the whole text matches. What is longer than 512 (pattern) or 2,048 characters (text) matches nothing."""
    if len(pattern) > LONGEST or len(text) > _LONGEST_TEXT:
        return False
    tokens = _TOKENS.findall(pattern)
    reached = _through_stars({0}, tokens)
    for character in text:
        following: set[int] = set()
        for at in reached:
            if at == len(tokens):
                continue
            wanted = tokens[at]
            if wanted == "**" or (wanted == "*" and character != "/"):
                following.add(at)
            elif wanted == character:
                following.add(at + 1)
        reached = _through_stars(following, tokens)
        if not reached:
            return False
    return len(tokens) in reached


def _through_stars(reached: set[int], tokens: list[str]) -> set[int]:
    """A star may stand for nothing."""
    found = set(reached)
    for at in reached:
        position = at
        while position < len(tokens) and tokens[position][0] == "*":
            position += 1
            found.add(position)
    return found


def identity_fault(pattern: str) -> str:
    """Say why a pattern of signers can't be used, or give an empty string."""
    if _REGULAR.search(pattern):
        return "it reads like a regular expression"
    if pattern.startswith("**") or not pattern.strip("*/"):
        return "it does not say how the identity begins, so that others could make one that ends alike"
    return ""
