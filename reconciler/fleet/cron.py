"""Schedules as CronJobs and KEDA take them (source: robfig/cron v3, ParseStandard; a CronJob refuses a time zone in the schedule)."""

from __future__ import annotations

import re

_DESCRIPTORS = frozenset({"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"})
_EVERY = re.compile(r"@every ([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
#: Each field: its name, least and greatest value, and names for values from the least on.
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of week", 0, 6, _DAYS),
)
_PART = re.compile(r"(\*|\?|[0-9]{1,4}|[A-Za-z]{3})(?:-([0-9]{1,4}|[A-Za-z]{3}))?(?:/([0-9]{1,4}))?")


def schedule_fault(schedule: str) -> str:
    """Say what is wrong with a schedule; empty where nothing is."""
    if schedule in _DESCRIPTORS or _EVERY.fullmatch(schedule):
        return ""
    if schedule.startswith(("TZ=", "CRON_TZ=")):
        return "the time zone of a schedule has a field of its own"
    parts = schedule.split()
    if len(parts) != len(_FIELDS):
        return f"{schedule[:80]!r} is not a cron schedule: it has {len(parts)} fields, and five are needed"
    for text, (name, least, most, names) in zip(parts, _FIELDS, strict=True):
        for part in text.split(","):
            if not _fits(part, least, most, names):
                return f"{part[:40]!r} is not a {name}"
    return ""


def _fits(part: str, least: int, most: int, names: tuple[str, ...]) -> bool:
    found = _PART.fullmatch(part)
    if found is None:
        return False
    first, last, step = found.groups()
    if step is not None and int(step) == 0:
        return False
    if first in {"*", "?"}:
        return last is None
    low = _value(first, least, names)
    high = low if last is None else _value(last, least, names)
    return low is not None and high is not None and least <= low <= high <= most


def _value(text: str, least: int, names: tuple[str, ...]) -> int | None:
    if text.isdecimal():
        return int(text)
    return least + names.index(text.lower()) if text.lower() in names else None
