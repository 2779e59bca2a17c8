"""A spin.toml out of an artifact's locked app: what Spin wrote into it when it was pushed (source: spinframework/spin, crates/locked-app)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.render.toml_text import key, table

_COMMENT = """\
# Written by spinfleet init from the artifact {reference}.
# It says what the artifact is granted, and not how it is built: `source` is a guess, and build commands are unknown. The app's own
# spin.toml is better: put it here where you have it.
"""


def manifest_of(locked: Mapping[str, Any], reference: str) -> str:
    """Give the manifest that a locked app was made of. Raises TypeError for what a manifest can't hold."""
    metadata = locked.get("metadata") or {}
    application = {"name": metadata.get("name") or "app"}
    application |= {name: metadata[name] for name in ("version", "description", "authors") if metadata.get(name)}
    parts = [_COMMENT.format(reference=reference), "spin_manifest_version = 2\n", table("[application]", application)]
    for kind, settings in sorted((metadata.get("triggers") or {}).items()):
        if settings:
            parts.append(table(f"[application.trigger.{key(kind)}]", settings))
    variables = locked.get("variables") or {}
    if variables:
        parts.append(table("[variables]", {name: _variable(each or {}) for name, each in sorted(variables.items())}))
    for trigger in locked.get("triggers") or ():
        config = {name: each for name, each in (trigger.get("trigger_config") or {}).items() if each is not None}
        parts.append(table(f"[[trigger.{key(str(trigger.get('trigger_type')))}]]", config))
    for component in locked.get("components") or ():
        parts += _component(component)
    return "\n".join(parts)


def _variable(variable: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if variable.get("description"):
        found["description"] = variable["description"]
    found |= {"required": True} if variable.get("default") is None else {"default": variable["default"]}
    return found | ({"secret": True} if variable.get("secret") else {})


def _component(component: Mapping[str, Any]) -> Iterator[str]:
    name, metadata = str(component["id"]), component.get("metadata") or {}
    fields: dict[str, Any] = {"source": f"{name}.wasm"}
    if metadata.get("description"):
        fields["description"] = metadata["description"]
    for field, locked in (
        ("allowed_outbound_hosts", "allowed_outbound_hosts"),
        ("key_value_stores", "key_value_stores"),
        ("sqlite_databases", "databases"),
        ("ai_models", "ai_models"),
    ):
        if metadata.get(locked):
            fields[field] = list(metadata[locked])
    if component.get("env"):
        fields["environment"] = dict(component["env"])
    files = sorted(
        {str(each["path"]) for each in component.get("files") or () if isinstance(each, Mapping) and each.get("path")}
    )
    if files:
        fields["files"] = files
    yield table(f"[component.{key(name)}]", fields)
    if component.get("config"):
        yield table(f"[component.{key(name)}.variables]", dict(component["config"]))
