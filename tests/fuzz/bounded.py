"""Runs parsers on many made inputs in a child that may take neither much time nor much memory, and tells which input broke one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
#: Children that may die before a run is given up: more of them seldom say more.
_MOST_DEATHS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """An input that crashed a parser, held it up or filled memory; target and `seed` make it again."""

    target: str
    seed: str
    what: str
    text: str

    def __str__(self) -> str:
        again = f".venv/bin/python -m tests.fuzz --show {self.target} {self.seed}"
        return f"{self.target}, seed {self.seed}: {self.what}\n{self.text}\nmake the input again with: {again}"


def fuzz(module: str, inputs: Sequence[str]) -> Iterator[Fault]:
    """Give the faults of inputs, each `target/seed` with a target of the module.

    A child that dies is told as a fault of the input it was at, and the rest goes on in another.
    """
    waiting, deaths = list(inputs), 0
    while waiting and deaths < _MOST_DEATHS:
        child = subprocess.run(
            [sys.executable, "-m", "tests.fuzz.child", module],
            input="\n".join(waiting),
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )
        done = [json.loads(line) for line in child.stdout.splitlines()]
        yield from (_fault(each["input"], each["what"], each["text"]) for each in done if "what" in each)
        if done and done[-1].get("end"):
            return
        deaths += 1
        at = _last(done, waiting)
        what = f"the child ended with {child.returncode} (a signal where it is negative)"
        yield _fault(waiting[at], what, child.stderr[-2000:])
        waiting = waiting[at + 1 :]


def _fault(name: str, what: str, text: str) -> Fault:
    target, _, seed = name.partition("/")
    return Fault(target=target, seed=seed, what=what, text=text)


def _last(done: list[dict[str, Any]], waiting: list[str]) -> int:
    """Give where among the inputs the child was when it died."""
    return waiting.index(done[-1]["input"]) if done else 0
