"""What is fuzzed: a parser, what it may raise, and the documents that its inputs are made of."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from reconciler.errors import SpinfleetError
from tests.fuzz.mutations import changed_text, changed_values

ROOT = Path(__file__).parents[2]
CORPUS = ROOT.parent / "shared" / "corpus"


@dataclass(frozen=True, kw_only=True)
class Target:
    """A parser under test.

    `parse` takes bytes and may raise `raises`. `seeds` gives texts, and `values` JSON values, to change; `corpus` public
    files kept beside the project, for seeds that begin with `c`. `most` bounds an input in bytes; it is what the parser is given
    at most where it stands. `count` is how many inputs a quick run makes.
    """

    room: str
    parse: Callable[[bytes], object]
    seeds: Callable[[], Sequence[bytes]] = tuple
    values: Callable[[], Sequence[Any]] = tuple
    corpus: Callable[[], Sequence[bytes]] = tuple
    raises: tuple[type[Exception], ...] = (SpinfleetError,)
    most: int = 64 * 1024
    count: int = 300

    @cached_property
    def _texts(self) -> Sequence[bytes]:
        return self.seeds()

    @cached_property
    def _values(self) -> Sequence[Any]:
        return self.values()

    @cached_property
    def _public(self) -> Sequence[bytes]:
        return (*self._texts, *self.corpus())

    def warm(self) -> None:
        """Do once what costs once: read the seeds and the tables that parsing needs."""
        for data in (*self._texts[:20], b""):
            self.run(data)
        self.run(self.made("0"))

    def made(self, seed: str) -> bytes:
        """Give the input of a seed."""
        chance = random.Random(seed)  # noqa: S311 - no secret
        texts = self._public if seed.startswith("c") else self._texts
        if self._values and (not texts or chance.random() < 0.6):
            return changed_values(chance.choice(self._values), self._values, chance, self.most)
        return changed_text(chance.choice(texts), texts, chance, self.most)

    def run(self, data: bytes) -> None:
        """Parse; what the parser may raise is fine."""
        try:
            self.parse(data)
        except self.raises:
            return


def files(*patterns: str, root: Path = ROOT) -> list[bytes]:
    """Give the files of the project that match, each once, in order."""
    return [path.read_bytes() for pattern in patterns for path in sorted(root.glob(pattern)) if path.is_file()]


def texts(*written: str) -> list[bytes]:
    """Give texts as bytes."""
    return [each.encode() for each in written]
