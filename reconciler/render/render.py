"""From an Assignment to objects. Pure: the same assignment gives the same bytes."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.fleet.model import AppAssignment, Assignment, BundleAssignment, Cluster, Withheld
from reconciler.plan.order import rank
from reconciler.problems import Problem, has_errors
from reconciler.render.app import app_objects
from reconciler.render.bundle import bundle_objects, defaulted
from reconciler.render.encrypted import sealed_of
from reconciler.render.model import SHARED, Rendered
from reconciler.render.shared import render_shared
from reconciler.render.sharing import clashes, object_clashes


def render(assignment: Assignment) -> Mapping[str, Rendered]:
    """Render every unit that is not withheld, and what they share, by name."""
    units = [unit for unit in assignment.units.values() if not isinstance(unit, Withheld)]
    clashing = clashes(units)
    rendered = {unit.name: render_unit(unit, assignment.cluster) for unit in units}
    rendered |= {name: _refused(rendered[name], problems) for name, problems in clashing.items()}
    taken = object_clashes(units, rendered)
    rendered |= {name: _refused(rendered[name], problems) for name, problems in taken.items()}
    sound = [unit for unit in units if not has_errors(rendered[unit.name].problems)]
    return {**rendered, SHARED: render_shared(sound, assignment.cluster)}


def render_unit(unit: AppAssignment | BundleAssignment, cluster: Cluster) -> Rendered:  # noqa: ARG001 - what a cluster lacks is checked at assignment
    """Render one app or bundle, in apply order. What clashes with another unit is told by `clashes`."""
    problems: list[Problem] = []
    objects = bundle_objects(unit, problems) if isinstance(unit, BundleAssignment) else app_objects(unit, problems)
    if has_errors(problems):
        return Rendered(name=unit.name, problems=_sorted(problems))
    return Rendered(
        name=unit.name,
        objects=tuple(sorted(objects, key=rank)),
        problems=_sorted(problems),
        sealed=sealed_of(unit, objects),
        defaulted=defaulted(unit) if isinstance(unit, BundleAssignment) else frozenset(),
    )


def _refused(rendered: Rendered, problems: tuple[Problem, ...]) -> Rendered:
    return Rendered(name=rendered.name, problems=_sorted([*rendered.problems, *problems]))


def _sorted(problems: list[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(dict.fromkeys(problems), key=Problem.sort_key))
