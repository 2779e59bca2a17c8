"""Application variables, and the templates that use them (source: spinframework/spin, crates/expressions, crates/loader)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.manifest import templates
from reconciler.manifest.ids import snake_fault
from reconciler.manifest.report import Report, escaped, mapping
from reconciler.schema_check import closest

_SNAKE = "write it in lower-case snake_case"


def check_variables(variables: Mapping[str, Any], report: Report) -> None:
    """Check `variables` of the application: names, and that each is required or has a default, and not both."""
    for name, raw in variables.items():
        pointer, variable = f"/variables/{escaped(name)}", mapping(raw)
        if fault := snake_fault(name):
            report.add(pointer, "spin.parse.id", f"variable {name!r}: {fault}", _SNAKE)
        required, has_default = variable.get("required", False), "default" in variable
        if isinstance(raw, Mapping) and isinstance(required, bool) and required == has_default:
            words = "both required = true and a default" if has_default else "neither required = true nor a default"
            hint = "it must be required or have a default: give it exactly one of them"
            report.add(pointer, "spin.load.variable", f"variable {name!r} has {words}", hint)


def check_values(values: Any, pointer: str, variables: Mapping[str, Any], report: Report) -> None:
    """Check the values that a component sees (`variables`, in version 1 `config`): names and templates."""
    for name, text in mapping(values).items():
        below = f"{pointer}/{escaped(name)}"
        if fault := snake_fault(name):
            report.add(below, "spin.parse.id", f"variable {name!r}: {fault}", _SNAKE)
        if isinstance(text, str):
            check_template(text, below, variables, report, stage="run")


def check_template(text: str, pointer: str, variables: Mapping[str, Any], report: Report, *, stage: str) -> bool:
    """Check a template's braces (told at `stage`) and that its variables are declared (Spin finds out when it starts the app)."""
    if templates.parts(text) is None:
        report.add(pointer, f"spin.{stage}.template", f"unmatched '{{{{' in template {text!r}", "close it with '}}'")
        return False
    for name in templates.names(text):
        if name not in variables:
            message = f"template {text!r}: unknown variable {name!r}"
            hint = closest(name, list(variables)) or f"declare it: [variables.{name}]" if name else "name a variable"
            report.add(pointer, "spin.run.unknown-variable", message, hint)
    return True
