"""Rollout documents: stages that don't overlap, windows and shares that can be read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from reconciler.fleet.cache import canonical
from reconciler.fleet.documents import Document
from reconciler.fleet.model import Cluster, RolloutDefinition
from reconciler.fleet.placement import selects
from reconciler.fleet.selections import Selections
from reconciler.problems import Problem

_SHARE = re.compile(r"(100|[1-9]?[0-9])%")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00")
#: The shape of a name in the IANA database; whether the agent knows the zone is found where it is used.
_ZONE = re.compile(r"[A-Za-z]{2,14}(/[A-Za-z0-9_+-]{1,14}){0,2}")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def define_rollout(document: Document, clusters: Mapping[str, Cluster]) -> RolloutDefinition:
    """Give the rollout with its problems."""
    found = list(document.problems)
    if document.valid:
        found += [*_stages(document, clusters), *_windows(document)]
    return RolloutDefinition(
        name=document.name,
        path=document.path,
        line=document.line,
        spec=document.spec,
        problems=tuple(sorted(found, key=Problem.sort_key)),
        document=document.yaml,
    )


def _stages(document: Document, clusters: Mapping[str, Cluster]) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, stage in enumerate(document.spec["stages"]):
        pointer = f"/spec/stages/{index}"
        yield from document.selector_problems(stage["clusters"], f"{pointer}/clusters")
        if stage["name"] in seen:
            message = f"stage {stage['name']!r} is written twice"
            yield document.problem(f"{pointer}/name", "rollout.duplicate-stage", message, "rename one of them")
        seen.add(stage["name"])
        at_once = stage.get("maxConcurrency")
        if at_once == "0%" or (
            _SHARE.fullmatch(at_once) is None if isinstance(at_once, str) else at_once is not None and at_once < 1
        ):
            message = f"maxConcurrency is {at_once!r}"
            hint = "write a whole number from 1, or a share such as 25%"
            yield document.problem(f"{pointer}/maxConcurrency", "rollout.share", message, hint)
    rules = [
        (f"/spec/stages/{at}/clusters", canonical(each["clusters"])) for at, each in enumerate(document.spec["stages"])
    ]
    yield from Selections(clusters).warnings(document, rules)
    for name, cluster in clusters.items():
        stages = [stage["name"] for stage in document.spec["stages"] if selects(stage["clusters"], cluster)]
        if len(stages) > 1:
            message = f"cluster {name!r} is in {len(stages)} stages: {', '.join(stages)}"
            yield document.problem("/spec/stages", "rollout.two-stages", message, "let each cluster match one stage")


def _windows(document: Document) -> Iterator[Problem]:
    for index, window in enumerate(document.spec.get("windows") or ()):
        pointer = f"/spec/windows/{index}"
        for at, days in enumerate(window["days"]):
            parts = days.split("-")
            if len(parts) > 2 or any(part not in _DAYS for part in parts):
                hint = "write a day such as Mon, or a range such as Mon-Thu"
                yield document.problem(f"{pointer}/days/{at}", "rollout.window", f"{days!r} is no day", hint)
        for name in ("from", "to"):
            if _CLOCK.fullmatch(window[name]) is None:
                message = f"{name} is {window[name]!r}"
                yield document.problem(f"{pointer}/{name}", "rollout.window", message, 'write a time such as "09:00"')
        if window["from"] == window["to"]:
            message = f"a window that begins and ends at {window['to']} is never open"
            yield document.problem(f"{pointer}/to", "rollout.window", message, "leave windows out for any time")
        zone = window.get("timezone")
        if zone is not None and _ZONE.fullmatch(zone) is None:
            message = f"{zone!r} is no time zone"
            yield document.problem(f"{pointer}/timezone", "rollout.window", message, "as in Europe/Berlin")
