"""From an Assignment to objects. Pure: the same assignment gives the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.fleet.model import AppAssignment, Assignment, BundleAssignment, Cluster, Withheld
from reconciler.plan.order import rank
from reconciler.render.bundle import bundle_objects
from reconciler.render.ingress import ingresses
from reconciler.render.labels import labels, traced, version_label
from reconciler.render.model import SHARED, Rendered
from reconciler.render.shared import render_shared
from reconciler.render.spinapp import spinapp


def render(assignment: Assignment) -> Mapping[str, Rendered]:
    """Render every unit that is not withheld, and what they share, by name."""
    units = [unit for unit in assignment.units.values() if not isinstance(unit, Withheld)]
    rendered = {unit.name: render_unit(unit, assignment.cluster) for unit in units}
    sound = [unit for unit in units if rendered[unit.name].objects]
    return {**rendered, SHARED: render_shared(sound, assignment.cluster)}


def render_unit(unit: AppAssignment | BundleAssignment, cluster: Cluster) -> Rendered:  # noqa: ARG001 - what a cluster lacks is checked at assignment
    """Render one app or bundle, in apply order."""
    objects = bundle_objects(unit) if isinstance(unit, BundleAssignment) else _app_objects(unit)
    return Rendered(name=unit.name, objects=tuple(sorted(objects, key=rank)), problems=())


def _app_objects(app: AppAssignment) -> list[dict[str, Any]]:
    made = [spinapp(app), *ingresses(app)]
    ours = labels(app.name, version_label(app.application.version))
    for obj in made:
        obj["metadata"]["labels"] = {**ours, **(obj["metadata"].get("labels") or {})}
    return [traced(obj, owner=app.name, path=app.path) for obj in made]
