"""Where each value of a YAML document is written."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from reconciler.fleet.scalars import NumberError, resolve


@lru_cache(maxsize=64)
def places_of(data: bytes, index: int) -> dict[str, tuple[int, int]]:
    """Give the places of one document by pointer. Read again only when a place is asked for: most documents are never wrong."""
    places: dict[str, tuple[int, int]] = {}
    document, stack = -1, list[list[Any]]()
    events: Any = yaml.parse(data, Loader=yaml.CSafeLoader)
    for event in events:
        kind = type(event)
        if kind is DocumentStartEvent:
            document += 1
        elif kind is DocumentEndEvent and document == index:
            break
        if document != index:
            continue
        if kind is MappingEndEvent or kind is SequenceEndEvent:
            stack.pop()
            _settle(stack)
        elif kind in {ScalarEvent, AliasEvent, MappingStartEvent, SequenceStartEvent}:
            pointer = _enter(stack, event, places)
            if kind is MappingStartEvent or kind is SequenceStartEvent:
                stack.append([pointer, -1 if kind is SequenceStartEvent else None, None])
            else:
                _settle(stack)
    return places


def _enter(stack: list[list[Any]], event: Any, places: dict[str, tuple[int, int]]) -> str:
    """Note where a value begins and give its pointer. A frame is [pointer, item index or None in a mapping, waiting key or None]."""
    place = (event.start_mark.line + 1, event.start_mark.column + 1)
    if not stack:
        places[""] = place
        return ""
    top = stack[-1]
    if top[1] is not None:
        top[1] += 1
        pointer = f"{top[0]}/{top[1]}"
        places.setdefault(pointer, place)
        return pointer
    if top[2] is not None:
        return f"{top[0]}{top[2]}"
    text = event.value if isinstance(event, ScalarEvent) else "?"
    if isinstance(event, ScalarEvent) and event.implicit[0] and event.tag is None and text != "<<":
        text = _key_text(text)
    places.setdefault(f"{top[0]}/{_escaped(text)}", place)
    top[2] = ("/" + _escaped(text), False)
    return f"{top[0]}/{_escaped(text)}"


def _settle(stack: list[list[Any]]) -> None:
    """After a whole value: a key now waits for its value, or its value was just read."""
    if stack and stack[-1][1] is None:
        waiting = stack[-1][2]
        stack[-1][2] = waiting[0] if isinstance(waiting, tuple) else None


def _key_text(text: str) -> str:
    try:
        value = resolve(text)
    except NumberError:
        return text
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _escaped(text: str) -> str:
    return text.replace("~", "~0").replace("/", "~1")
