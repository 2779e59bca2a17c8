"""Checked documents of both versions to one Application (source: spinframework/spin, crates/manifest/src/compat.rs and normalize.rs)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reconciler.manifest.hosts import IMPLICIT_V1, outbound_of_http
from reconciler.manifest.ids import kebab_fault, repaired
from reconciler.manifest.model import Application, Component, Trigger, Variable
from reconciler.manifest.report import escaped

#: Gives the line of a table by its JSON Pointer.
Line = Callable[[str], int]


def application_v2(document: Mapping[str, Any], line: Line) -> Application:
    """Give the application of a valid version 2 document; triggers and inline components get ids as Spin gives them."""
    head = document["application"]
    components = {
        name: _component(name, raw, line(f"/component/{escaped(name)}"))
        for name, raw in (document.get("component") or {}).items()
    }
    entries = [
        (kind, entry, line(f"/trigger/{escaped(kind)}/{index}"))
        for kind, several in document["trigger"].items()
        for index, entry in enumerate(several)
    ]
    ids = _trigger_ids([(kind, entry) for kind, entry, _ in entries])
    triggers = [
        _trigger(kind, name, entry, components, begun) for (kind, entry, begun), name in zip(entries, ids, strict=True)
    ]
    return Application(
        manifest_version=2,
        name=head["name"],
        version=head.get("version", ""),
        description=head.get("description", ""),
        authors=tuple(head.get("authors") or ()),
        targets=tuple(head.get("targets") or ()),
        trigger_settings=head.get("trigger") or {},
        variables=_variables(document),
        triggers=tuple(triggers),
        components=components,
    )


def application_v1(document: Mapping[str, Any], line: Line) -> Application:
    """Give the application of a valid version 1 document, in version 2's shape. Of components with one id the last stays."""
    shared = {key: value for key, value in document["trigger"].items() if key != "type"}
    kind = document["trigger"]["type"]
    components: dict[str, Component] = {}
    triggers: list[Trigger] = []
    for index, raw in enumerate(document.get("component") or ()):
        name, begun = repaired(raw["id"]), line(f"/component/{index}")
        implicit = () if "allowed_outbound_hosts" in raw else IMPLICIT_V1
        fields = {
            **raw,
            "variables": raw.get("config") or {},
            "allowed_outbound_hosts": [*(raw.get("allowed_outbound_hosts") or ()), *implicit],
        }
        components[name] = _component(name, fields, begun)
        trigger = Trigger(type=kind, id=f"trigger-{name}", component=name, config=dict(raw["trigger"]), line=begun)
        triggers.append(trigger)
    return Application(
        manifest_version=1,
        name=document["name"],
        version=document.get("version", ""),
        description=document.get("description", ""),
        authors=tuple(document.get("authors") or ()),
        trigger_settings={kind: shared} if shared else {},
        variables=_variables(document),
        triggers=tuple(triggers),
        components=components,
    )


def _variables(document: Mapping[str, Any]) -> dict[str, Variable]:
    return {
        name: Variable(
            name=name,
            default=raw.get("default"),
            required=raw.get("required", False),
            secret=raw.get("secret", False),
            description=raw.get("description", ""),
        )
        for name, raw in (document.get("variables") or {}).items()
    }


def _trigger_ids(entries: list[tuple[str, Mapping[str, Any]]]) -> list[str]:
    """Give each trigger's id: its own, or `<component>-<type>-trigger`, or else numbered within its type."""
    taken = {str(entry.get("id") or "") for _, entry in entries}
    counters: dict[str, int] = {}
    ids = []
    for kind, entry in entries:
        name, component = entry.get("id") or "", entry.get("component")
        if not name and isinstance(component, str) and f"{component}-{kind}-trigger" not in taken:
            name = f"{component}-{kind}-trigger"
        while not name:
            counters[kind] = counters.get(kind, 0) + 1
            numbered = f"{kind}-trigger{counters[kind]}"
            name = "" if numbered in taken else numbered
        taken.add(name)
        ids.append(name)
    return ids


def _trigger(
    kind: str, name: str, entry: Mapping[str, Any], components: dict[str, Component], line: int | None
) -> Trigger:
    """Give a trigger; components written inside it are added to `components` and named by their ids."""
    roles = {
        role: value if isinstance(value, list) else [value] for role, value in (entry.get("components") or {}).items()
    }
    several = sum(map(len, roles.values())) + ("component" in entry) > 1
    wanted = "" if several or kebab_fault(f"{name}-component") else f"{name}-component"

    def reference(value: Any) -> str:
        if isinstance(value, str):
            return value
        free = wanted if wanted and wanted not in components else _free_id(components)
        components[free] = _component(free, value, line)
        return free

    component = reference(entry["component"]) if "component" in entry else None
    config = {key: value for key, value in entry.items() if key not in {"id", "component", "components"}}
    if roles:
        config["components"] = {role: [reference(each) for each in values] for role, values in roles.items()}
    return Trigger(type=kind, id=name, component=component, config=config, line=line)


def _free_id(components: Mapping[str, Component]) -> str:
    number = 1
    while f"inline-component{number}" in components:
        number += 1
    return f"inline-component{number}"


def _component(name: str, raw: Mapping[str, Any], line: int | None) -> Component:
    return Component(
        id=name,
        source=raw["source"],
        description=raw.get("description", ""),
        variables=raw.get("variables") or {},
        environment=raw.get("environment") or {},
        files=tuple(raw.get("files") or ()),
        exclude_files=tuple(raw.get("exclude_files") or ()),
        allowed_outbound_hosts=(
            *(raw.get("allowed_outbound_hosts") or ()),
            *outbound_of_http(raw.get("allowed_http_hosts") or ()),
        ),
        key_value_stores=tuple(raw.get("key_value_stores") or ()),
        sqlite_databases=tuple(raw.get("sqlite_databases") or ()),
        ai_models=tuple(raw.get("ai_models") or ()),
        dependencies=raw.get("dependencies") or {},
        dependencies_inherit_configuration=raw.get("dependencies_inherit_configuration", False),
        targets=tuple(raw.get("targets") or ()),
        build=raw["build"] if isinstance(raw.get("build"), Mapping) else None,
        profiles=raw.get("profile") or {},
        line=line,
    )
