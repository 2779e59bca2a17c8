"""Tables written as lists. Spin's reader takes a list for a table, its elements being the fields in order: `build = ["make"]`.

Source: Serde's derived readers (visit_seq) for the structs of spinframework/spin, crates/manifest/src/schema, in their order of fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Shape = Mapping[str, Any]

_BUILD: Shape = {"command": None, "workdir": None, "watch": None}
_PROFILE: Shape = {"source": None, "environment": None, "dependencies": None, "build": {"command": None}}
_VARIABLE: Shape = {"description": None, "required": None, "default": None, "secret": None}
_GRANTS = ("allowed_http_hosts", "allowed_outbound_hosts", "key_value_stores", "sqlite_databases", "ai_models")
_COMPONENT: Shape = {
    **dict.fromkeys(("source", "description", "variables", "environment", "files", "exclude_files", *_GRANTS, "targets")),
    "build": _BUILD,
    **dict.fromkeys(("tool", "dependencies_inherit_configuration", "dependencies")),
    "profile": {"*": _PROFILE},
}  # fmt: skip
_V1_COMPONENT: Shape = {
    **dict.fromkeys(("id", "source", "trigger", "description", "config", "environment", "files", "exclude_files", *_GRANTS)),
    "build": _BUILD,
}  # fmt: skip
_APPLICATION: Shape = dict.fromkeys(("name", "version", "description", "authors", "targets", "trigger", "tool"))
#: A trigger's own fields are open, so a trigger is never a list; a component inside one may be.
_ONLY_A_TABLE = ""
_TRIGGER: Shape = {_ONLY_A_TABLE: None, "component": _COMPONENT}
_ROOTS: Mapping[int, Shape] = {
    1: {"variables": {"*": _VARIABLE}, "component": [_V1_COMPONENT]},
    2: {
        "application": _APPLICATION,
        "variables": {"*": _VARIABLE},
        "trigger": {"*": [_TRIGGER]},
        "component": {"*": _COMPONENT},
    },
}


def spelt_out(document: dict[str, Any], version: int) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Give a document with every table as a table, and the pointers of those that were lists. The argument is left as it is."""
    lists: list[str] = []
    result = dict(document)
    for key, shape in _ROOTS[version].items():
        if key in result:
            result[key] = _spelt(result[key], shape, f"/{key}", lists)
    return result, tuple(lists)


def _spelt(value: Any, shape: Any, pointer: str, lists: list[str]) -> Any:
    if shape is None:
        return value
    if isinstance(shape, list):
        if not isinstance(value, list):
            return value
        return [_spelt(each, shape[0], f"{pointer}/{index}", lists) for index, each in enumerate(value)]
    if "*" in shape:
        if not isinstance(value, dict):
            return value
        return {name: _spelt(each, shape["*"], f"{pointer}/{_escaped(name)}", lists) for name, each in value.items()}
    if isinstance(value, list) and _ONLY_A_TABLE not in shape:
        lists.append(pointer)
        value = dict(zip(shape, value, strict=False))
    if not isinstance(value, dict):
        return value
    return {name: _spelt(each, shape.get(name), f"{pointer}/{_escaped(name)}", lists) for name, each in value.items()}


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
