"""A runtime config held against the schema of Spin's file: Spin does not start with a type or an option that it does not know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from reconciler import data
from reconciler.fleet.model import AppAssignment
from reconciler.problems import Problem
from reconciler.render.places import problem_at
from reconciler.schema_check import check, closest

#: Fields of the App's runtimeConfig, and the definition of what stands in them.
_STORES = (("keyValueStores", "key_value_store"), ("sqliteDatabases", "sqlite_database"))
_CODE = "render.runtime-config"


def runtime_config_problems(app: AppAssignment) -> list[Problem]:
    """Give what Spin would refuse of a config, each at the option that is wrong. What only the cluster knows is taken to be right."""
    config = app.spec.get("runtimeConfig")
    if not config or "loadFromSecret" in config:
        return []
    entries: list[tuple[str, str, str, Mapping[str, Any]]] = []
    for index, provider in enumerate(config.get("providers") or ()):
        entries.append((f"/runtimeConfig/providers/{index}", "", "variables_provider", provider))
    for field, definition in _STORES:
        for name, store in sorted((config.get(field) or {}).items()):
            entries.append((f"/runtimeConfig/{field}/{name}", "/options", definition, _flat(store)))
    if config.get("llmCompute"):
        entries.append(("/runtimeConfig/llmCompute", "/options", "llm_compute", _flat(config["llmCompute"])))
    found = [
        problem_at(app, pointer, _CODE, message, hint)
        for at, below, definition, values in entries
        for pointer, message, hint in _faults(at, below, definition, values)
    ]
    settings = config.get("settings") or {}
    wrong = check(settings, "runtime-config", path="", places=lambda _: None, prefix="runtime-config", quoting=False)
    found += [
        problem_at(app, f"/runtimeConfig/settings{each.pointer}", _CODE, each.message, each.hint) for each in wrong
    ]
    return found


@cache
def _types(definition: str) -> Mapping[str, Mapping[str, Any]]:
    """Give the schema of each type that a definition has alternatives for."""
    alternatives = data.schema("runtime-config")["$defs"][definition]["oneOf"]
    return {each["properties"]["type"]["const"]: each for each in alternatives}


def _flat(store: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": store["type"], **(store.get("options") or {})}


def _faults(at: str, below: str, definition: str, values: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    kind, types = str(values["type"]), _types(definition)
    if kind not in types:
        known = sorted(types)
        hint = closest(kind, known) or f"one of: {', '.join(known)}"
        yield f"{at}/type", f"Spin knows no {definition.replace('_', ' ')} of type {kind!r}", hint
        return
    schema = types[kind]
    options = {name: each for name, each in schema["properties"].items() if name != "type"}
    for name, value in values.items():
        if name == "type":
            continue
        if name not in options:
            hint = closest(name, sorted(options)) or f"type {kind} has: {', '.join(sorted(options)) or 'no options'}"
            yield f"{at}{below}/{name}", f"type {kind} has no option {name!r}: Spin would not start", hint
        elif fault := _value_fault(value, options[name]):
            yield f"{at}{below}/{name}", f"option {name!r} of type {kind} {fault[0]}", fault[1]
    for name in schema["required"]:
        if name not in values:
            yield at, f"type {kind} needs option {name!r}: Spin would not start", f"set {name}"


def _value_fault(value: Any, schema: Mapping[str, Any]) -> tuple[str, str] | None:
    """Say what is wrong with a value and what to do; values of the cluster pass."""
    if isinstance(value, Mapping) and schema.get("type") != "object":
        value = value.get("value")
        if value is None:
            return None
    if "enum" in schema:
        known = ", ".join(schema["enum"])
        return None if value in schema["enum"] else (f"is {value!r}", f"one of: {known}")
    match schema.get("type"):
        case "boolean":
            right = isinstance(value, bool) or value in {"true", "false"}
            return None if right else (f"is true or false, not {value!r}", 'write "true" or "false"')
        case "object":
            right = isinstance(value, Mapping) and all(isinstance(each, str) for each in value.values())
            return None if right else ("is texts by name", "write its values in quotes")
    return None if isinstance(value, str) else ("is a text", "write it in quotes")  # which may be a token
