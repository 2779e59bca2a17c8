"""An application held against where it is to run: SpinKube's shim, its Spin version, and the components selected there.

Sources: containerd-shim-spin (trigger types); spinframework/spin, crates/app (selection), crates/factor-outbound-networking (chaining),
crates/http/src/config.rs at each tag (fields of http triggers).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from reconciler.manifest.hosts import chained_component
from reconciler.manifest.model import Application, Component, Trigger
from reconciler.problems import Problem
from reconciler.schema_check import closest

#: What the shim starts; any other type ends it when the pod starts.
SHIM_TRIGGERS = frozenset({"http", "redis", "sqs", "mqtt", "command"})
_VERSION = re.compile(r"v?(\d{1,6})\.(\d{1,6})(?:\.\d{1,6})?(?:[-+].*)?", re.DOTALL)
_Release = tuple[int, int]
#: Fields of http triggers, by the first release that reads them; earlier ones refuse them as unknown.
_HTTP_SINCE: Mapping[str, _Release] = {"static_response": (3, 5), "components": (4, 1), "dependencies": (4, 1)}
#: The executor of draft WASI 0.3 handlers was in these releases only: from, and up to but without.
_WASIP3: tuple[_Release, _Release] = ((3, 5), (4, 0))


def check_target(
    application: Application,
    *,
    spin: str | None,
    components: Collection[str] | None = None,
    path: str = "spin.toml",
) -> tuple[Problem, ...]:
    """Give what would keep an application from running under SpinKube, each at its line in the manifest `path`.

    `spin` is the cluster's Spin version (`3.6` or `3.6.2`), None where it isn't known: then only what no version runs is told.
    `components` are the ids selected to run, None for all. Codes begin with `target.`. Nothing is raised.
    """
    selected = set(application.components if components is None else components)
    running = [each for each in application.triggers if _is_selected(each, selected, every=components is None)]
    found = [
        *_selection(application, selected, running, path, every=components is None),
        *_trigger_types(running, path),
        *_chaining(application, selected, running, path, every=components is None),
    ]
    version = _VERSION.fullmatch(spin or "")
    if version is not None:
        found += _features(running, (int(version[1]), int(version[2])), path)
    return tuple(sorted(found, key=Problem.sort_key))


def depends_on_spin(application: Application) -> bool:
    """Tell whether an application fits some Spin versions and not others, for all that is known here."""
    return any(
        field in trigger.config
        for trigger in application.triggers
        if trigger.type == "http"
        for field in (*_HTTP_SINCE, "executor")
    )


def _is_selected(trigger: Trigger, selected: Collection[str], *, every: bool) -> bool:
    return every or trigger.component in selected


def _selection(
    application: Application, selected: Collection[str], running: list[Trigger], path: str, *, every: bool
) -> Iterator[Problem]:
    if every:
        return
    for name in sorted(set(selected) - set(application.components)):
        hint = closest(name, list(application.components)) or "name components of this manifest"
        yield Problem(
            path=path, code="target.component", message=f"there is no component {name!r} to select", hint=hint
        )
    started = {trigger.component for trigger in running}
    for name in sorted(set(selected) & set(application.components) - started):
        message = f"component {name!r} is selected, and no trigger starts it: Spin leaves it out"
        yield _at(
            application.components[name], path, "target.component", message, "select components that have a trigger"
        )


def _trigger_types(running: list[Trigger], path: str) -> Iterator[Problem]:
    for trigger in running:
        if trigger.type not in SHIM_TRIGGERS:
            message = f"SpinKube can't run triggers of type {trigger.type!r}"
            hint = "SpinKube runs " + ", ".join(sorted(SHIM_TRIGGERS))
            if trigger.type == "cron":
                hint = "make it a command trigger and give the app spec.job.schedule"
            yield _at(trigger, path, "target.trigger", message, hint)


def _chaining(
    application: Application, selected: Collection[str], running: list[Trigger], path: str, *, every: bool
) -> Iterator[Problem]:
    """Spin refuses to start a selection in which a component may call one that isn't in it; any (`*`) is refused always."""
    if every:
        return
    for name in sorted({trigger.component for trigger in running if trigger.component}):
        component = application.components.get(name)
        for host in component.allowed_outbound_hosts if component else ():
            target = "" if "{{" in host else chained_component(host)
            if not target or target in selected or component is None:
                continue
            if target == "*":
                message = (
                    f"component {name!r} may call every other ({host}): Spin refuses that where components are selected"
                )
                yield _at(component, path, "target.chaining", message, "name the components that it calls")
            else:
                message = f"component {name!r} may call {target!r} ({host}), which is not selected"
                yield _at(component, path, "target.chaining", message, f"select {target!r} too, or remove the host")


def _features(running: list[Trigger], release: _Release, path: str) -> Iterator[Problem]:
    for trigger in running:
        if trigger.type != "http":
            continue
        for field, since in _HTTP_SINCE.items():
            if field in trigger.config and release < since:
                message = f"{field} of http triggers needs Spin {_text(since)}, and the cluster runs {_text(release)}"
                yield _at(trigger, path, "target.spin", message, "remove it, or place the app on newer clusters")
        executor = trigger.config.get("executor")
        kind = executor.get("type") if isinstance(executor, Mapping) else None
        if kind == "wasip3-unstable" and not _WASIP3[0] <= release < _WASIP3[1]:
            message = f"executor 'wasip3-unstable' is in Spin 3.5 and 3.6 only, and the cluster runs {_text(release)}"
            yield _at(trigger, path, "target.spin", message, "build the component for this Spin's own handlers")


def _at(where: Trigger | Component, path: str, code: str, message: str, hint: str) -> Problem:
    return Problem(path=path, line=where.line, column=1 if where.line else None, code=code, message=message, hint=hint)


def _text(release: _Release) -> str:
    return ".".join(map(str, release))
