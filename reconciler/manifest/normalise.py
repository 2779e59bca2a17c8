"""Checked documents of both versions to one Application (source: spinframework/spin, crates/manifest/src/compat.rs and normalize.rs)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reconciler.manifest.ids import repaired
from reconciler.manifest.model import Application, Component, Trigger, Variable

Place = Callable[[str], tuple[int, int] | None]
#: Version 1 components may reach these without saying so.
_IMPLICIT_V1_HOSTS = ("redis://*:*", "mysql://*:*", "postgres://*:*")


def application_v2(document: Mapping[str, Any], place: Place) -> Application:
    """Give the application of a valid version 2 document; inline components get ids as Spin gives them."""
    head = document["application"]
    components = {
        name: _component(name, raw, _line(place, f"/component/{name}"))
        for name, raw in (document.get("component") or {}).items()
    }
    triggers: list[Trigger] = []
    for kind, entries in (document.get("trigger") or {}).items():
        for index, entry in enumerate(entries):
            line = _line(place, f"/trigger/{kind}/{index}")
            triggers.append(_trigger(kind, index, entry, components, line))
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


def application_v1(document: Mapping[str, Any], place: Place) -> Application:
    """Give the application of a valid version 1 document, in version 2's shape."""
    shared = {key: value for key, value in document["trigger"].items() if key != "type"}
    kind = document["trigger"]["type"]
    components: dict[str, Component] = {}
    triggers: list[Trigger] = []
    for index, raw in enumerate(document.get("component") or ()):
        name, line = repaired(raw["id"]), _line(place, f"/component/{index}")
        hosts = (
            *(raw.get("allowed_outbound_hosts") or ()),
            *_outbound(raw.get("allowed_http_hosts") or ()),
            *_IMPLICIT_V1_HOSTS,
        )
        fields = {
            **raw,
            "variables": raw.get("config") or {},
            "allowed_outbound_hosts": list(hosts),
            "allowed_http_hosts": [],
        }
        components[name] = _component(name, fields, line)
        triggers.append(Trigger(type=kind, component=name, config=dict(raw["trigger"]), line=line))
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


def _trigger(
    kind: str, index: int, entry: Mapping[str, Any], components: dict[str, Component], line: int | None
) -> Trigger:
    component = entry.get("component")
    if isinstance(component, Mapping):
        name = _free_id(f"{entry.get('id') or f'{kind}-trigger-{index}'}-component", components)
        components[name] = _component(name, component, line)
        component = name
    config = {key: value for key, value in entry.items() if key not in {"id", "component"}}
    return Trigger(type=kind, id=entry.get("id"), component=component, config=config, line=line)


def _free_id(wanted: str, components: Mapping[str, Component]) -> str:
    name, number = wanted, 1
    while name in components:
        number += 1
        name = f"{wanted}-{number}"
    return name


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
            *_outbound(raw.get("allowed_http_hosts") or ()),
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


def _outbound(hosts: Any) -> tuple[str, ...]:
    """Give allowed_http_hosts as allowed_outbound_hosts (source: crates/manifest/src/compat.rs, convert_allowed_http_to_allowed_hosts)."""
    converted: list[str] = []
    for host in hosts:
        if host == "insecure:allow-all":
            return ("http://*:*", "https://*:*")
        if "://" in host:
            converted.append(host.removesuffix("/"))
        else:
            converted += [f"http://{host}", f"https://{host}"]
    return tuple(converted)


def _line(place: Place, pointer: str) -> int | None:
    found = place(pointer)
    return found[0] if found else None
