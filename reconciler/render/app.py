"""All objects of one app: which kinds it asks for, each from its own file."""

from __future__ import annotations

from typing import Any

from reconciler.fleet.model import AppAssignment
from reconciler.problems import Problem
from reconciler.render.disruption import pod_disruption_budget
from reconciler.render.hpa import horizontal_pod_autoscaler
from reconciler.render.httproute import http_routes
from reconciler.render.ingress import ingresses
from reconciler.render.inputs import unrolled
from reconciler.render.job import job
from reconciler.render.keda import scaled_object, trigger_authentications
from reconciler.render.keda_http import http_scaled_object
from reconciler.render.labels import WORKLOADS, as_label, granted, labels, of_version
from reconciler.render.model import APP_ANNOTATION, SOURCE_ANNOTATION
from reconciler.render.monitoring import pod_monitor
from reconciler.render.network_policy import network_policy
from reconciler.render.places import problem_at
from reconciler.render.routes import Route, route_problems, routes_of
from reconciler.render.runtime_config import needs_secret, runtime_config_secret
from reconciler.render.runtime_config_rules import runtime_config_problems
from reconciler.render.spinapp import spinapp
from reconciler.render.values_secret import with_values_secrets

#: What acts on a Deployment or its pods, which some executors don't make.
_OF_PODS = ("autoscaling", "disruption", "network", "monitoring")


def app_objects(app: AppAssignment, problems: list[Problem]) -> list[dict[str, Any]]:
    """Give an app's objects; what can't be rendered is added to the problems."""
    app, made = with_values_secrets(app)
    spec = app.spec
    config, secret = spec.get("runtimeConfig") or {}, ""
    if config:
        problems.extend(runtime_config_problems(app))
    if needs_secret(config) or ("job" in spec and config and "loadFromSecret" not in config):
        made.append(runtime_config_secret(app, problems))
        secret = made[-1]["metadata"]["name"]
    if "job" in spec:
        made.append(job(app, secret, problems))
    else:
        made.append(spinapp(app, secret))
        routes = routes_of(app)
        problems.extend(route_problems(app))
        made += [*_scaler(app, routes, problems), *ingresses(app, routes), *http_routes(app, routes, problems)]
    made += _around(app, problems)
    if not app.creates_deployment:
        problems.extend((*_without_pods(app), *unrolled(app)))
    return [_traced(app, obj) for obj in made]


def _traced(app: AppAssignment, obj: dict[str, Any]) -> dict[str, Any]:
    """Give an object with the labels and annotations of its app; its own labels stay."""
    metadata = obj["metadata"]
    ours = labels(app.name, as_label(app.application.version), app.fleet)
    metadata["labels"] = {**ours, **metadata["labels"]} if "labels" in metadata else ours
    annotations = metadata.setdefault("annotations", {})
    annotations[APP_ANNOTATION] = app.name
    annotations[SOURCE_ANNOTATION] = app.path
    if obj["kind"] in WORKLOADS:
        annotations |= of_version(app.version, app.spec["artifact"])
        annotations |= granted(app.application, app.spec.get("components"))
    return obj


def _scaler(app: AppAssignment, routes: tuple[Route, ...], problems: list[Problem]) -> list[dict[str, Any]]:
    match (app.spec.get("autoscaling") or {}).get("type"):
        case "HPA":
            return [horizontal_pod_autoscaler(app)]
        case "KEDA":
            return [*trigger_authentications(app), scaled_object(app)]
        case "HTTP":
            return http_scaled_object(app, routes, problems)
    return []


def _around(app: AppAssignment, problems: list[Problem]) -> list[dict[str, Any]]:
    made, serves = [], "job" not in app.spec
    if app.spec.get("disruption") and serves:
        made.append(pod_disruption_budget(app))
    if app.spec.get("network"):
        made.append(network_policy(app, problems))
    if app.spec.get("monitoring") and serves:
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
