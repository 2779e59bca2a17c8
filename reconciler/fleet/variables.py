"""`${cluster.NAME}` in the text of Apps and of Bundle patches, and nowhere else. `$${` stands for a literal `${`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.fleet.model import Cluster
from reconciler.schema_check import pointer_of

_PLACE = re.compile(r"\$\$\{|\$\{cluster\.([^{}$]*)\}")


@dataclass(frozen=True, slots=True)
class Missing:
    """A variable that a cluster does not have, and the pointer of the text that asks for it."""

    pointer: str
    name: str


def variables_of(cluster: Cluster) -> dict[str, str]:
    """Give a cluster's variables: those of its document, and `name`, which it always has."""
    return {"name": cluster.name, **(cluster.spec.get("variables") or {})}


def filled(value: Any, variables: Mapping[str, str]) -> Any:
    """Give a value with every reference replaced; those that `missing` tells of become empty text."""
    if isinstance(value, str):
        return _PLACE.sub(lambda found: _replacement(found, variables), value) if "${" in value else value
    if isinstance(value, dict):
        return {key: filled(below, variables) for key, below in value.items()}
    if isinstance(value, list):
        return [filled(below, variables) for below in value]
    return value


def missing(value: Any, variables: Mapping[str, str]) -> tuple[Missing, ...]:
    """Tell which references of a value name a variable that is not there, in order."""
    return tuple(
        Missing(pointer_of(parts), found[1])
        for parts, text in _texts(value, [])
        for found in _PLACE.finditer(text)
        if found[1] is not None and found[1] not in variables
    )


def _replacement(found: re.Match[str], variables: Mapping[str, str]) -> str:
    name = found[1]
    return "${" if name is None else variables.get(name, "")


def _texts(value: Any, parts: list[str | int]) -> Iterator[tuple[list[str | int], str]]:
    if isinstance(value, str):
        if "${" in value:
            yield parts, value
    elif isinstance(value, dict):
        for key, below in value.items():
            yield from _texts(below, [*parts, key])
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from _texts(below, [*parts, index])
