"""The locked app of an artifact against the spin.toml in Git: what runs may be granted no more than what was reviewed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.artifact.layout import LockedApp, LockedComponent
from reconciler.manifest.model import Application, Component


def differences(app: LockedApp, expected: Application) -> tuple[list[str], list[str]]:
    """Give errors (the artifact has something else, or more) and warnings (it has less: it is older than Git)."""
    errors: list[str] = []
    warnings: list[str] = []
    if app.name != expected.name:
        errors.append(f"the artifact is application {app.name!r}, and spin.toml says {expected.name!r}")
    have, want = {each.id: each for each in app.components}, expected.components
    errors += [f"component {name!r} is not in spin.toml" for name in sorted(have.keys() - want.keys())]
    errors += [f"component {name!r} of spin.toml is not in the artifact" for name in sorted(want.keys() - have.keys())]
    for name in sorted(have.keys() & want.keys()):
        more, less = _grants(have[name], want[name])
        errors += [f"component {name!r} is granted {grant}, which spin.toml does not say" for grant in more]
        warnings += [f"stale-artifact: component {name!r} lacks {grant}, which spin.toml says" for grant in less]
    _triggers(app, expected, errors)
    _variables(app.document.get("variables") or {}, expected, errors)
    return errors, warnings


def _grants(have: LockedComponent, want: Component) -> tuple[list[str], list[str]]:
    """Compare hosts, stores, databases and models as sets of text, templates included."""
    more: list[str] = []
    less: list[str] = []
    for label, field, wanted in (
        ("host", "allowed_outbound_hosts", want.allowed_outbound_hosts),
        ("key-value store", "key_value_stores", want.key_value_stores),
        ("database", "databases", want.sqlite_databases),
        ("model", "ai_models", want.ai_models),
    ):
        granted = have.metadata.get(field) or []
        present = {str(each) for each in granted} if isinstance(granted, list) else set()
        more += [f"{label} {each!r}" for each in sorted(present - set(wanted))]
        less += [f"{label} {each!r}" for each in sorted(set(wanted) - present)]
    return more, less


def _triggers(app: LockedApp, expected: Application, errors: list[str]) -> None:
    """Compare triggers as (type, component, route or channel), without ids."""
    have = sorted(_trigger(str(each.get("trigger_type")), each.get("trigger_config") or {}) for each in app.triggers)
    want = sorted(_trigger(each.type, {**each.config, "component": each.component}) for each in expected.triggers)
    if have != want:
        errors.append(
            f"the artifact's triggers are {', '.join(have) or 'none'}, and spin.toml says {', '.join(want) or 'none'}"
        )


def _trigger(kind: str, config: Mapping[str, Any]) -> str:
    route = config.get("route", config.get("channel", ""))
    where = "(private)" if isinstance(route, Mapping) else str(route)
    return f"{kind} {where} → {config.get('component')}".replace("  ", " ")


def _variables(have: Mapping[str, Any], expected: Application, errors: list[str]) -> None:
    for name in sorted(have.keys() ^ expected.variables.keys()):
        where = "the artifact" if name in have else "spin.toml"
        errors.append(f"variable {name!r} is only in {where}")
    for name in sorted(have.keys() & expected.variables.keys()):
        raw, want = have[name] if isinstance(have[name], Mapping) else {}, expected.variables[name]
        if raw.get("default") != want.default or bool(raw.get("secret", False)) != want.secret:
            errors.append(f"variable {name!r} has another default or secrecy than in spin.toml")
