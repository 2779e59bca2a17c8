"""A spin.toml out of an artifact's locked app, for those who have the artifact and not its manifest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reconciler.artifact.locked_app import LockedApp, LockedComponent
from reconciler.render.toml_text import key, table

_COMMENT = """\
# Written by spinfleet init from the artifact {reference}.
# It says what the artifact is granted, and not how it is built: `source` is a guess, and build commands are unknown. The app's own
# spin.toml is better: put it here where you have it.
"""


def as_manifest(app: LockedApp, reference: str) -> str:
    """Give a manifest that the artifact fits (artifact.against_git), files and Wasm aside. Raises TypeError for what TOML can't hold."""
    application = {"name": app.name} | ({"version": app.version} if app.version else {})
    parts = [_COMMENT.format(reference=reference), "spin_manifest_version = 2\n", table("[application]", application)]
    parts += [table(f"[application.trigger.{key(kind)}]", each) for kind, each in sorted(app.settings.items()) if each]
    if app.variables:
        variables = {
            name: ({"required": True} if each.default is None else {"default": each.default})
            | ({"secret": True} if each.secret else {})
            for name, each in sorted(app.variables.items())
        }
        parts.append(table("[variables]", variables))
    parts += [table(f"[[trigger.{key(each.type)}]]", each.config) for each in app.triggers]
    parts += [part for component in app.components for part in _component(component)]
    return "\n".join(parts)


def _component(component: LockedComponent) -> Iterator[str]:
    fields: dict[str, Any] = {"source": f"{component.id}.wasm"}
    for field, granted in (
        ("allowed_outbound_hosts", component.granted("allowed_outbound_hosts")),
        ("key_value_stores", component.granted("key_value_stores")),
        ("sqlite_databases", component.granted("databases")),
        ("ai_models", component.granted("ai_models")),
    ):
        if granted:
            fields[field] = list(granted)
    if component.environment:
        fields["environment"] = dict(component.environment)
    if component.files:
        fields["files"] = sorted({each.path for each in component.files})
    yield table(f"[component.{key(component.id)}]", fields)
    if component.variables:
        yield table(f"[component.{key(component.id)}.variables]", component.variables)
