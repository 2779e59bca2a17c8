"""What a schema can't say of a spin.toml. Each rule's code names the stage at which Spin would refuse (see parse)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.manifest.component_rules import check_component, check_v1_component
from reconciler.manifest.ids import kebab_fault, repaired
from reconciler.manifest.report import Report, escaped, mapping
from reconciler.manifest.trigger_rules import check_fields, check_settings, check_triggers
from reconciler.manifest.variable_rules import check_variables


def check_v2(document: Mapping[str, Any], report: Report) -> None:
    """Hold a version 2 document against every rule."""
    variables, components = mapping(document.get("variables")), mapping(document.get("component"))
    check_variables(variables, report)
    for name, component in components.items():
        pointer = f"/component/{escaped(name)}"
        if fault := kebab_fault(name):
            report.add(pointer, "spin.parse.id", f"component id {name!r}: {fault}", "component ids are kebab-case")
        check_component(mapping(component), pointer, variables, components, report)
    check_triggers(document, report)


def check_v1(document: Mapping[str, Any], report: Report) -> None:
    """Hold a version 1 document against every rule."""
    variables = mapping(document.get("variables"))
    check_variables(variables, report)
    shared = mapping(document.get("trigger"))
    kind = shared.get("type")
    entries = document.get("component")
    last = {repaired(raw["id"]): index for index, raw in _with_ids(entries)}
    for index, raw in enumerate(entries if isinstance(entries, list) else ()):
        component, pointer = mapping(raw), f"/component/{index}"
        name = component.get("id")
        if isinstance(name, str) and (fault := kebab_fault(repaired(name))):
            report.add(f"{pointer}/id", "spin.parse.id", f"invalid component id {name!r}: {fault}")
        found = Report("", lambda _: None)
        check_v1_component(component, pointer, variables, found)
        # Of components with one id Spin keeps the last: what it reads after parsing, it reads of that one only.
        kept = not isinstance(name, str) or last[repaired(name)] == index
        for problem in found.problems:
            if kept or problem.code.startswith("spin.parse."):
                report.add(problem.pointer, problem.code, problem.message, problem.hint, problem.severity)
        if isinstance(kind, str) and isinstance(component.get("trigger"), Mapping):
            check_fields(kind, {"component": name, **component["trigger"]}, f"{pointer}/trigger", report)
    if isinstance(kind, str) and entries:
        settings = {key: value for key, value in shared.items() if key != "type"}
        if settings.get("base") == "/":
            settings.pop("base")
        _check_shared(kind, settings, report)


def _check_shared(kind: str, settings: Mapping[str, Any], report: Report) -> None:
    """Check the settings that version 1 keeps beside the trigger's type."""
    found = Report("", lambda _: None)
    check_settings({kind: settings}, "", found)
    for problem in found.problems:
        pointer = "/trigger" + problem.pointer.removeprefix(f"/{kind}")
        report.add(pointer, problem.code, problem.message, problem.hint, problem.severity)


def _with_ids(entries: Any) -> list[tuple[int, Mapping[str, Any]]]:
    found = enumerate(entries if isinstance(entries, list) else ())
    return [(index, each) for index, each in found if isinstance(each, Mapping) and isinstance(each.get("id"), str)]
