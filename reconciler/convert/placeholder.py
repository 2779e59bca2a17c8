"""A spin.toml for an app of which only its SpinApp is known: what that says, marked to be replaced."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reconciler.render.toml_text import value

_KEBAB = re.compile(r"[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*")
_SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z][a-z0-9]*)*")
_COMMENT = """\
# PLACEHOLDER, written by spinfleet init: this is not the app's own spin.toml. It says what the SpinApp told of the app, no more:
# its variables and components; the trigger and its route are a guess. Put the app's spin.toml here. Until then the agent refuses
# the artifact, since it does not fit this file, and leaves what runs as it is.
"""


def placeholder(name: str, fields: Mapping[str, Any]) -> str:
    """Give the text of the manifest for an App with these fields."""
    components = [str(each) for each in fields.get("components") or () if _KEBAB.fullmatch(str(each))]
    components = components or ["main"]
    lines = [
        _COMMENT,
        "spin_manifest_version = 2\n",
        "[application]",
        f"name = {value(name)}\n",
    ]
    variables = [variable for variable in fields.get("variables") or {} if _SNAKE.fullmatch(variable)]
    if variables:
        lines += ["[variables]", *(f"{variable} = {{ required = true }}" for variable in variables), ""]
    for index, component in enumerate(components):
        route = "/..." if index == 0 else f"/{component}/..."
        lines += ["[[trigger.http]]", f'route = "{route}"', f'component = "{component}"', ""]
    for component in components:
        lines += [f"[component.{component}]", f'source = "{component}.wasm"', ""]
    return "\n".join(lines).rstrip("\n") + "\n"
