"""Objects become a fleet. What it would render is compared with what was given: an App that does not say the same is taken back,
and its objects go unchanged into a Bundle, with the reason. So the fleet says all that was given, whatever an App can't say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from reconciler.convert.compare import differences
from reconciler.convert.draft import Draft, cluster_spec_of, draft_of, files_of
from reconciler.convert.objects import Taken
from reconciler.convert.rendering import Rendering, rendering_of
from reconciler.convert.report import Entry, Note
from reconciler.convert.told import entries_of
from reconciler.plan.model import ObjectKey
from reconciler.problems import Problem


@dataclass(frozen=True, kw_only=True, slots=True)
class Converted:
    """The fleet as files by path, and what became of each object. `problems` are errors: what no cluster would take either."""

    files: Mapping[str, str]
    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...] = ()


def convert(
    taken: Taken, *, fleet: str, cluster: str, cluster_spec: Mapping[str, Any], manifests: Mapping[str, str]
) -> Converted:
    """Give the fleet of these objects. `manifests` has the spin.toml of artifacts that could be read, by reference as written.

    Raises InputError where even the plain objects make no fleet.
    """
    draft = draft_of(taken, {"name": cluster, "spec": cluster_spec_of(taken, cluster_spec)}, manifests)
    while True:
        files = files_of(draft, fleet)
        rendering = rendering_of(files, cluster)
        wrong = _wrong(draft, rendering)
        if not wrong:
            entries = tuple(entries_of(draft, rendering))
            return Converted(files=files, entries=entries, problems=rendering.errors)
        draft = _taken_back(draft, wrong)


def _wrong(draft: Draft, rendering: Rendering) -> dict[str, tuple[Note, ...]]:
    """Give the Apps that can't stay, each with why: invalid as an App, or rendering something else than was given."""
    wrong: dict[str, tuple[Note, ...]] = {}
    for name, app in draft.apps.items():
        notes = [Note("/spec", f"{each.message} ({each.code})") for each in rendering.by_unit.get(name, ())]
        if not notes:
            notes = [note for key in app.keys for note in _said_otherwise(key, draft, rendering.objects)]
        if notes:
            wrong[name] = tuple(dict.fromkeys(notes))
    return wrong


def _said_otherwise(key: ObjectKey, draft: Draft, rendered: Mapping[ObjectKey, Mapping[str, Any]]) -> list[Note]:
    if key not in rendered:
        return [Note("", f"{key} would not be rendered")]
    pointers = differences(draft.taken.objects[key], rendered[key])
    return [Note(each, f"an App would say this otherwise in {key}") for each in pointers]


def _taken_back(draft: Draft, wrong: Mapping[str, tuple[Note, ...]]) -> Draft:
    """Give the draft without what is wrong: an App's routes first, then the App itself."""
    apps, refused = dict(draft.apps), dict(draft.refused)
    for name, notes in wrong.items():
        app = apps[name]
        if app.ways:
            apps[name] = app.without_ways()
            refused |= dict.fromkeys(app.ways, notes)
        else:
            del apps[name]
            refused[app.key] = notes
    return replace(draft, apps=apps, refused=refused)
