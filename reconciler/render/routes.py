"""Routes of an app, one value for each rule: from App.routes, or from the spin.toml's own (`paths: fromManifest`).

Spin sees the full path, so no rule rewrites it. Source of the manifest's routes: spinframework/spin, crates/http/src/routes.rs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.fleet.model import AppAssignment
from reconciler.problems import Problem
from reconciler.render.places import problem_at, warning_at

_SPINS_OWN = "/.well-known/spin"
#: What says which way a route goes: two entries for one path must agree on it.
_WAYS = ("gateway", "ingressClass")
#: What neither an Ingress nor an HTTPRoute takes in a path (source: networking/validation; gateway.networking.k8s.io, HTTPPathMatch).
_REFUSED = ("//", "/./", "/../", "%2f", "%2F")
_REFUSED_ENDS = ("/..", "/.")
_LONGEST_PATH = 1024
_GATEWAY_PATH = re.compile(r"(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """One host and path that leads to an app. `match` is `Prefix` or `Exact`; `entry` is the App's route that asked for it."""

    host: str
    path: str
    match: str
    index: int
    entry: Mapping[str, Any]


def routes_of(app: AppAssignment, problems: list[Problem]) -> tuple[Route, ...]:
    """Give an app's routes in order, each host and path once; what leads nowhere is a problem."""
    entries = app.spec.get("routes") or ()
    if not entries:
        return ()
    answered = list(manifest_paths(app))
    if not answered:
        message = "routes lead to an http trigger, and no retained component of the app has a public one"
        problems.append(
            problem_at(app, "/routes", "render.route", message, "remove spec.routes, or retain the component")
        )
        return ()
    found: dict[tuple[str, str, str], Route] = {}
    for index, entry in enumerate(entries):
        problems.extend(_contradictions(app, entry, index))
        for path, match in _paths(entry, answered):
            route = Route(host=entry["host"], path=path, match=match, index=index, entry=entry)
            first = found.setdefault((route.host, path, match), route)
            if first is not route and any(first.entry.get(name) != entry.get(name) for name in _WAYS):
                message = f"{route.host}{path} is routed twice, in two ways (routes {first.index + 1} and {index + 1})"
                problems.append(problem_at(app, f"/routes/{index}", "render.route", message, "remove one of them"))
            _judge(app, route, answered, problems)
    return tuple(found.values())


def _contradictions(app: AppAssignment, entry: Mapping[str, Any], index: int) -> Iterator[Problem]:
    """Say what excludes one another in an entry: overrides may have brought it together."""
    if "gateway" in entry and ("ingressClass" in entry or "tls" in entry):
        message = "a route goes through a gateway or an Ingress, not both: TLS is the Gateway's listener's"
        hint = "ingressClass and tls belong to an Ingress: remove them, or remove gateway"
        yield problem_at(app, f"/routes/{index}", "render.route", message, hint)
    if "paths" in entry and ("path" in entry or "match" in entry):
        message = "paths: fromManifest stands in place of path and match"
        yield problem_at(app, f"/routes/{index}/paths", "render.route", message, "keep one of the two")


def manifest_paths(app: AppAssignment) -> Iterator[tuple[str, str]]:
    """Give (path, match) of each public HTTP route of the retained components, in the manifest's order."""
    chosen = app.spec.get("components")
    for trigger in app.application.triggers:
        route = trigger.config.get("route")
        # A private route is {private = true}: only other components reach it.
        if trigger.type == "http" and isinstance(route, str) and (chosen is None or trigger.component in chosen):
            yield ingress_path(route)


def ingress_path(route: str) -> tuple[str, str]:
    """Give a Spin route as an Ingress can say it: `/a` Exact; `/a/...`, `/a/*` and `/a/:id/b` Prefix `/a`."""
    segments: list[str] = []
    for segment in route.strip("/").split("/"):
        if segment in {"...", "*"} or segment.startswith(":"):
            return "/" + "/".join(segments), "Prefix"
        segments.append(segment)
    return "/" + "/".join(segments), "Exact"


def path_fault(path: str, *, gateway: bool) -> str:
    """Say why an Ingress or, with `gateway`, an HTTPRoute can't have a path; empty where it can."""
    found = next((each for each in _REFUSED if each in path), "")
    found = found or next((each for each in _REFUSED_ENDS if path.endswith(each)), "")
    if found:
        return f"path {path[:80]!r} has {found!r}, which Kubernetes refuses"
    if gateway and (len(path) > _LONGEST_PATH or _GATEWAY_PATH.fullmatch(path) is None):
        return f"path {path[:80]!r} has characters that an HTTPRoute refuses, or is longer than {_LONGEST_PATH}"
    return ""


def _paths(entry: Mapping[str, Any], answered: list[tuple[str, str]]) -> list[tuple[str, str]]:
    if entry.get("paths") == "fromManifest":
        return answered
    return [(entry.get("path", "/"), entry.get("match", "Prefix"))]


def _judge(app: AppAssignment, route: Route, answered: list[tuple[str, str]], problems: list[Problem]) -> None:
    pointer = f"/routes/{route.index}"
    if fault := path_fault(route.path, gateway="gateway" in route.entry):
        hint = "write a path that can be said, and let Spin tell the rest apart"
        problems.append(problem_at(app, f"{pointer}/path", "render.route", fault, hint))
    if not any(_meet(route.path, route.match, *other) for other in answered):
        message = f"no retained component answers under {route.path}"
        hint = f"the manifest has {', '.join(sorted({path for path, _ in answered})[:5])}"
        problems.append(problem_at(app, f"{pointer}/path", "render.route", message, hint))
    around = route.match == "Prefix" and route.path.rstrip("/") and _below(_SPINS_OWN, route.path)
    if (_below(route.path, _SPINS_OWN) or around) and not route.entry.get("paths"):
        message = f"{_SPINS_OWN} is Spin's own: it tells strangers what runs here"
        problems.append(warning_at(app, f"{pointer}/path", "render.public-well-known", message, "remove this route"))


def _meet(path: str, match: str, other: str, other_match: str) -> bool:
    """Tell whether some request fits both."""
    if match == other_match == "Exact":
        return path.rstrip("/") == other.rstrip("/")
    return (match == "Prefix" and _below(other, path)) or (other_match == "Prefix" and _below(path, other))


def _below(path: str, prefix: str) -> bool:
    """Tell whether a path is a prefix or lies under it, segment by segment."""
    return f"{path.rstrip('/')}/".startswith(f"{prefix.rstrip('/')}/")
