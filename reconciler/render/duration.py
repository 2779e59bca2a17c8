"""Durations as fleet documents write them: 30s, 10m, 1h30m."""

from __future__ import annotations

import re

_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(text: str) -> int:
    """Give a duration in whole seconds, rounded."""
    return round(sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text)))
