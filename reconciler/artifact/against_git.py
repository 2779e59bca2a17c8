"""The locked app of an artifact against the spin.toml in Git: what runs may be granted no more than what was reviewed.

Both are compared after Spin's own normalisation (source: spinframework/spin, crates/loader/src/local.rs, crates/manifest/src/normalize.rs
and compat.rs; `reconciler.manifest` gives the Git side). More in the artifact than in Git, or something else, is an error; less is a
warning: the artifact is older. Never compared: origin, description, authors, build, targets, tool, order, ids of triggers. No value of
a variable, an environment or a trigger's settings is ever told.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from reconciler.artifact.locked_app import LockedApp, LockedComponent, LockedTrigger
from reconciler.artifact.sources import Sources
from reconciler.manifest.hosts import chained_component
from reconciler.manifest.model import Application, Component, Trigger

_CHAINING = "local_service_chaining"
_STALE = "stale-artifact: "


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """What comparing gave. `notes` tell what could not be compared, and why."""

    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def compare(app: LockedApp, expected: Application, sources: Sources | None = None) -> Comparison:
    """Compare an artifact's locked app with an application. `sources` are the files of its commit; without them no file is compared."""
    found = _Findings()
    if app.name != expected.name:
        found.errors.append(f"the artifact is application {app.name!r}, and spin.toml says {expected.name!r}")
    if app.version != expected.version:
        found.warnings.append(f"the artifact has version {app.version!r}, and spin.toml says {expected.version!r}")
    have, want = {each.id: each for each in app.components}, expected.components
    found.more_or_less("component {}", set(have), set(want))
    for name in sorted(have.keys() & want.keys()):
        _component(have[name], want[name], app, found)
    _triggers(app, expected, found)
    _settings(app, expected, found)
    _variables(app, expected, found)
    _requirements(app, expected, found)
    for name in sorted(have.keys() & want.keys()):
        _files(have[name], want[name], sources, found)
        _wasm(have[name], want[name], app, expected, sources, found)
    return Comparison(errors=tuple(found.errors), warnings=tuple(found.warnings), notes=tuple(found.notes))


class _Findings:
    """Collects what is found, in order."""

    def __init__(self) -> None:
        self.errors: list[str] = []
        self.warnings: list[str] = []
        self.notes: list[str] = []

    def more_or_less(self, words: str, have: set[str], want: set[str]) -> None:
        """Tell what the artifact has beyond Git, and what it lacks; `words` has {} for each name."""
        self.errors += [
            f"the artifact has {words.format(repr(each))}, which spin.toml does not say" for each in sorted(have - want)
        ]
        self.warnings += [
            f"{_STALE}the artifact lacks {words.format(repr(each))}, which spin.toml says"
            for each in sorted(want - have)
        ]

    def texts(self, words: str, have: Mapping[str, str], want: Mapping[str, str]) -> None:
        """Compare maps of text; values are not told."""
        self.more_or_less(words, set(have), set(want))
        self.errors += [
            f"{words.format(repr(each))} has another value in the artifact than in spin.toml"
            for each in sorted(have.keys() & want.keys())
            if have[each] != want[each]
        ]


def _component(have: LockedComponent, want: Component, app: LockedApp, found: _Findings) -> None:
    whose = f"component {have.id!r}"
    for label, field, wanted in (
        ("host", "allowed_outbound_hosts", want.allowed_outbound_hosts),
        ("key-value store", "key_value_stores", want.key_value_stores),
        ("database", "databases", want.sqlite_databases),
        ("model", "ai_models", want.ai_models),
    ):
        found.more_or_less(f"{label} {{}} granted to {whose}", set(have.granted(field)), set(wanted))
    found.texts(f"variable {{}} of {whose}", have.variables, want.variables)
    profile = _profile(want, app.profile)
    environment = profile.get("environment")
    found.texts(
        f"environment variable {{}} of {whose}",
        have.environment,
        {**want.environment, **(environment if isinstance(environment, Mapping) else {})},
    )


def _profile(component: Component, name: str) -> Mapping[str, Any]:
    """Give what the profile that the artifact was pushed with changes in a component."""
    found = component.profiles.get(name) if name else None
    return found if isinstance(found, Mapping) else {}


def _triggers(app: LockedApp, expected: Application, found: _Findings) -> None:
    """Compare triggers as a multiset of (type, configuration)."""
    have = Counter((each.type, _canonical(each.config)) for each in app.triggers)
    want = Counter((each.type, _canonical(_locked_config(each))) for each in expected.triggers)
    labels = {(each.type, _canonical(each.config)): _label(each) for each in app.triggers}
    labels |= {
        (each.type, _canonical(_locked_config(each))): _label(
            LockedTrigger(type=each.type, config=_locked_config(each))
        )
        for each in expected.triggers
    }
    lacking = sorted(labels[each] for each in (want - have).elements())
    for each in sorted(labels[each] for each in (have - want).elements()):
        if each in lacking:
            found.errors.append(f"the artifact's trigger {each} has other settings than in spin.toml")
            lacking.remove(each)
        else:
            found.errors.append(f"the artifact has trigger {each}, which spin.toml does not say")
    found.warnings += [f"{_STALE}the artifact lacks trigger {each}, which spin.toml says" for each in lacking]


def _locked_config(trigger: Trigger) -> Mapping[str, Any]:
    """Give a trigger's configuration as the locked app has it. Dependencies of triggers are composed in when pushed."""
    config = {key: value for key, value in trigger.config.items() if key != "dependencies"}
    return config if trigger.component is None else {**config, "component": trigger.component}


def _label(trigger: LockedTrigger) -> str:
    route = trigger.config.get("route", trigger.config.get("channel"))
    where = " (private)" if isinstance(route, Mapping) else f" {route}" if isinstance(route, str) else ""
    return f"{trigger.type}{where[:200]} → {trigger.component or 'a static response'}"


def _canonical(value: Any) -> str:
    """Give JSON that is equal for equal values: numbers keep their kind, as 1 and 1.0 and true differ to the runtime."""
    return json.dumps(value, sort_keys=True, default=_toml)


def _toml(value: Any) -> Any:
    """Give a TOML date or time as Spin's TOML library writes it into JSON."""
    if isinstance(value, datetime | date | time):
        return {"$__toml_private_datetime": value.isoformat().replace("+00:00", "Z")}
    return dict(value)


def _settings(app: LockedApp, expected: Application, found: _Findings) -> None:
    """Compare the triggers' settings for the whole application (a Redis address is one)."""
    have = {kind: _canonical(value) for kind, value in app.settings.items() if value}
    want = {kind: _canonical(value) for kind, value in expected.trigger_settings.items() if value}
    found.texts("the settings of {} triggers", have, want)


def _variables(app: LockedApp, expected: Application, found: _Findings) -> None:
    found.more_or_less("application variable {}", set(app.variables), set(expected.variables))
    for name in sorted(app.variables.keys() & expected.variables.keys()):
        have, want = app.variables[name], expected.variables[name]
        if (have.default is None) != (want.default is None):
            here = "required" if have.default is None else "not required"
            found.errors.append(
                f"application variable {name!r} is {here} in the artifact, and spin.toml says otherwise"
            )
        elif have.default != want.default:
            found.errors.append(f"application variable {name!r} has another default in the artifact than in spin.toml")
        if have.secret != want.secret:
            here = "secret" if have.secret else "not secret"
            found.errors.append(
                f"application variable {name!r} is {here} in the artifact, and spin.toml says otherwise"
            )


def _requirements(app: LockedApp, expected: Application, found: _Findings) -> None:
    """Compare what the host must have: service chaining. Spin before 3.0 says it once for the application, later versions by component."""
    chaining = {
        name for name, each in expected.components.items() if any(map(chained_component, each.allowed_outbound_hosts))
    }
    words = "host requirement {} of "
    found.more_or_less(
        words + "the application", set(app.requirements), {_CHAINING} if chaining and app.requirements else set()
    )
    for each in app.components:
        if each.id in expected.components:
            want = {_CHAINING} if each.id in chaining and not app.requirements else set()
            have = set(each.requirements)
            found.more_or_less(f"{words}component {each.id!r}", have, want | (have if each.id in chaining else set()))


def _files(have: LockedComponent, want: Component, sources: Sources | None, found: _Findings) -> None:
    """Compare files by digest, where every pattern lies in Git."""
    if not want.files and not have.files:
        return
    expected = sources.files(want) if sources is not None else "the files of its commit are not at hand"
    if isinstance(expected, str):
        found.notes.append(f"the files of component {have.id!r} are not comparable: {expected}")
        return
    paths = {file.path: file.digest for file in have.files}
    found.more_or_less(f"file {{}} of component {have.id!r}", set(paths), set(expected))
    for path in sorted(paths.keys() & expected.keys()):
        if not expected[path]:
            found.notes.append(
                f"file {path!r} of component {have.id!r} is not comparable: too large, or kept outside Git (LFS)"
            )
        elif paths[path] != expected[path]:
            found.errors.append(f"file {path!r} of component {have.id!r} has other content than in Git")


def _wasm(
    have: LockedComponent,
    want: Component,
    app: LockedApp,
    expected: Application,
    sources: Sources | None,
    found: _Findings,
) -> None:
    """Compare the Wasm by digest, where pushing does not change it."""
    reason = next(_changed_by_push(want, app, expected), "") or (
        sources.wasm(want) if sources is not None else "the files of its commit are not at hand"
    )
    if not reason.startswith("sha256:"):
        found.notes.append(f"the Wasm of component {have.id!r} is not comparable: {reason}")
    elif reason != have.digest:
        found.errors.append(f"the Wasm of component {have.id!r} is not the one in Git")


def _changed_by_push(want: Component, app: LockedApp, expected: Application) -> Iterator[str]:
    if want.dependencies:
        yield "its dependencies are composed in when it is pushed"
    if any(each.component == want.id and "dependencies" in each.config for each in expected.triggers):
        yield "its trigger's dependencies are composed in when it is pushed"
    profile = _profile(want, app.profile)
    if profile.get("source") is not None or profile.get("dependencies"):
        yield f"profile {app.profile!r}, with which it was pushed, changes its source"
