"""Where each value of a YAML file is written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from reconciler.fleet.scalars import NumberError, resolve

MAX_DEPTH = 100
#: Values of one file, aliases in full.
MAX_VALUES = 200_000
_VALUES = frozenset({ScalarEvent, AliasEvent, MappingStartEvent, SequenceStartEvent})


class Place:
    """Line and column, from 1, of a key or item, and the places below it by key or by index as text."""

    __slots__ = ("below", "column", "line")

    def __init__(self, line: int, column: int) -> None:
        """Begin with nothing below."""
        self.line = line
        self.column = column
        self.below: dict[str, Place] = {}

    def at(self, pointer: str) -> Place:
        """Give the place at a JSON Pointer, or of its nearest parent where it is not written."""
        found = self
        for part in pointer.split("/")[1:]:
            below = found.below.get(part.replace("~1", "/").replace("~0", "~"))
            if below is None:
                break
            found = below
        return found


class _Frame:
    """A mapping or list that is being read; `waiting` is the place of a key whose value comes next."""

    __slots__ = ("items", "place", "waiting")

    def __init__(self, place: Place, items: bool) -> None:
        self.place = place
        self.items = items
        self.waiting: Place | None = None


@lru_cache(maxsize=4)
def places_of(data: bytes) -> tuple[Place, ...]:
    """Give the root place of each of a file's documents, empty ones included.

    The file is read again only when a place is asked for, and few are kept: most documents are never wrong. What follows an
    error, or more values than are read, has no places.
    """
    found: list[Place] = []
    stack: list[_Frame] = []
    count = 0
    with suppress(yaml.YAMLError):
        for event in events_of(data):
            kind = type(event)
            if kind is DocumentStartEvent:
                stack.clear()
                found.append(Place(event.start_mark.line + 1, 1))
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                _settle(stack, stack.pop().place)
            elif kind in _VALUES:
                place = _enter(stack, event, found)
                count += 1
                if len(stack) > MAX_DEPTH or count > MAX_VALUES:
                    break
                if kind is MappingStartEvent or kind is SequenceStartEvent:
                    stack.append(_Frame(place, kind is SequenceStartEvent))
                else:
                    _settle(stack, place)
    return tuple(found)


def events_of(data: bytes) -> Iterator[Any]:
    """Give libyaml's events. Raises yaml.YAMLError, at once or later, where the text is not YAML.

    It is what yaml.parse does without the generator and its look ahead at each event.
    """
    return iter(yaml.CSafeLoader(data).get_event, None)


def _enter(stack: list[_Frame], event: Any, found: list[Place]) -> Place:
    """Give the place that a value belongs to: its key's, or its own."""
    here = Place(event.start_mark.line + 1, event.start_mark.column + 1)
    if not stack:
        found[-1] = here
        return here
    frame = stack[-1]
    if frame.items:
        return frame.place.below.setdefault(str(len(frame.place.below)), here)
    if frame.waiting is not None:
        return frame.waiting
    # Of a key that is written twice the first place stands.
    return frame.place.below.setdefault(_key_text(event), here)


def _settle(stack: list[_Frame], place: Place) -> None:
    """After a whole value: a key now waits for its value, or its value was just read."""
    if stack and not stack[-1].items:
        stack[-1].waiting = place if stack[-1].waiting is None else None


def _key_text(event: Any) -> str:
    """Give a key as text, as the reader does."""
    if not isinstance(event, ScalarEvent):
        return "?"
    text: str = event.value
    if not event.implicit[0] or event.tag is not None or text == "<<":
        return text
    try:
        value = resolve(text)
    except NumberError:
        return text
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
