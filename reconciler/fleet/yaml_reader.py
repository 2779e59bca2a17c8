"""YAML text to JSON values, with the place of each.

One pass over the parser's events builds the values: PyYAML's own constructors overflow the C stack on deep nesting, take
the last of two equal keys in silence, and expand aliases without bound. Anchors, aliases and merge keys are read, since
published manifests use them, but what they stand for counts towards the cap on values each time.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
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
from reconciler.fleet.yaml_places import MAX_DEPTH, MAX_VALUES, events_of, places_of
from reconciler.problems import Problem
from reconciler.schema_check import pointer_of

_MOST_PROBLEMS = 100
_LONGEST_MESSAGE = 500
_LONGEST_KEY = 1024
_TAG = "tag:yaml.org,2002:"
#: PyYAML types its marks as optional; those of the C parser are always there.
_Event = Any
#: What libyaml says of the commonest mistakes, and what to do about each; the first that fits is told.
_SYNTAX_HINTS = (
    ("'\\t'", "indent with spaces: YAML takes no tabs"),
    ("tab character", "indent with spaces: YAML takes no tabs"),
    (
        "mapping values are not allowed",
        "put a text with ': ' in it in quotes; keys of one mapping begin in one column, each on a line of its own",
    ),
    ("did not find expected ',' or '}'", "close the { before this, or separate what stands in it by commas"),
    ("did not find expected ',' or ']'", "close the [ before this, or separate what stands in it by commas"),
    ("did not find expected key", "indent keys of one mapping alike: is this line, or the one before, a little off?"),
    ("did not find expected '-' indicator", "indent items of one list alike, each with its '-'"),
    (
        "could not find expected ':'",
        "a key needs ': ' after it; a text of several lines begins with | or stands in quotes",
    ),
    ("found unexpected end of stream", "close the quotes"),
    ("cannot start any token", "put a text that begins with @, ` or % in quotes"),
)
#: Told by libyaml where it gives up, lines after the key that lacks it.
_NO_COLON = "could not find expected ':'"
_COLLECTIONS = frozenset({None, "!", f"{_TAG}map", f"{_TAG}seq"})


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file: its value, the line where it begins, and the text that its places are looked up in.

    `problems` are those of the document alone, such as a key written twice: its value may still say what it is.
    """

    value: Any
    path: str
    line: int
    index: int
    data: bytes = field(repr=False)
    problems: tuple[Problem, ...] = ()

    def place(self, pointer: str) -> tuple[int, int] | None:
        """Give line and column, from 1, of the key or item at a JSON Pointer; of its nearest parent where it is not written."""
        roots = places_of(self.data)
        if self.index >= len(roots):
            return (self.line, 1)
        place = roots[self.index].at(pointer)
        return (place.line, place.column)

    def problem(self, code: str, message: str, pointer: str = "", hint: str = "") -> Problem:
        """Give an error at a pointer of this document."""
        place = self.place(pointer) or (self.line, 1)
        return _refused(self.path, place, code, _short(message, _LONGEST_MESSAGE), hint, pointer)


@dataclass(frozen=True, slots=True)
class Source:
    """A file as it was read. With a problem the rest of the file is unknown: what it would have said can't be told."""

    documents: tuple[Document, ...]
    problems: tuple[Problem, ...] = ()


class _RefusedError(Exception):
    """Ends the reading of a file."""

    def __init__(self, code: str, message: str, event: _Event | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint
        self.mark = event.start_mark if event is not None else None


def read(data: bytes, path: str, *, most: int = MAX_VALUES) -> Source:
    """Give the documents of a YAML file; empty ones are left out. `most` is how many values it may hold, aliases in full."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = Problem(
            path=path, line=line, code="yaml.encoding", message="not UTF-8", hint="save the file as UTF-8 text"
        )
        return Source((), (found,))
    documents: list[Document] = []
    builder = _Builder(path, data, most)
    try:
        for document in builder.documents(events_of(data)):
            documents.append(document)  # noqa: PERF402 - what was read before an error is kept
    except _RefusedError as error:
        mark = error.mark
        place = (mark.line + 1, mark.column + 1) if mark is not None else (None, None)
        return Source(tuple(documents), (_refused(path, place, error.code, error.message, error.hint),))
    except yaml.YAMLError as error:
        return Source(tuple(documents), (_syntax(path, error),))
    return Source(tuple(documents))


def _syntax(path: str, error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if getattr(error, "problem", "") == _NO_COLON:
        # Of the key, where what is missed belongs.
        mark = getattr(error, "context_mark", None) or mark
    place = (mark.line + 1, mark.column + 1) if mark is not None else (None, None)
    said = [getattr(error, "problem", None), getattr(error, "context", None)]
    message = ", ".join(str(part) for part in said if part) or "the text is not YAML"
    around = getattr(error, "context_mark", None)
    if around and mark and (around.line, around.column) != (mark.line, mark.column):
        message += f" that begins at line {around.line + 1}, column {around.column + 1}"
    hint = next((each for words, each in _SYNTAX_HINTS if words in message), "")
    return _refused(path, place, "yaml.syntax", message, hint)


def _refused(
    path: str, place: tuple[int | None, int | None], code: str, message: str, hint: str, pointer: str = ""
) -> Problem:
    return Problem(path=path, line=place[0], column=place[1], pointer=pointer, code=code, message=message, hint=hint)


class _Frame:
    """A mapping or list that is being read."""

    __slots__ = ("anchor", "before", "key", "merged", "value")

    def __init__(self, value: dict[str, Any] | list[Any], anchor: str | None, before: int) -> None:
        self.value = value
        self.anchor = anchor
        self.before = before
        self.key: Any = _NO_KEY
        self.merged: list[dict[str, Any]] | None = None


_NO_KEY = object()
_MERGE = object()


class _Builder:
    """Builds values from events. `_size` counts what the finished values hold, aliases in full."""

    def __init__(self, path: str, data: bytes, most: int) -> None:
        self._path, self._data, self._most = path, data, most
        self._size = 0
        self._stack: list[_Frame] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._problems: list[Problem] = []
        self._root: Any = None

    def documents(self, events: Iterator[_Event]) -> Iterator[Document]:
        index, line, empty = -1, 1, False
        for event in events:
            kind = type(event)
            if kind is ScalarEvent:
                if not self._stack:
                    line, empty = event.start_mark.line + 1, event.start_mark.index == event.end_mark.index
                self._scalar(event)
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                if not self._stack:
                    line, empty = event.start_mark.line + 1, False
                self._open(event, {} if kind is MappingStartEvent else [])
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                self._close(event)
            elif kind is AliasEvent:
                self._alias(event)
            elif kind is DocumentStartEvent:
                index, self._anchors, self._problems = index + 1, {}, []
                self._count(event, 1)
            elif kind is DocumentEndEvent and not empty:
                yield Document(self._root, self._path, line, index, self._data, tuple(self._problems))

    def _scalar(self, event: _Event) -> None:
        self._count(event, 1)
        tag = event.tag
        text: str = event.value
        value: Any = text
        frame = self._stack[-1] if self._stack else None
        if tag is None and event.implicit[0]:
            if text == "<<" and frame is not None and frame.key is _NO_KEY and isinstance(frame.value, dict):
                frame.key = _MERGE
                return
            try:
                value = resolve(text)
            except NumberError as error:
                self._tell(event, "yaml.number", str(error), "write it in quotes if it is meant as text")
        elif tag is not None and tag not in {"!", f"{_TAG}str"}:
            value = self._tagged(event, tag, text)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, 1)
        self._add(event, value)

    def _tagged(self, event: _Event, tag: str, text: str) -> Any:
        kinds: dict[str, Any] = {"bool": bool, "int": int, "float": (int, float), "null": type(None), "timestamp": str}
        wanted = kinds.get(tag.removeprefix(_TAG)) if tag.startswith(_TAG) else None
        try:
            value = resolve(text)
        except NumberError:
            value = None
        if wanted is not None and isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool)):
            return value
        self._tell(
            event, "yaml.tag", f"tag {tag.replace(_TAG, '!!')} is not read here", "write the value without a tag"
        )
        return text

    def _open(self, event: _Event, value: dict[str, Any] | list[Any]) -> None:
        if len(self._stack) >= MAX_DEPTH:
            raise _RefusedError("yaml.too-deep", f"values are nested deeper than {MAX_DEPTH}", event)
        if event.tag not in _COLLECTIONS:
            tag = event.tag.replace(_TAG, "!!")
            self._tell(event, "yaml.tag", f"tag {tag} is not read here", "write the value without a tag")
        self._count(event, 1)
        # An alias to what is still open would be a value inside itself.
        if event.anchor is not None:
            self._anchors.pop(event.anchor, None)
        self._stack.append(_Frame(value, event.anchor, self._size))

    def _close(self, event: _Event) -> None:
        frame = self._stack.pop()
        value = frame.value
        if frame.merged is not None and isinstance(value, dict):
            for source in frame.merged:
                for key in source:
                    if key not in value:
                        value[key] = source[key]
        if frame.anchor is not None:
            self._anchors[frame.anchor] = (value, self._size - frame.before + 1)
        self._add(event, value)

    def _alias(self, event: _Event) -> None:
        known = self._anchors.get(event.anchor)
        if known is None:
            raise _RefusedError("yaml.alias", f"alias *{event.anchor} names no finished value", event)
        value, size = known
        self._count(event, size)
        self._add(event, value)

    def _add(self, event: _Event, value: Any) -> None:
        if not self._stack:
            self._root = value
            return
        frame = self._stack[-1]
        target = frame.value
        if isinstance(target, list):
            target.append(value)
        elif frame.key is _NO_KEY:
            frame.key = self._key(event, value, target)
        elif frame.key is _MERGE:
            frame.key = _NO_KEY
            self._merge(event, frame, value)
        else:
            target[frame.key] = value
            frame.key = _NO_KEY

    def _key(self, event: _Event, value: Any, target: dict[str, Any]) -> str:
        """Give a key as text: what sigs.k8s.io/yaml makes of `1:` and `true:`."""
        if isinstance(value, bool):
            key = "true" if value else "false"
        elif isinstance(value, (str, int, float)):
            # The same few hundred keys stand in every file of a fleet: each is kept once.
            key = sys.intern(str(value))
        else:
            self._tell(event, "yaml.key", "a key must be text", "write it in quotes")
            key = "" if value is None else "?"
        if len(key) > _LONGEST_KEY:
            self._tell(event, "yaml.key", f"a key of {len(key)} characters; {_LONGEST_KEY} are read", "shorten it")
            key = key[:_LONGEST_KEY]
        if key in target:
            self._tell(event, "yaml.duplicate-key", f"key {_short(key)!r} is written twice", "remove one of them", key)
        else:
            target[key] = None
        return key

    def _merge(self, event: _Event, frame: _Frame, value: Any) -> None:
        sources = value if isinstance(value, list) else [value]
        if not all(isinstance(source, dict) for source in sources):
            self._tell(event, "yaml.merge-key", "<< takes a mapping or a list of mappings", 'write "<<" if it is text')
            return
        self._count(event, sum(len(source) for source in sources))
        frame.merged = [*(frame.merged or []), *sources]

    def _count(self, event: _Event, size: int) -> None:
        self._size += size
        if self._size > self._most:
            raise _RefusedError(
                "yaml.too-large",
                f"the file holds more than {self._most} values",
                event,
                "split it, or expand fewer aliases",
            )

    def _tell(self, event: _Event, code: str, message: str, hint: str, key: str | None = None) -> None:
        if len(self._problems) >= _MOST_PROBLEMS:
            return
        parts = [str(len(frame.value)) if isinstance(frame.value, list) else frame.key for frame in self._stack]
        if key is not None:
            parts[-1] = key
        place = (event.start_mark.line + 1, event.start_mark.column + 1)
        pointer = pointer_of([part for part in parts if isinstance(part, str)])
        self._problems.append(_refused(self._path, place, code, message, hint, pointer))


def _short(text: str, longest: int = 80) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
