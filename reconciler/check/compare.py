"""Two renderings of one object compared, as a reviewer would: what they mean, not how they are written; secret values are hidden."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.fleet.quantity import quantity
from reconciler.plan.diff import diff
from reconciler.plan.model import FieldChange
from reconciler.plan.sensitive import HIDDEN
from reconciler.render.model import (
    APP_ANNOTATION,
    CAPABILITIES_ANNOTATION,
    DIGEST_ANNOTATION,
    SOURCE_ANNOTATION,
    VERSION_ANNOTATION,
)
from reconciler.schema_check import pointer_of

#: Annotations that Spinfleet keeps for itself. What they say is told in other words: as versions, artifacts, capabilities and owners.
_OWN = frozenset(
    f"/metadata/annotations/{name.replace('/', '~1')}"
    for name in (APP_ANNOTATION, CAPABILITIES_ANNOTATION, DIGEST_ANNOTATION, SOURCE_ANNOTATION, VERSION_ANNOTATION)
)
#: Maps whose values are quantities: 1000m is 1.
_QUANTITIES = frozenset({"limits", "requests", "hard", "capacity", "min", "max", "default", "defaultRequest"})


def compared(base: Mapping[str, Any], head: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    """Give the fields that differ, in the order of head and then those that are gone: `live` is base's value, `desired` head's.

    A secret's fields that differ are there with both values hidden. Spinfleet's own annotations are left out.
    """
    if base == head:
        return ()
    changed = [each for each in diff(base, head) if each.pointer not in _OWN and not _means_the_same(each)]
    gone = [
        FieldChange(each.pointer, each.desired, None)
        for each in diff(head, base)
        if each.live is None and each.pointer not in _OWN
    ]
    return tuple(part for each in (*changed, *gone) for part in _parts(each.pointer, each.live, each.desired))


def _parts(pointer: str, live: Any, desired: Any) -> Iterator[FieldChange]:
    """Give what differs within a value that was compared as a whole: lists of equal length by position."""
    if isinstance(live, list) and isinstance(desired, list) and len(live) == len(desired):
        for at, (before, after) in enumerate(zip(live, desired, strict=True)):
            if before != after:
                yield from _parts(f"{pointer}/{at}", before, after)
    elif isinstance(live, dict) and isinstance(desired, dict):
        for key in dict.fromkeys((*desired, *live)):
            if live.get(key) != desired.get(key):
                yield from _parts(pointer + pointer_of([key]), live.get(key), desired.get(key))
    else:
        yield FieldChange(pointer, live, desired)


def _means_the_same(change: FieldChange) -> bool:
    if change.live == change.desired:
        return bool(change.live != HIDDEN)
    parent = change.pointer.rpartition("/")[0].rpartition("/")[2]
    if parent not in _QUANTITIES or change.live is None or change.desired is None:
        return False
    before, after = quantity(change.live), quantity(change.desired)
    return before is not None and before == after
