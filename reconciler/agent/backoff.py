"""How long to wait before trying again: doubling, capped, with jitter, on the monotonic clock."""

from __future__ import annotations

import random
from collections.abc import Hashable
from dataclasses import dataclass, field


@dataclass(kw_only=True, slots=True)
class Backoff:
    """Counts failures by key. `first` and `longest` are seconds; a delay is between half and all of its nominal value."""

    first: float
    longest: float
    _failures: dict[Hashable, int] = field(default_factory=dict)

    def next_delay(self, key: Hashable) -> float:
        """Count one more failure of `key` and give the seconds to wait."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        nominal = min(self.longest, self.first * 2.0 ** min(failures, 32))
        return nominal * random.uniform(0.5, 1.0)  # noqa: S311 - spreads retries, guards nothing

    def forget(self, key: Hashable) -> None:
        """Say that `key` succeeded, or is gone."""
        self._failures.pop(key, None)
