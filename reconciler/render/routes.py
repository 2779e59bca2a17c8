"""Routes of an app, one value for each rule: from App.routes, or from the spin.toml's own (`paths: fromManifest`).

Spin sees the full path, so no rule rewrites it. Source of the manifest's routes: spinframework/spin, crates/http/src/routes.rs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from reconciler.fleet.model import AppAssignment
from reconciler.problems import Problem
from reconciler.render.places import problem_at, warning_at

_SPINS_OWN = "/.well-known/spin"
#: What says which way a route goes: two entries for one path must agree on it.
_WAYS = ("gateway", "ingressClass")
#: What neither an Ingress nor an HTTPRoute takes in a path (source: networking/validation; gateway.networking.k8s.io, HTTPPathMatch).
_REFUSED = re.compile(r"//|/\.\.?(?=/|$)|%2[fF]")
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


def routes_of(app: AppAssignment) -> tuple[Route, ...]:
    """Give an app's routes in order, each host and path once. What is wrong with them is told by `route_problems`."""
    entries = app.spec.get("routes")
    if not entries:
        return ()
    answered = tuple(manifest_paths(app))
    if not answered:
        return ()
    found: dict[tuple[str, str, str], Route] = {}
    for index, entry in enumerate(entries):
        for path, match in _paths(entry, answered):
            place = (entry["host"], path, match)
            if place not in found:
                found[place] = Route(host=entry["host"], path=path, match=match, index=index, entry=entry)
    return tuple(found.values())


def route_problems(app: AppAssignment) -> Iterator[Problem]:
    """Tell of routes that lead nowhere, contradict one another or themselves, or can't be said."""
    entries = app.spec.get("routes")
    if not entries:
        return
    answered = tuple(manifest_paths(app))
    if not answered:
        message = "routes lead to an http trigger, and no retained component of the app has a public one"
        yield problem_at(app, "/routes", "render.route", message, "remove spec.routes, or retain the component")
        return
    first: dict[tuple[str, str, str], tuple[int, Mapping[str, Any]]] = {}
    for index, entry in enumerate(entries):
        yield from _contradictions(app, entry, index)
        for path, match in _paths(entry, answered):
            before, other = first.setdefault((entry["host"], path, match), (index, entry))
            if before != index and any(other.get(name) != entry.get(name) for name in _WAYS):
                message = f"{entry['host']}{path} is routed twice, in two ways (routes {before + 1} and {index + 1})"
                yield problem_at(app, f"/routes/{index}", "render.route", message, "remove one of them")
            yield from _judged(
                app, Route(host=entry["host"], path=path, match=match, index=index, entry=entry), answered
            )


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


@lru_cache(maxsize=4096)
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
    if (found := _REFUSED.search(path)) is not None:
        return f"path {path[:80]!r} has {found[0]!r}, which Kubernetes refuses"
    if gateway and (len(path) > _LONGEST_PATH or _GATEWAY_PATH.fullmatch(path) is None):
        return f"path {path[:80]!r} has characters that an HTTPRoute refuses, or is longer than {_LONGEST_PATH}"
    return ""


def _paths(entry: Mapping[str, Any], answered: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    if entry.get("paths") == "fromManifest":
        return answered
    return ((entry.get("path", "/"), entry.get("match", "Prefix")),)


def _judged(app: AppAssignment, route: Route, answered: Sequence[tuple[str, str]]) -> Iterator[Problem]:
    pointer = f"/routes/{route.index}"
    if fault := path_fault(route.path, gateway="gateway" in route.entry):
        hint = "write a path that can be said, and let Spin tell the rest apart"
        yield problem_at(app, f"{pointer}/path", "render.route", fault, hint)
    if "paths" in route.entry:
        return
    if not any(_meet(route.path, route.match, *other) for other in answered):
        message = f"no retained component answers under {route.path}"
        hint = f"the manifest has {', '.join(sorted({path for path, _ in answered})[:5])}"
        yield problem_at(app, f"{pointer}/path", "render.route", message, hint)
    around = route.match == "Prefix" and route.path.rstrip("/") and _below(_SPINS_OWN, route.path)
    if _below(route.path, _SPINS_OWN) or around:
        message = f"{_SPINS_OWN} is Spin's own: it tells strangers what runs here"
        yield warning_at(app, f"{pointer}/path", "render.public-well-known", message, "remove this route")


def _meet(path: str, match: str, other: str, other_match: str) -> bool:
    """Tell whether some request fits both."""
    if match == other_match == "Exact":
        return path.rstrip("/") == other.rstrip("/")
    return (match == "Prefix" and _below(other, path)) or (other_match == "Prefix" and _below(path, other))


def _below(path: str, prefix: str) -> bool:
    """Tell whether a path is a prefix or lies under it, segment by segment."""
    return f"{path.rstrip('/')}/".startswith(f"{prefix.rstrip('/')}/")
