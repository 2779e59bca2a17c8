"""What only one app of a cluster can have: hosts and paths, and the contents of an object that several need.

The app that comes first by name has it; the others are told, with both places. So the answer depends on the commit alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from reconciler.fleet.model import AppAssignment, BundleAssignment
from reconciler.plan.model import ObjectKey, key_of
from reconciler.problems import Problem
from reconciler.render.model import Rendered
from reconciler.render.places import problem_at
from reconciler.render.routes import routes_of
from reconciler.render.service_account import account_name, makes_account, service_account
from reconciler.schema_check import pointer_of

#: Something of which a cluster has one: a route (kind, host, path, match), an account or a label of a namespace.
Claim = tuple[str, str, str, str]


def claims_of(app: AppAssignment) -> Mapping[Claim, str]:
    """Give what `clashes` grants one app of a cluster alone, with how this app wants it: equal wishes don't clash."""
    found = {("route", route.host, route.path.rstrip("/"), route.match): app.name for route in routes_of(app)}
    if makes_account(app):
        found["account", app.namespace, account_name(app), ""] = json.dumps(service_account(app), sort_keys=True)
    labels = app.spec.get("namespaceLabels") or {}
    return found | {("label", app.namespace, key, ""): str(value) for key, value in labels.items()}


def clashes(units: Iterable[AppAssignment | BundleAssignment]) -> Mapping[str, tuple[Problem, ...]]:
    """Give, by app, the errors of apps that want what an app before them has. Apps without any are left out."""
    routes: dict[tuple[str, str, str], AppAssignment] = {}
    accounts: dict[tuple[str, str], AppAssignment] = {}
    labels: dict[tuple[str, str], AppAssignment] = {}
    found: dict[str, tuple[Problem, ...]] = {}
    for app in sorted(units, key=lambda unit: unit.name):
        if not isinstance(app, AppAssignment):
            continue
        problems = [*_routes(app, routes), *_account(app, accounts), *_namespace(app, labels)]
        if problems:
            found[app.name] = tuple(problems)
    return found


def object_clashes(
    units: Iterable[AppAssignment | BundleAssignment], rendered: Mapping[str, Rendered]
) -> Mapping[str, tuple[Problem, ...]]:
    """Give, by app or bundle, the errors of those that render an object which one before them by name renders too."""
    held: dict[ObjectKey, AppAssignment | BundleAssignment] = {}
    found: dict[str, tuple[Problem, ...]] = {}
    for unit in sorted(units, key=lambda unit: unit.name):
        keys = [key_of(obj) for obj in rendered[unit.name].objects]
        if taken := [key for key in keys if key in held]:
            found[unit.name] = tuple(_taken(unit, key, held[key]) for key in taken)
        else:
            held |= dict.fromkeys(keys, unit)
    return found


def _taken(unit: AppAssignment | BundleAssignment, key: ObjectKey, other: AppAssignment | BundleAssignment) -> Problem:
    return Problem(
        path=unit.path,
        line=unit.line,
        code="render.object-clash",
        message=f"{key} is {other.name!r}'s already ({other.path}:{other.line})",
        hint="rename one of them, or give one another namespace",
    )


def _routes(app: AppAssignment, taken: dict[tuple[str, str, str], AppAssignment]) -> Iterable[Problem]:
    for route in routes_of(app):
        place = (route.host, route.path.rstrip("/"), route.match)
        other = taken.setdefault(place, app)
        if other is not app:
            message = f"{route.host}{route.path} leads to app {other.name!r} already ({other.path}:{other.line})"
            hint = "give one of them another host or path"
            yield problem_at(app, f"/routes/{route.index}/host", "render.route-clash", message, hint)


def _account(app: AppAssignment, made: dict[tuple[str, str], AppAssignment]) -> Iterable[Problem]:
    if not makes_account(app):
        return
    other = made.setdefault((app.namespace, account_name(app)), app)
    if other is not app and service_account(other) != service_account(app):
        message = f"app {other.name!r} ({other.path}:{other.line}) wants ServiceAccount {account_name(app)!r} otherwise"
        hint = "write the same annotations in both, or give each its own serviceAccountName"
        yield problem_at(app, "/serviceAccount", "render.account-clash", message, hint)


def _namespace(app: AppAssignment, wanted: dict[tuple[str, str], AppAssignment]) -> Iterable[Problem]:
    for key, value in (app.spec.get("namespaceLabels") or {}).items():
        other = wanted.setdefault((app.namespace, key), app)
        if other is not app and other.spec["namespaceLabels"][key] != value:
            message = f"app {other.name!r} ({other.path}:{other.line}) wants label {key} of namespace {app.namespace!r} otherwise"
            hint = "write the same value in both, or once in the fleet's defaults"
            yield problem_at(app, f"/namespaceLabels/{pointer_of([key])[1:]}", "render.label-clash", message, hint)
