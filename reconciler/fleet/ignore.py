"""gitignore patterns that are safe to run: pathspec turns them into regular expressions, which some make explode."""

from __future__ import annotations

import pathspec

_MOST_STARS = 2
_MOST_SEGMENTS = 32
_MOST_CROSSING = 4


def pattern_fault(pattern: str) -> str:
    """Say why a pattern is not taken, or give an empty string."""
    segments = pattern.split("/")
    if any(segment.count("*") > _MOST_STARS for segment in segments):
        return f"a part between slashes has more than {_MOST_STARS} stars"
    if len(segments) > _MOST_SEGMENTS or segments.count("**") > _MOST_CROSSING:
        return f"it has more than {_MOST_SEGMENTS} parts, or ** more than {_MOST_CROSSING} times"
    try:
        pathspec.GitIgnoreSpec.from_lines([pattern])
    except ValueError:
        return "it is not a gitignore pattern"
    return ""
