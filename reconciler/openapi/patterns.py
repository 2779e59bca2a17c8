"""Patterns of definitions, matched in linear time: RE2 reads what Go's regexp reads, and no pattern makes it slow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

#: A program of this size (bytes) holds the longest patterns of published definitions many times over.
_MEMORY = 1024 * 1024
_LONGEST = 10_000
_LEAST_COST = 100
#: What finding out costs that a pattern is too large.
REFUSED_COST = 8_000


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern: what tells whether a text has a match of it anywhere, and what compiling it cost (about a microsecond each)."""

    matches: Callable[[str], bool]
    cost: int


class PatternError(ValueError):
    """A pattern that can't be compiled; `too_large` where a server might."""

    def __init__(self, message: str, *, too_large: bool = False) -> None:
        """Say why."""
        super().__init__(message)
        self.too_large = too_large


@lru_cache(maxsize=1000)
def compile_pattern(pattern: str) -> Pattern:
    """Give a pattern ready to be matched. Raises PatternError."""
    # Many fleets have no custom kind with a pattern: then it is never loaded.
    import re2

    if len(pattern) > _LONGEST:
        raise PatternError(f"a pattern of {len(pattern)} characters", too_large=True)
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    try:
        compiled = re2.compile(pattern, options=options)
    except re2.error as error:
        said = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else str(error.args[0])
        raise PatternError(said, too_large="too large" in said) from error
    return Pattern(lambda text: compiled.search(text) is not None, _LEAST_COST + compiled.programsize)
