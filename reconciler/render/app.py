"""All objects of one app: which kinds it asks for, each from its own file."""

from __future__ import annotations

from typing import Any

from reconciler.fleet.model import AppAssignment
from reconciler.problems import Problem
from reconciler.render.disruption import pod_disruption_budget
from reconciler.render.hpa import horizontal_pod_autoscaler
from reconciler.render.httproute import http_routes
from reconciler.render.ingress import ingresses
from reconciler.render.job import job
from reconciler.render.keda import scaled_object
from reconciler.render.keda_http import http_scaled_object
from reconciler.render.labels import labels, traced, version_label
from reconciler.render.monitoring import pod_monitor
from reconciler.render.network_policy import network_policy
from reconciler.render.places import problem_at
from reconciler.render.routes import Route, routes_of
from reconciler.render.runtime_config import needs_secret, runtime_config_secret
from reconciler.render.spinapp import spinapp

#: What acts on a Deployment or its pods, which some executors don't make.
_OF_PODS = ("autoscaling", "disruption", "network", "monitoring")


def app_objects(app: AppAssignment, problems: list[Problem]) -> list[dict[str, Any]]:
    """Give an app's objects; what can't be rendered is added to the problems."""
    made: list[dict[str, Any]] = []
    config = app.spec.get("runtimeConfig") or {}
    if needs_secret(config) or ("job" in app.spec and config and "loadFromSecret" not in config):
        made.append(runtime_config_secret(app, problems))
    secret = made[0]["metadata"]["name"] if made else ""
    if "job" in app.spec:
        made.append(job(app, secret, problems))
    else:
        made.append(spinapp(app, secret))
        routes = routes_of(app, problems)
        made += [*_scaler(app, routes, problems), *ingresses(app, routes), *http_routes(app, routes, problems)]
    made += _around(app, problems)
    if not app.creates_deployment:
        problems.extend(_without_pods(app))
    ours = labels(app.name, version_label(app.application.version))
    for obj in made:
        obj["metadata"]["labels"] = {**ours, **(obj["metadata"].get("labels") or {})}
    return [traced(obj, owner=app.name, path=app.path) for obj in made]


def _scaler(app: AppAssignment, routes: tuple[Route, ...], problems: list[Problem]) -> list[dict[str, Any]]:
    match (app.spec.get("autoscaling") or {}).get("type"):
        case "HPA":
            return [horizontal_pod_autoscaler(app, problems)]
        case "KEDA":
            return [scaled_object(app, problems)]
        case "HTTP":
            return http_scaled_object(app, routes, problems)
    return []


def _around(app: AppAssignment, problems: list[Problem]) -> list[dict[str, Any]]:
    made = []
    if app.spec.get("disruption"):
        made.append(pod_disruption_budget(app))
    if app.spec.get("network"):
        made.append(network_policy(app, problems))
    if app.spec.get("monitoring"):
        made.append(pod_monitor(app))
    return made


def _without_pods(app: AppAssignment) -> list[Problem]:
    """Refuse what would wait for a Deployment or pods that never come to be."""
    found = []
    for field in _OF_PODS:
        if app.spec.get(field):
            message = f"executor {app.spec['executor']!r} creates no Deployment, so {field} would act on nothing"
            found.append(problem_at(app, f"/{field}", "render.no-deployment", message, f"remove spec.{field}"))
    return found
