"""What is wrong with an object, at a pointer into it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reconciler.problems import Severity
from reconciler.schema_check import closest, pointer_of

#: The way to a value: (way to what holds it, key or index), or None for the whole.
Way = tuple[Any, "str | int"] | None

#: Of one object; nobody reads more.
_MOST = 100
#: Values held against schemas, for one object, and what costs as much: about a microsecond each. A large Prometheus rule file takes
#: ten thousand.
_MOST_STEPS = 500_000
_LONGEST_SHOWN = 80
_TYPES = {str: "text", bool: "true or false", int: "a number", float: "a number", dict: "a mapping", list: "a list"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that is wrong. `pointer` is a JSON Pointer (RFC 6901) into the object; `code` as in Problem."""

    pointer: str
    code: str
    message: str
    hint: str = ""
    severity: Severity = Severity.ERROR


class FullError(Exception):
    """More is wrong than anyone reads: the rest is not looked for."""


class CostlyError(Exception):
    """Looking further would take too long: a definition asks for more than published ones do by far."""


class Findings:
    """Collects what is wrong with one object."""

    def __init__(self, *, secret: bool = False, most: int = _MOST) -> None:
        """Begin with nothing. Of a `secret` object no value is repeated in what is told; `most` is how much is told."""
        self.found: list[Finding] = []
        self._most = most
        self._secret = secret
        self._steps = 0

    def step(self, cost: int = 1) -> None:
        """Count work, a value held against a schema being one. Raises CostlyError after the most that is done for an object."""
        self._steps += cost
        if self._steps > _MOST_STEPS:
            raise CostlyError

    def agrees(self, check: Callable[[Any, Way, Findings], None], value: Any, way: Way) -> bool:
        """Tell whether a check finds nothing: it ends with the first thing found."""
        apart = Findings(most=0)
        apart._steps = self._steps
        try:
            check(value, way, apart)
        except FullError:
            return False
        finally:
            self._steps = apart._steps
        return True

    def add(self, way: Way, code: str, message: str, hint: str = "") -> None:
        """Tell of something wrong. Raises FullError after the most that is told."""
        if len(self.found) >= self._most:
            raise FullError
        self.found.append(Finding(pointer=pointer(way), code=f"bundle.{code}", message=message, hint=hint))

    def warn(self, way: Way, code: str, message: str, hint: str = "") -> None:
        """Tell of something that refuses nothing."""
        self.add(way, code, message, hint)
        self.found[-1] = replace(self.found[-1], severity=Severity.WARNING)

    def mistyped(self, way: Way, wanted: str, value: Any) -> None:
        """Tell of a value of another type."""
        hint = 'write it in quotes: "…"' if wanted == "text" and isinstance(value, (bool, int, float)) else ""
        given = _TYPES.get(type(value), "nothing") if self._secret else shown(value)
        self.add(way, "type", f"{place(way)} must be {wanted}, not {given}", hint)

    def unknown(self, way: Way, name: str, known: Iterable[str]) -> None:
        """Tell of a field that is not in the schema."""
        names = sorted(known)
        hint = closest(name, _likely(name, names)) or (f"one of: {', '.join(names[:20])}" if names else "remove it")
        self.add((way, name), "unknown-field", f"{place((way, name))}: unknown field", hint)

    def missing(self, way: Way, name: str) -> None:
        """Tell of a field that must be there."""
        self.add(way, "required", f"{place((way, name))} is missing", "add it")

    def not_among(self, way: Way, value: str, names: Sequence[str]) -> None:
        """Tell of a value that is none of those there are."""
        hint = closest(value, names) or f"one of: {', '.join(names[:20])}"
        self.add(way, "value", f"{place(way)} can't be {shown(value)}", hint)


def _likely(name: str, names: Sequence[str]) -> list[str]:
    """Put the names that look most alike first: hints are looked for among the first hundred."""
    return sorted(names, key=lambda each: (each[:1].lower() != name[:1].lower(), each))


def parts_of(way: Way) -> list[str | int]:
    """Give keys and indexes from the outside in."""
    parts: list[str | int] = []
    while way is not None:
        way, part = way
        parts.append(part)
    return parts[::-1]


def pointer(way: Way) -> str:
    """Give the JSON Pointer of a way."""
    return pointer_of(parts_of(way))


def place(way: Way) -> str:
    """Give a way as people write it: spec.containers[0].image."""
    text = ""
    for part in parts_of(way):
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text and "/" not in part and "." not in part else f"[{part}]" if text else part
    return text or "the object"


def shown(value: Any) -> str:
    """Give a value as a message shows it, bounded."""
    if value is None or isinstance(value, (dict, list)):
        return "nothing" if value is None else _TYPES[type(value)]
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"
