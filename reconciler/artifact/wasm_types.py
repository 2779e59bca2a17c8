"""What a component asks of each instance that it imports: the functions and resources in that instance's type.

Source: the component model's Binary.md. This is read beside the walk and decides nothing about a binary's validity: at a form that is not
known here nothing more is told (`None`), as wasmtime judges types whenever a node compiles. Runs in the child.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

#: Definitions and names that are looked at; the largest components that toolchains make have a few thousand.
_MOST_DEFINITIONS = 100_000
_MOST_ASKED = 10_000
_DEEPEST = 32
_CORE, _FUNC, _VALUE, _TYPE, _COMPONENT, _INSTANCE = range(6)
_PRIMITIVES = frozenset({*range(0x73, 0x80), 0x64})
_FUNCTIONS, _COMPONENT_TYPE, _INSTANCE_TYPE, _RESOURCE = (0x40, 0x43), 0x41, 0x42, 0x3F

Asked = tuple[str, ...]


class Cursor(Protocol):
    """What is read with: refuses to read past a section's end."""

    def byte(self) -> int:
        """Read one byte."""

    def number(self) -> int:
        """Read an unsigned number of 32 bits."""

    def count(self, what: str) -> int:
        """Read how many items follow."""

    def text(self) -> str:
        """Read a name."""


class NotKnown(Exception):  # noqa: N818 - it is no error
    """A form that is not read here."""


@dataclass
class TypeSpace:
    """The types of a component's outermost level, by index: what an instance of it has, None for all other types.

    Functions are named as in the binary (`get`, `[method]bucket.get`), resources as `[resource]bucket`.
    """

    types: list[Asked | None] = field(default_factory=list)
    _definitions: int = 0
    _asked: int = 0

    def asked(self, index: int) -> Asked | None:
        """Give what an instance of a type has; None where that is not known."""
        return self.types[index] if index < len(self.types) else None

    def define(self, body: Cursor) -> None:
        """Read a section of types."""
        for _ in range(body.count("types")):
            self.types.append(self._defined(body, 0))

    def alias(self, body: Cursor) -> None:
        """Read a section of aliases: those of types take an index each."""
        for _ in range(body.count("aliases")):
            if self._aliased(body) == _TYPE:
                self.types.append(None)

    def _defined(self, body: Cursor, depth: int) -> Asked | None:
        """Read one type."""
        self._definitions += 1
        if depth > _DEEPEST or self._definitions > _MOST_DEFINITIONS:
            raise NotKnown
        form = body.byte()
        if form in _FUNCTIONS:
            _fields(body)
            if body.byte() == 0:
                _value(body)
            else:
                body.byte()
        elif form == _INSTANCE_TYPE:
            return self._declared(body, depth)
        elif form == _COMPONENT_TYPE:
            self._declared(body, depth, component=True)
        elif form == _RESOURCE:
            body.byte()
            if body.byte():
                body.number()
        else:
            _data(body, form)
        return None

    def _declared(self, body: Cursor, depth: int, *, component: bool = False) -> Asked | None:
        """Read the declarations of an instance's type, or a component's; gives the exports that an implementation must have."""
        asked: list[str] = []
        known = True
        for _ in range(body.count("declarations")):
            kind = body.byte()
            if kind == 0x01:
                self._defined(body, depth + 1)
            elif kind == 0x02:
                self._aliased(body)
            elif kind == 0x04 or (kind == 0x03 and component):
                if body.byte() > 1:
                    raise NotKnown
                name, (sort, resource) = body.text(), _extern(body)
                asked += [name] if sort == _FUNC else [f"[resource]{name}"] if resource else []
                known = known and sort in {_FUNC, _TYPE}
            else:
                raise NotKnown
        self._asked += len(asked)
        if self._asked > _MOST_ASKED:
            raise NotKnown
        return tuple(asked) if known else None

    def _aliased(self, body: Cursor) -> int:
        """Read an alias; gives its sort."""
        sort = body.byte()
        if sort == _CORE:
            body.byte()
        target = body.byte()
        body.number()
        if target in {0x00, 0x01}:
            body.text()
        elif target == 0x02:
            body.number()
        else:
            raise NotKnown
        return sort


def _extern(body: Cursor) -> tuple[int, bool]:
    """Read the type of an import or export; gives its sort, and whether it is a resource of its own."""
    sort = body.byte()
    if sort == _TYPE:
        bound = body.byte()
        if bound == 0:
            body.number()
        return sort, bound != 0
    if sort in {_CORE, _VALUE} or sort > _INSTANCE:
        raise NotKnown
    body.number()
    return sort, False


def _data(body: Cursor, form: int) -> None:
    """Read the rest of a type of values."""
    if form in _PRIMITIVES:
        return
    parts = _PARTS.get(form)
    if parts is None:
        raise NotKnown
    for part in parts:
        part(body)


def _cases(body: Cursor) -> None:
    for _ in range(body.count("cases")):
        body.text()
        _maybe(body)
        body.byte()


def _values(body: Cursor) -> None:
    for _ in range(body.count("types")):
        _value(body)


def _labels(body: Cursor) -> None:
    for _ in range(body.count("labels")):
        body.text()


def _fields(body: Cursor) -> None:
    for _ in range(body.count("fields")):
        body.text()
        _value(body)


def _maybe(body: Cursor) -> None:
    if body.byte():
        _value(body)


def _value(body: Cursor) -> None:
    """Read a reference to a type: an index, or a primitive as a negative number, both LEB128."""
    for _ in range(5):
        if not body.byte() & 0x80:
            return
    raise NotKnown


def _index(body: Cursor) -> None:
    body.number()


#: What follows each form of a type of values.
_PARTS: Mapping[int, tuple[Callable[[Cursor], None], ...]] = {
    0x72: (_fields,),  # record
    0x71: (_cases,),  # variant
    0x70: (_value,),  # list
    0x6F: (_values,),  # tuple
    0x6E: (_labels,),  # flags
    0x6D: (_labels,),  # enum
    0x6B: (_value,),  # option
    0x6A: (_maybe, _maybe),  # result
    0x69: (_index,),  # own
    0x68: (_index,),  # borrow
    0x67: (_value, _index),  # list of fixed length
    0x66: (_maybe,),  # stream
    0x65: (_maybe,),  # future
}
