"""How registries are reached: only as the administrator configured it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from reconciler.artifact.reference import Reference, prefix_matches


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistryAccess:
    """One configured registry. `mirror` (host[:port]) is asked in place of the prefix's host; `ca` is PEM text."""

    prefix: str
    plain_http: bool = False
    mirror: str = ""
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    ca: str = field(default="", repr=False)


_OPEN = RegistryAccess(prefix="")


def access_for(reference: Reference, entries: Sequence[RegistryAccess]) -> RegistryAccess | None:
    """Give how a reference is reached: the longest matching entry; without any entries, anonymously; None where none allows it."""
    if not entries:
        return _OPEN
    # Another port is another server: neither login nor plain HTTP carry over to it.
    matching = [
        entry
        for entry in entries
        if prefix_matches(entry.prefix, reference) and entry.prefix.partition("/")[0] == reference.registry
    ]
    return max(matching, key=lambda entry: len(entry.prefix), default=None)
