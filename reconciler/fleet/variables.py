"""`${cluster.NAME}` in the text of Apps and of Bundle patches, and nowhere else. `$${` stands for a literal `${`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from reconciler.fleet.model import Cluster
from reconciler.schema_check import pointer_of

_PLACE = re.compile(r"\$\$\{|\$\{cluster\.([^{}$]*)\}")
#: What is written in place of `${cluster.NAME}`, besides what stands for itself: without `cluster.`, with spaces, never closed,
#: or as other tools write it.
_SLIP = re.compile(
    r"\$\$\{|\$\{cluster\.[^{}$]*\}|\$\{(?P<inside>[^{}$]{0,80})(?P<closed>\})?|(?:\$\(|\{\{)\s{0,8}\.?cluster\.(?P<other>[A-Za-z0-9_-]{1,80})\s{0,8}(?:\)|\}\})"
)
_NAME = re.compile(r"\s*(?:cluster\s*\.\s*)?([A-Za-z_][A-Za-z0-9_-]*)\s*")
_MOST_SLIPS = 20


@dataclass(frozen=True, slots=True)
class Missing:
    """A variable that a cluster does not have, and the pointer of the text that asks for it."""

    pointer: str
    name: str


@dataclass(frozen=True, slots=True)
class Slip:
    """A text that stays as it is, and looks as if a cluster's variable was meant: where it stands, and what to write."""

    pointer: str
    text: str
    hint: str


def variables_of(cluster: Cluster) -> dict[str, str]:
    """Give a cluster's variables: those of its document, and `name`, which it always has."""
    return {"name": cluster.name, **(cluster.spec.get("variables") or {})}


def filled(value: Any, variables: Mapping[str, str]) -> Any:
    """Give a value with every reference replaced; those that `missing` tells of become empty text.

    What has no reference is given as it is, the very same value.
    """
    if isinstance(value, str):
        return _PLACE.sub(lambda found: _replacement(found, variables), value) if "${" in value else value
    if isinstance(value, dict):
        other = _other(value.items(), variables)
        return {**value, **other} if other else value
    if isinstance(value, list):
        other = _other(enumerate(value), variables)
        return [other.get(index, below) for index, below in enumerate(value)] if other else value
    return value


def _other(items: Iterable[tuple[Any, Any]], variables: Mapping[str, str]) -> dict[Any, Any]:
    """Give the items that become something else, by key or index."""
    found = {}
    for key, below in items:
        if "${" in below if isinstance(below, str) else isinstance(below, (dict, list)):
            replaced = filled(below, variables)
            if replaced is not below:
                found[key] = replaced
    return found


def mentions(value: Any) -> bool:
    """Tell whether a value has a text in which a reference may stand."""
    if isinstance(value, str):
        return "${" in value
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(mentions(each) for each in below if isinstance(each, (str, dict, list)))


def missing(value: Any, variables: Mapping[str, str]) -> tuple[Missing, ...]:
    """Tell which references of a value name a variable that is not there, in order."""
    return tuple(
        Missing(pointer_of(parts), found[1])
        for parts, text in _texts(value, [])
        for found in _PLACE.finditer(text)
        if found[1] is not None and found[1] not in variables
    )


def slips(value: Any) -> tuple[Slip, ...]:
    """Tell of texts that were meant to name a cluster's variable, by the look of them, in order; at most twenty."""
    found = (
        _slip(pointer_of(parts), each)
        for parts, text in _texts(value, [], ("${", "$(", "{{"))
        for each in _SLIP.finditer(text)
        if each["inside"] is not None or each["other"] is not None
    )
    return tuple(islice(found, _MOST_SLIPS))


def references(value: Any) -> Iterator[tuple[str, str]]:
    """Give each `${cluster.NAME}` of a value that is not meant to have any, with its pointer."""
    for parts, text in _texts(value, []):
        yield from ((pointer_of(parts), found[0]) for found in _PLACE.finditer(text) if found[1] is not None)


def _slip(pointer: str, found: re.Match[str]) -> Slip:
    if found["other"] is not None:
        return Slip(pointer, found[0], f"write ${{cluster.{found['other']}}} for a variable of the cluster")
    name = _NAME.match(found["inside"])
    text = found[0] if found["closed"] or name is None else f"${{{name[0].rstrip()}"
    wanted = name[1] if name is not None else "NAME"
    hint = f"write ${{cluster.{wanted}}} for a variable of the cluster, or ${text} where the text itself is meant"
    return Slip(pointer, text, hint)


def _replacement(found: re.Match[str], variables: Mapping[str, str]) -> str:
    name = found[1]
    return "${" if name is None else variables.get(name, "")


def _texts(value: Any, parts: list[str | int], signs: tuple[str, ...] = ("${",)) -> list[tuple[list[str | int], str]]:
    """Give each text that has one of some signs, with its way, in order."""
    found: list[tuple[list[str | int], str]] = []
    if isinstance(value, str):
        return [(parts, value)] if any(sign in value for sign in signs) else []
    if isinstance(value, (dict, list)):
        _gather(value, parts, signs, found)
    return found


def _gather(
    value: dict[str, Any] | list[Any],
    parts: list[str | int],
    signs: tuple[str, ...],
    found: list[tuple[list[str | int], str]],
) -> None:
    items: Iterable[tuple[str | int, Any]] = value.items() if isinstance(value, dict) else enumerate(value)
    for key, below in items:
        if isinstance(below, str):
            for sign in signs:
                if sign in below:
                    found.append(([*parts, key], below))
                    break
        elif isinstance(below, (dict, list)):
            _gather(below, [*parts, key], signs, found)
