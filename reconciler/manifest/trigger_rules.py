"""Triggers: which components answer, and the fields of the types that Spin has (source: spinframework/spin, crates/http, trigger-redis)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.manifest.component_rules import check_component
from reconciler.manifest.ids import kebab_fault
from reconciler.manifest.report import Report, escaped, mapping
from reconciler.problems import Severity
from reconciler.schema_check import closest

HTTP_FIELDS = frozenset({"id", "component", "components", "route", "executor", "static_response", "dependencies"})
REDIS_FIELDS = frozenset({"id", "component", "components", "channel", "address", "dependencies"})
_EXECUTORS = {"http": (), "spin": (), "wagi": ("entrypoint", "argv"), "wasip3-unstable": ()}
_RESERVED = "/.well-known/spin"
_SEPARATOR = re.compile(r"[./]")


def check_triggers(document: Mapping[str, Any], report: Report) -> None:
    """Check all triggers of a version 2 document."""
    variables, components = mapping(document.get("variables")), mapping(document.get("component"))
    entries = list(_entries(document))
    for kind, trigger, pointer in entries:
        for reference, below, read in _references(trigger, pointer):
            if isinstance(reference, str):
                _check_reference(reference, below, components, report, read=read)
            else:
                check_component(mapping(reference), below, variables, components, report)
        check_fields(kind, trigger, pointer, report)
    _check_ids(entries, report)
    _check_routes(
        [(trigger.get("route"), f"{pointer}/route") for kind, trigger, pointer in entries if kind == "http"], report
    )
    if not entries and isinstance(document.get("trigger"), Mapping):
        message = "the application has no trigger: nothing would ever run"
        report.add("/trigger", "spin.run.no-trigger", message, "add a [[trigger.http]]", Severity.WARNING)
    settings = mapping(mapping(document.get("application")).get("trigger"))
    kinds = {kind for kind, _, _ in entries}
    check_settings({kind: each for kind, each in settings.items() if kind in kinds}, "/application/trigger", report)


def check_settings(settings: Mapping[str, Any], pointer: str, report: Report) -> None:
    """Check the settings that a whole application has of the trigger types that it uses; of others Spin reads none."""
    http, redis = mapping(settings.get("http")), mapping(settings.get("redis"))
    if http.get("base", "/") != "/":
        message = f"base {http['base']!r} is not supported any more"
        report.add(f"{pointer}/http/base", "spin.run.base", message, "put it in front of each route")
    if "redis" in settings and not isinstance(redis.get("address"), str):
        message = "the settings of redis triggers need an address, which is text"
        hint = 'add address = "redis://…", or remove the table and give each trigger its own'
        report.add(f"{pointer}/redis" + ("/address" if "address" in redis else ""), "spin.run.address", message, hint)
    for kind, known in (("http", {"base"}), ("redis", {"address"})):
        for name in mapping(settings.get(kind)):
            if name not in known:
                message = f"unknown field {name!r} in the settings of {kind} triggers"
                report.add(
                    f"{pointer}/{kind}/{escaped(name)}", "spin.run.unknown-field", message, closest(name, sorted(known))
                )


def check_fields(kind: str, trigger: Mapping[str, Any], pointer: str, report: Report) -> None:
    """Check the fields of an http or redis trigger; other types are their own business."""
    if kind == "http":
        _check_unknown(trigger, HTTP_FIELDS, kind, pointer, report)
        _check_route(trigger.get("route"), pointer, report)
        _check_executor(trigger.get("executor"), f"{pointer}/executor", report)
        _check_static(trigger.get("static_response"), f"{pointer}/static_response", report)
        if ("component" in trigger) == ("static_response" in trigger):
            words = "both" if "component" in trigger else "neither"
            message = f"an http trigger has exactly one of component and static_response; this one has {words}"
            report.add(pointer, "spin.run.component", message)
    elif kind == "redis":
        _check_unknown(trigger, REDIS_FIELDS, kind, pointer, report)
        for field in ("component", "channel"):
            if field not in trigger:
                report.add(pointer, f"spin.run.{field}", f"a redis trigger needs a {field}", f"add {field} = …")
        for field in ("channel", "address"):
            if not isinstance(trigger.get(field, ""), str):
                report.add(f"{pointer}/{field}", f"spin.run.{field}", f"{field} must be text")


def _entries(document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    for kind, entries in mapping(document.get("trigger")).items():
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            yield kind, mapping(entry), f"/trigger/{escaped(kind)}/{index}"


def _references(trigger: Mapping[str, Any], pointer: str) -> Iterator[tuple[Any, str, bool]]:
    """Give each reference with its pointer, and whether Spin reads it as an id.

    A list of one or two texts Spin takes for a component written by position (source and description), and reads no ids.
    """
    if "component" in trigger:
        yield trigger["component"], f"{pointer}/component", True
    for role, value in mapping(trigger.get("components")).items():
        below = f"{pointer}/components/{escaped(role)}"
        if isinstance(value, list):
            read = len(value) > 2 or not all(isinstance(each, str) for each in value)
            yield from ((each, f"{below}/{index}", read) for index, each in enumerate(value))
        else:
            yield value, below, True


def _check_reference(
    reference: str, pointer: str, components: Mapping[str, Any], report: Report, *, read: bool
) -> None:
    if read and (fault := kebab_fault(reference)):
        report.add(pointer, "spin.parse.id", f"component {reference!r}: {fault}")
    elif reference not in components:
        message = f"there is no component {reference!r}"
        report.add(pointer, "spin.run.component", message, closest(reference, list(components)))


def _check_ids(entries: list[tuple[str, Mapping[str, Any], str]], report: Report) -> None:
    seen: set[str] = set()
    for _, trigger, pointer in entries:
        name = trigger.get("id")
        if isinstance(name, str) and name and name in seen:
            report.add(
                f"{pointer}/id",
                "spin.run.duplicate-id",
                f"another trigger has id {name!r}",
                "rename one",
                Severity.WARNING,
            )
        seen.add(str(name))


def _check_unknown(trigger: Mapping[str, Any], known: frozenset[str], kind: str, pointer: str, report: Report) -> None:
    for name in trigger:
        if name not in known:
            message = f"unknown field {name!r} in a trigger of type {kind}"
            hint = closest(name, sorted(known)) or f"one of: {', '.join(sorted(known))}"
            report.add(f"{pointer}/{escaped(name)}", "spin.run.unknown-field", message, hint)


def _check_route(route: Any, pointer: str, report: Report) -> None:
    below = f"{pointer}/route"
    if route is None:
        report.add(
            pointer, "spin.run.route", "an http trigger needs a route", 'add route = "/…" or route = { private = true }'
        )
    elif isinstance(route, Mapping):
        if set(route) != {"private"} or not isinstance(route["private"], bool):
            report.add(below, "spin.run.route", "a route that is no text must be { private = true }")
        elif not route["private"]:
            report.add(below, "spin.run.route", "private = false is no route", 'write a path: route = "/…"')
    elif not isinstance(route, str):
        report.add(below, "spin.run.route", "a route must be text or { private = true }")
    elif fault := _pattern_fault(route):
        report.add(below, "spin.run.route", f"route {route!r}: {fault}")
    elif "*" in _parts(route)[:-1]:
        message = f"route {route!r}: a wildcard must come last, or Spin fails on each request that comes to it"
        report.add(below, "spin.run.route", message, "use :name for one segment", Severity.WARNING)


def _parts(route: str) -> list[str]:
    """Split a route as Spin's router does, at slashes and dots; a last `...` is a wildcard."""
    path = "/" + route.lstrip("/")
    path = path.removesuffix("/")
    if path.endswith("/..."):
        path = f"{path[:-3]}*"
    return _SEPARATOR.split(path.strip("/"))


def _pattern_fault(route: str) -> str:
    """Say why Spin's router can't have a route (source: docs.rs/routefinder, RouteSpec; spin, crates/routes)."""
    for part in _parts(route):
        if part == ":":
            return "a parameter needs a name, as in /:name"
        if part.startswith("*") and part != "*":
            return f"{part!r}: a wildcard is a whole segment, and has no name"
    return ""


def _check_routes(routes: list[tuple[Any, str]], report: Report) -> None:
    seen: set[str] = set()
    for route, pointer in routes:
        if not isinstance(route, str):
            continue
        path = "/" + route.strip("/")
        if path in seen:
            message = f"route {route!r} is given twice: only the last one answers"
            hint = "give one of them another route, or remove it"
            report.add(pointer, "spin.run.duplicate-route", message, hint, Severity.WARNING)
        seen.add(path)
        if path == _RESERVED or path.startswith(f"{_RESERVED}/"):
            message = f"routes under {_RESERVED} are answered by Spin itself"
            report.add(pointer, "spin.run.reserved-route", message, "choose another", Severity.WARNING)


def _check_executor(executor: Any, pointer: str, report: Report) -> None:
    if executor is None:
        return
    kind = mapping(executor).get("type")
    if not isinstance(kind, str) or kind not in _EXECUTORS:
        hint = closest(str(kind), list(_EXECUTORS)) or f'write {{ type = "http" }}; types: {", ".join(_EXECUTORS)}'
        report.add(pointer, "spin.run.executor", f"unknown executor {kind!r}", hint)
        return
    for name, value in executor.items():
        if name != "type" and name not in _EXECUTORS[kind]:
            # Spin passes over the fields of an executor that has none.
            severity = Severity.ERROR if _EXECUTORS[kind] else Severity.WARNING
            message = f"unknown field {name!r} of executor {kind!r}"
            report.add(f"{pointer}/{escaped(name)}", "spin.run.unknown-field", message, "remove it", severity)
        elif not isinstance(value, str):
            report.add(f"{pointer}/{escaped(name)}", "spin.run.executor", f"{name} must be text")
    if executor.get("entrypoint", "_start") != "_start":
        report.add(f"{pointer}/entrypoint", "spin.run.executor", "entrypoint is no longer supported", "leave it out")


def _check_static(response: Any, pointer: str, report: Report) -> None:
    if response is None:
        return
    found = mapping(response)
    status = found.get("status_code", 200)
    headers = found.get("headers", {})
    good = isinstance(response, Mapping) and isinstance(found.get("body", ""), str) and isinstance(headers, Mapping)
    good = good and isinstance(status, int) and not isinstance(status, bool) and 0 <= status < 2**16
    if not good or not all(isinstance(value, str) for value in headers.values()):
        message = "a static response has status_code (a number), headers (texts by name) and body (text)"
        report.add(pointer, "spin.run.static-response", message)
