"""Editing one value of a YAML or JSON document in place: every other byte, comments and layout among them, stays as it is.

The places of values come from PyYAML's nodes; a YAML writer would lay the whole document out anew. What an edit made is read
again and held against what it should have made, so that an edit is right or refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode

from reconciler.errors import InputError
from reconciler.fleet.yaml_reader import Document, read

_BY_HAND = "edit it by hand, then run spinfleet validate"
#: Plain scalars that YAML 1.1 or 1.2 reads as something other than a text.
_NOT_TEXT = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null"})
_PLAIN = re.compile(
    r"[A-Za-z][A-Za-z0-9._-]*|[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]+)?(?:/[a-z0-9._-]+)+(?::[A-Za-z0-9._-]+)?(?:@[a-z0-9]+:[0-9a-f]+)?",
    re.ASCII,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Edit:
    """One change of a document: `path` of keys and indices below the root, and the value to stand there.

    The last key may be a new one of a mapping, the last index the length of a list, which appends to it.
    """

    path: tuple[str | int, ...]
    value: Any


def edited(data: bytes, document: Document, edits: tuple[Edit, ...]) -> bytes:
    """Give the file after the edits of one of its documents, in order. Raises InputError where one can't be made in place."""
    for edit in edits:
        before = read(data, document.path)
        changed = _edited(data, document.index, edit, document.path)
        after = read(changed, document.path)
        wanted = {each.index: each.value for each in before.documents}
        wanted[document.index] = with_value(wanted[document.index], edit.path, edit.value)
        if after.problems or {each.index: each.value for each in after.documents} != wanted:
            raise _refused(document.path, None, "the change can't be made without changing more than it")
        data = changed
    return data


def with_value(value: Any, path: tuple[str | int, ...], new: Any) -> Any:
    """Give a copy of a JSON value with another value at a path, whose last step may be new."""
    if not path:
        return new
    step, rest = path[0], path[1:]
    if isinstance(step, int):
        items = list(value)
        items[step : step + 1] = [with_value(items[step] if step < len(items) else None, rest, new)]
        return items
    return {**value, step: with_value(value.get(step), rest, new)}


def _edited(data: bytes, index: int, edit: Edit, path: str) -> bytes:
    text = data.decode("utf-8")
    roots = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    node: Node = roots[index]
    *parents, last = edit.path
    for step in parents:
        node = _below(node, step, path)
    if not isinstance(node, CollectionNode):
        raise _refused(path, node, "the change would stand in a value that is no mapping and no list")
    old = _child(node, last, path)
    layout = _Layout(text, node)
    if old is not None:
        start, end, new = *_span(old, text, path), layout.scalar(edit.value, like=text[old.start_mark.index])
    elif node.flow_style or not node.value:
        start, end, new = layout.added_in_flow(last, edit.value)
    else:
        start, end, new = layout.added_in_block(last, edit.value)
    return (text[:start] + new + text[end:]).encode("utf-8")


def _below(node: Node, step: str | int, path: str) -> Node:
    found = _child(node, step, path)
    if found is None:
        raise _refused(path, node, f"{step!r} is not written where it is looked for")
    return found


def _child(node: Node, step: str | int, path: str) -> Node | None:
    """Give what stands at a key or index, or None. Raises InputError where that is an alias of what stands elsewhere."""
    before, found = node.start_mark.index, None
    if isinstance(node, MappingNode):
        for key, value in node.value:
            if key.value == step:
                before, found = key.end_mark.index, value
    elif isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
        before = node.value[step - 1].end_mark.index if step else before
        found = node.value[step]
    if found is not None and not before <= found.start_mark.index <= found.end_mark.index <= node.end_mark.index:
        raise _refused(path, found, f"{step!r} is an alias of this value, which others may share")
    return found


def _span(old: Node, text: str, path: str) -> tuple[int, int]:
    """Give where a scalar's text begins and ends. Raises InputError for one that can't be replaced by itself."""
    start, end = old.start_mark.index, old.end_mark.index
    if not isinstance(old, ScalarNode) or text[start : start + 1] in {"&", "!", "|", ">"}:
        raise _refused(path, old, "the value has an anchor or a tag, or is written over several lines")
    return start, end


class _Layout:
    """How a collection is written, and so how something is added to it."""

    def __init__(self, text: str, node: CollectionNode) -> None:
        self._text, self._node = text, node
        self._newline = "\r\n" if "\r\n" in text else "\n"
        first = node.value[0][0] if node.value and isinstance(node, MappingNode) else None
        opened = text[node.start_mark.index : node.start_mark.index + 1]
        self._json = opened in {"{", "["} and (text.lstrip()[:1] in {"{", "["} or _is_quoted(first))

    def scalar(self, value: Any, *, like: str = "") -> str:
        """Write a value where a scalar stands that begins with a character: in the same quotes."""
        if like == "'":
            return "'" + str(value).replace("'", "''") + "'"
        return self._flow(value) if like != '"' else json.dumps(value, ensure_ascii=False)

    def added_in_flow(self, last: str | int, value: Any) -> tuple[int, int, str]:
        """Add behind the last value of a `{…}` or `[…]`."""
        node = self._node
        new = self._flow(value) if isinstance(last, int) else f"{self._flow(last)}: {self._flow(value)}"
        if not node.value:
            return node.start_mark.index + 1, node.start_mark.index + 1, new
        tail = node.value[-1][1] if isinstance(node, MappingNode) else node.value[-1]
        return tail.end_mark.index, tail.end_mark.index, f", {new}"

    def added_in_block(self, last: str | int, value: Any) -> tuple[int, int, str]:
        """Add on lines of its own: an item behind the last one; a scalar before the first key, anything else behind the last one."""
        column = self._node.start_mark.column
        if isinstance(last, str) and not isinstance(value, (dict, list)):
            start = self._node.start_mark.index
            return start, start, f"{self._block(last, value, column)[0]}{self._newline}{' ' * column}"
        lines = self._block(last, value, column)
        at, missing = self._line_after(self._node)
        return at, at, missing + "".join(f"{' ' * column}{line}{self._newline}" for line in lines)

    def _block(self, last: str | int, value: Any, column: int) -> list[str]:
        """Give the lines of an entry, without the indentation of the collection it goes into."""
        if isinstance(last, int):
            below = self._entries(value, column)
            return [f"{'- ' if first else '  '}{line}" for first, line in _with_first(below)]
        if isinstance(value, (dict, list)) and value:
            indent = "" if isinstance(value, list) else "  "
            return [f"{self._flow(last)}:", *(f"{indent}{line}" for line in self._entries(value, column))]
        return [f"{self._flow(last)}: {self._flow(value)}"]

    def _entries(self, value: Any, column: int) -> list[str]:
        if isinstance(value, list):
            return [line for item in value for line in self._block(0, item, column)]
        if isinstance(value, Mapping):
            # Selectors read best on one line, as in the rest of a document's overrides.
            return [
                line
                for key, below in value.items()
                for line in ([f"{key}: {self._flow(below)}"] if key == "clusters" else self._block(key, below, column))
            ]
        return [self._flow(value)]

    def _line_after(self, node: Node) -> tuple[int, str]:
        """Give where the line after the last text of a node begins, and the line break that is still to be written."""
        while isinstance(node, CollectionNode) and not node.flow_style and node.value:
            node = node.value[-1][1] if isinstance(node, MappingNode) else node.value[-1]
        end = node.end_mark.index
        if isinstance(node, ScalarNode) and node.style in {"|", ">"}:
            return end, "" if self._text[:end].endswith("\n") else self._newline
        found = self._text.find("\n", end)
        return (found + 1, "") if found >= 0 else (len(self._text), self._newline)

    def _flow(self, value: Any) -> str:
        """Write a value on one line: as JSON where its surroundings are, else with as few quotes as YAML allows."""
        if self._json:
            return json.dumps(value, ensure_ascii=False)
        if isinstance(value, Mapping):
            return "{" + ", ".join(f"{self._flow(key)}: {self._flow(below)}" for key, below in value.items()) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(self._flow(each) for each in value) + "]"
        if isinstance(value, str) and not _plain(value):
            return json.dumps(value, ensure_ascii=False)
        return value if isinstance(value, str) else json.dumps(value)


def _plain(text: str) -> bool:
    """Tell whether a text can stand without quotes: a name, or a reference, whose colons are never followed by a space."""
    return text.lower() not in _NOT_TEXT and _PLAIN.fullmatch(text) is not None


def _is_quoted(node: Node | None) -> bool:
    return isinstance(node, ScalarNode) and node.style == '"'


def _with_first(lines: list[str]) -> list[tuple[bool, str]]:
    return [(number == 0, line) for number, line in enumerate(lines)]


def _refused(path: str, node: Node | None, why: str) -> InputError:
    place = f"{path}:{node.start_mark.line + 1}:{node.start_mark.column + 1}" if node is not None else path
    return InputError(f"{place}: {why}", hint=_BY_HAND)
