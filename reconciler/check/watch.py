"""Checking again on each save."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from watchfiles import DefaultFilter, watch

from reconciler.check.report import Report
from reconciler.problems import Problem

#: Milliseconds in which further saves count as one: an editor writes a file in several steps.
_DEBOUNCE, _STEP = 40, 10
#: Milliseconds after which a quiet watch looks whether it is to stop.
_IDLE = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """One check: its report, which of its problems the turn before did not have, how many it had that are gone, seconds taken."""

    report: Report
    new: tuple[Problem, ...]
    fixed: int
    seconds: float
    changed: tuple[Path, ...] = ()


def turns(
    root: Path, check: Callable[[tuple[Path, ...] | None], Report], stop: threading.Event | None = None
) -> Iterator[Turn]:
    """Check now, and after each change below `root` until `stop` is set.

    `check` gets the absolute paths that changed, None for all. A check that raises InputError ends the watching, and so does
    KeyboardInterrupt, which is passed on.
    """
    saves = watch(
        root,
        watch_filter=DefaultFilter(),
        debounce=_DEBOUNCE,
        step=_STEP,
        stop_event=stop,
        rust_timeout=_IDLE,
        yield_on_timeout=True,
    )
    # The first step begins the watching: a save during the first check is seen after it.
    if next(saves, None) is None:
        return
    turn = _turn(check, None, ())
    yield turn
    known = turn.report.problems
    for changes in saves:
        if not changes:
            continue
        changed = tuple(sorted({Path(path) for _, path in changes}))
        try:
            turn = _turn(check, changed, known)
        except FileNotFoundError:
            # Gone between the notice and the look: the notice of that comes next.
            continue
        if turn.report.problems != known or _tells(changed):
            yield turn
        known = turn.report.problems


def _turn(
    check: Callable[[tuple[Path, ...] | None], Report], changed: tuple[Path, ...] | None, known: tuple[Problem, ...]
) -> Turn:
    begun = time.monotonic()
    report = check(changed)
    before, now = {_said(each) for each in known}, {_said(each) for each in report.problems}
    new = tuple(each for each in report.problems if _said(each) not in before)
    return Turn(
        report=report, new=new, fixed=len(before - now), seconds=time.monotonic() - begun, changed=changed or ()
    )


def _said(problem: Problem) -> tuple[str, str, str, str]:
    """Give what a problem says without its line: text that moved down is not a new problem."""
    return (problem.path, problem.code, problem.pointer, problem.message)


def _tells(changed: tuple[Path, ...]) -> bool:
    return any(path.suffix in {".yaml", ".yml", ".toml", ".json"} for path in changed)
