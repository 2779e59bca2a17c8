"""What rendering gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.problems import Problem

#: Owner of objects that several apps need: namespaces and executors (design: "Membership" and "Release").
SHARED = "_shared"

#: Annotations that every rendered object carries: the app, bundle or `_shared` it belongs to, and the file and line it came from.
APP_ANNOTATION = "spinfleet.dev/app"
SOURCE_ANNOTATION = "spinfleet.dev/source"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rendered:
    """The objects of one app, bundle or `_shared`: plain dicts in apply order, or the problems that prevented them.

    With an error in `problems`, `objects` is empty and the unit is treated as withheld.
    """

    name: str
    objects: tuple[Mapping[str, Any], ...] = ()
    problems: tuple[Problem, ...] = ()
