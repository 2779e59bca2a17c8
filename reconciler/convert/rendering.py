"""What the files of a draft would render, for the one cluster that they have."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.errors import InputError
from reconciler.fleet import assign, load
from reconciler.fleet.model import Withheld
from reconciler.plan.model import ObjectKey, key_of
from reconciler.problems import Problem, Severity
from reconciler.render import render
from reconciler.tree import File


@dataclass(frozen=True, kw_only=True, slots=True)
class Rendering:
    """Objects by identity, and the errors that keep others from being there, by App or Bundle."""

    objects: Mapping[ObjectKey, Mapping[str, Any]]
    by_unit: Mapping[str, tuple[Problem, ...]]

    @property
    def errors(self) -> tuple[Problem, ...]:
        """Every error, in order."""
        return tuple(sorted({each for found in self.by_unit.values() for each in found}, key=Problem.sort_key))


class Files:
    """Texts by path, as a tree."""

    commit = None
    problems: tuple[Problem, ...] = ()

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._data = {path: text.encode() for path, text in sorted(texts.items())}
        self.files = {
            path: File(path, hashlib.sha1(data, usedforsecurity=False).hexdigest(), len(data))
            for path, data in self._data.items()
        }

    def read(self, path: str) -> bytes:
        """Give a file's content."""
        return self._data[path]


def rendering_of(files: Mapping[str, str], cluster: str) -> Rendering:
    """Render files. Raises InputError where they are no fleet at all."""
    loaded = load(Files(files))
    if loaded.fleet is None:
        raise InputError("these objects make no fleet", problems=loaded.commit_problems or loaded.problems)
    assignment = assign(loaded.fleet, cluster)
    problems = {name: [*app.problems] for name, app in loaded.fleet.apps.items()}
    problems |= {name: [*bundle.problems] for name, bundle in loaded.fleet.bundles.items()}
    for name, unit in assignment.units.items():
        problems[name] += unit.problems if isinstance(unit, Withheld) else ()
    objects: dict[ObjectKey, Mapping[str, Any]] = {}
    for name, result in render(assignment).items():
        problems.setdefault(name, []).extend(result.problems)
        objects |= {key_of(obj): obj for obj in result.objects}
    errors = {
        name: tuple(dict.fromkeys(each for each in found if each.severity is Severity.ERROR))
        for name, found in problems.items()
    }
    return Rendering(objects=objects, by_unit=errors)
