"""No input crashes a parser, takes over a second of CPU time or over 200 MB: some thousand made ones, the same each time.

`make fuzz ARGS='--minutes 10'` goes on with new ones.
"""

from __future__ import annotations

import pytest

from tests.fuzz.bounded import fuzz
from tests.fuzz.targets import MODULES


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_no_made_input_breaks_a_parser(module) -> None:
    inputs = [f"{name}/{seed}" for name, target in module.TARGETS.items() for seed in range(target.count)]
    assert "\n\n".join(map(str, fuzz(module.__name__, inputs))) == ""
