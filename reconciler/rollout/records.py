"""Release records: what a cluster has released of each app, kept beside its FleetSync in 64 ConfigMaps by app hash.

A record is one JSON text under the app's name. Whoever can write these ConfigMaps can choose which commit is rendered, so
every text is checked when it is read; one that is not as written here is corrupt, and its app counts as never released.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from reconciler.errors import InputError

SHARDS = 64
#: Earlier releases that a record keeps: 5,000 apps then take under 100 KiB of each ConfigMap's 1 MiB.
MOST_PREVIOUS = 4
#: A longer text is no record of ours.
MAX_TEXT = 16 * 1024

_SHARD = re.compile(r".+-releases-[0-3][0-9a-f]")
_VERSION = re.compile(r"[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_DIGEST = re.compile(r"(sha256:[0-9a-f]{64})?")
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Released:
    """One release: the app's version, the commit it is rendered from, its artifact's digest (empty for a Bundle).

    `path` is the fleet's root in that commit. `at` is when it was released and `current` when all its objects were first
    current (RFC 3339, UTC; `current` is empty until then).
    """

    version: str
    commit: str
    digest: str = ""
    path: str = "."
    at: str = ""
    current: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """An app's last release and those before it, newest first."""

    app: str
    last: Released
    previous: tuple[Released, ...] = ()

    @property
    def releases(self) -> tuple[Released, ...]:
        """Every release, newest first."""
        return (self.last, *self.previous)


def shard_of(app: str) -> int:
    """Give the number of the ConfigMap that has an app's record, 0 to 63."""
    return hashlib.sha256(app.encode()).digest()[0] % SHARDS


def shard_name(fleetsync: str, shard: int) -> str:
    """Give the name of a ConfigMap of records."""
    return f"{fleetsync}-releases-{shard:02x}"


def is_shard_name(name: str) -> bool:
    """Tell whether a ConfigMap of this name holds records, of whichever FleetSync."""
    return _SHARD.fullmatch(name) is not None


def advanced(record: Record | None, app: str, released: Released) -> Record:
    """Give the record once another version is released. The same version again only moves its commit: it is no new release."""
    if record is None:
        return Record(app=app, last=released)
    if record.last.version == released.version:
        moved = replace(record.last, commit=released.commit, path=released.path)
        return replace(record, last=moved)
    return Record(app=app, last=released, previous=record.releases[:MOST_PREVIOUS])


def to_text(record: Record) -> str:
    """Give a record as the text that is kept."""
    first, *others = (_to_json(released) for released in record.releases)
    return json.dumps({**first, "previous": others}, separators=(",", ":"))


def from_text(app: str, text: str) -> Record:
    """Read a kept text. Raises InputError where it is not one that `to_text` could have written."""
    try:
        value = json.loads(text) if len(text) <= MAX_TEXT else None
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise _corrupt(app, "it is not a JSON object" if len(text) <= MAX_TEXT else "it is too long")
    previous = value.get("previous", [])
    if not isinstance(previous, list):
        raise _corrupt(app, "previous is not a list")
    return Record(
        app=app, last=_released(app, value), previous=tuple(_released(app, each) for each in previous[:MOST_PREVIOUS])
    )


def _to_json(released: Released) -> dict[str, str]:
    values = {"version": released.version, "commit": released.commit, "digest": released.digest, "at": released.at}
    if released.current:
        values["current"] = released.current
    if released.path != ".":
        values["path"] = released.path
    return values


def _released(app: str, value: Any) -> Released:
    if not isinstance(value, Mapping):
        raise _corrupt(app, "a release is not an object")
    texts = {name: value.get(name, "") for name in ("version", "commit", "digest", "at", "current")}
    texts["path"] = value.get("path", ".")
    patterns = {"version": _VERSION, "commit": _COMMIT, "digest": _DIGEST, "at": _TIME, "current": _TIME}
    for name, text in texts.items():
        if not isinstance(text, str) or (name in patterns and not patterns[name].fullmatch(text)):
            raise _corrupt(app, f"its {name} can't be one")
    return Released(**texts)


def _corrupt(app: str, why: str) -> InputError:
    return InputError(
        f"the release record of {app!r} can't be read: {why}",
        hint="it is written anew with the app's next release; until then the app counts as never released",
    )
