"""What a pure rule says of a short text, remembered: a fleet of thousands of apps says the same few things again and again."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

_Said = TypeVar("_Said")
_MOST = 2048
#: What a hostile repository can have remembered stays below a megabyte a rule.
_LONGEST = 128


def remembered(rule: Callable[[str], _Said]) -> Callable[[str], _Said]:
    """Give a rule that is asked once for each short text, as long as there are not too many; longer ones are never kept."""
    kept = lru_cache(maxsize=_MOST)(rule)

    def asked(text: str) -> _Said:
        return kept(text) if len(text) <= _LONGEST else rule(text)

    return asked
