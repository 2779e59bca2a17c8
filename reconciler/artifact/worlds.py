"""What a component asks of the cluster's Spin, and what each trigger asks of its component, against tables of Spin's releases.

The tables (spin_interfaces.json) are read from Spin's and its trigger plugins' sources at each release's last tag by
`maintain/spin_interfaces.py`; each row names the file it comes from. Versions are matched as wasmtime matches them: within a semver track (0.2.x, 2.x), a prerelease only by itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from reconciler.artifact.child import WasmReport
from reconciler.artifact.locked_app import LockedApp, LockedTrigger
from reconciler.manifest.target import SHIM_TRIGGERS
from reconciler.manifest.versions import version

_TABLE = Path(__file__).with_name("spin_interfaces.json")
_RELEASE = re.compile(r"v?(\d{1,6})\.(\d{1,6})(?:\.\d{1,6})?(?:[-+].*)?", re.DOTALL)
#: Only Spin provides these; of other namespaces nothing is provided at all.
_PLATFORM = frozenset({"wasi", "spin", "fermyon"})
#: Faults of one component that are told.
_MOST_FAULTS = 5
_COMPONENTIZED = "a core module, of which the node makes a component"
_COMMAND = "wasi:cli/run@0.2.0"
#: Drafts of WASI 0.3 are answered by an executor of their own in these releases (source: crates/http/src/trigger.rs).
_WASIP3, _WASIP3_RELEASES = "wasip3-unstable", frozenset({"3.5", "3.6"})


@dataclass(frozen=True, kw_only=True, slots=True)
class WorldFindings:
    """What holding components against their world gave; errors name the component."""

    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class SpinRelease:
    """What one release of Spin provides and answers to. `name` is like 3.6, "" for all together.

    `imports` are by interface without version, `exports` by trigger type. `offers` has the functions and resources of an interface, for
    those that are Spin's own: WASI's are wasmtime's, whose sources are not read.
    """

    name: str
    imports: Mapping[str, tuple[str, ...]]
    offers: Mapping[str, frozenset[str]]
    exports: Mapping[str, frozenset[str]]

    def provides(self, name: str) -> bool:
        """Tell whether an import can be linked."""
        return bool(self._rows(name))

    def lacks(self, name: str, asked: Iterable[str]) -> tuple[str, ...]:
        """Give what of an import that is provided is not there, as far as it is known."""
        missing = [
            tuple(sorted({*map(_without_async, asked)} - self.offers[row]))
            for row in self._rows(name)
            if row in self.offers
        ]
        return min(missing, key=len) if len(missing) == len(self._rows(name)) else ()

    def _rows(self, name: str) -> list[str]:
        return [each for each in self.imports.get(name.partition("@")[0], ()) if _matches(name, each)]

    def handlers(self, trigger: str, exports: Sequence[str]) -> list[str]:
        """Give those exports that a trigger of this type would call."""
        rows = self.exports[trigger]
        return [name for name in exports if name in rows or any(_in_track(name, each) for each in rows)]


def check_world(app: LockedApp, wasm: Mapping[str, WasmReport], spin: str | None) -> WorldFindings:
    """Hold each component's imports and its triggers' needs against the cluster's Spin version (`3.6` or `3.6.3`, None: not known)."""
    release, warnings = release_of(spin)
    faults = {
        digest: tuple(islice(_import_faults(report, release), _MOST_FAULTS))
        for digest, report in wasm.items()
        if report.kind == "component"
    }
    errors = [
        f"component {component.id!r} {fault}"
        for component in app.components
        for fault in faults.get(component.digest, ())
    ]
    notes = [
        f"component {component.id!r} is {_COMPONENTIZED}: its world is not checked"
        for component in app.components
        if wasm[component.digest].kind == "module"
    ]
    components = {component.id: wasm[component.digest] for component in app.components}
    judged: dict[tuple[str, str, str | None], str] = {}
    for trigger in app.triggers:
        if trigger.component is not None and components[trigger.component].kind == "component":
            key = trigger.component, trigger.type, _executor(trigger)
            if key not in judged:
                judged[key] = handler_fault(trigger, components[trigger.component].export_names, release)
    errors += [f"component {name!r} {fault}" for (name, _, _), fault in judged.items() if fault]
    unknown = sorted({each.type for each in app.triggers} - SHIM_TRIGGERS)
    warnings += tuple(f"SpinKube can't run triggers of type {each[:50]!r}" for each in unknown)
    return WorldFindings(errors=tuple(dict.fromkeys(errors)), warnings=warnings, notes=tuple(notes))


def releases_that_fit(report: WasmReport, triggers: Sequence[LockedTrigger]) -> tuple[str, ...]:
    """Give the releases that provide all a component imports and call what it exports for its triggers; none for core modules."""
    if report.kind == "module":
        return ()
    return tuple(
        release.name
        for release in map(_release, _table()["releases"])
        if not any(_import_faults(report, release))
        and not any(handler_fault(trigger, report.export_names, release) for trigger in triggers)
    )


def known_releases() -> tuple[str, ...]:
    """Give the releases of Spin that the tables have, as `3.6`, oldest first."""
    return tuple(_table()["releases"])


def check_imports(wasm: Mapping[str, WasmReport], spin: str | None) -> WorldFindings:
    """Hold the imports of a single Wasm layer, which has no triggers, against the cluster's Spin version."""
    release, warnings = release_of(spin)
    errors = [
        f"it {fault}"
        for report in wasm.values()
        if report.kind == "component"
        for fault in _import_faults(report, release)
    ]
    notes = (
        "there is no locked app, and so no trigger",
        *(f"it is {_COMPONENTIZED}" for each in wasm.values() if each.kind == "module"),
    )
    return WorldFindings(errors=tuple(errors), warnings=warnings, notes=notes)


def release_of(spin: str | None) -> tuple[SpinRelease, tuple[str, ...]]:
    """Give the release that a cluster runs, with warnings where it is not known; what any release provides counts then."""
    found = _RELEASE.fullmatch(spin or "")
    if spin is None or found is None:
        return _release(""), (
            "the cluster's Spin version is not known, so imports are held against every version: set spin",
        )
    name = f"{int(found[1])}.{int(found[2])}"
    if name in _table()["releases"]:
        return _release(name), ()
    known = list(_table()["releases"])
    return _release(""), (
        f"Spin {name} is not in the tables ({known[0]} to {known[-1]}): imports are held against all of these",
    )


def handler_fault(trigger: LockedTrigger, exports: Sequence[str], release: SpinRelease) -> str:
    """Say why a component can't answer a trigger, or give an empty string; triggers of other types are not judged here."""
    kind = _executor(trigger)
    wanted = "command" if trigger.type == "http" and kind == "wagi" else trigger.type
    if wanted not in release.exports:
        return ""
    found = release.handlers(wanted, exports)
    if wanted == "command":
        found = _called_of_commands(found, wagi=trigger.type == "http")
    spin = f" of Spin {release.name}" if release.name else ""
    exported = ", ".join(exports[:5]) or "nothing"
    if not found:
        return f"exports no handler that a trigger of type {wanted}{spin} calls (it exports {exported})"
    if len(found) > 1:
        return f"exports several handlers for {wanted} triggers ({', '.join(found)}), and exactly one is needed"
    draft = found[0].startswith("wasi:http/handler@0.3.0-rc-") and release.name in _WASIP3_RELEASES
    if draft and kind != _WASIP3:
        return f"exports {found[0]}, which Spin {release.name} calls only for triggers with executor {{ type = {_WASIP3!r} }}"
    if kind == _WASIP3 and release.name in _WASIP3_RELEASES and not draft:
        return f"exports {found[0]}, which executor {_WASIP3!r} doesn't call"
    return ""


def _called_of_commands(found: Sequence[str], *, wagi: bool) -> list[str]:
    """Give those of a component's commands that are called: WAGI calls WASI 0.2's, the command trigger a later one where there is one.

    Sources: Spin's crates/trigger-http/src/wagi.rs, spin-trigger-command's src/lib.rs.
    """
    second = [each for each in found if _matches(each, _COMMAND)]
    later = [] if wagi else [each for each in found if each not in second]
    return later or second


def _executor(trigger: LockedTrigger) -> str | None:
    executor = trigger.config.get("executor")
    kind = executor.get("type") if isinstance(executor, Mapping) else None
    return kind if isinstance(kind, str) else None


def _import_faults(report: WasmReport, release: SpinRelease) -> Iterator[str]:
    for name, sort in report.imports:
        asked = report.asked.get(name)
        # wasmtime takes an instance of nothing but types without anybody providing it.
        if sort == "type" or asked == ():
            continue
        namespace = name.partition(":")[0]
        if namespace not in _PLATFORM or ":" not in name:
            yield f"imports {name!r}, which nothing provides: Spin has only wasi, spin and fermyon; compose it in as a dependency"
        elif not release.provides(name):
            yield f"imports {name}, {_which_provide(name, (), release)}"
        elif lacking := release.lacks(name, asked or ()):
            yield f"imports {', '.join(lacking[:5])} of {name}, {_which_provide(name, lacking, release)}"


def _which_provide(name: str, asked: Sequence[str], release: SpinRelease) -> str:
    """Say which releases have what this one has not."""
    others = map(_release, _table()["releases"])
    some = ", ".join(each.name for each in others if each.provides(name) and not each.lacks(name, asked))
    if not some:
        return "which no known version of Spin provides"
    return f"which Spin {release.name} does not provide (those that do: {some})"


def _without_async(function: str) -> str:
    """Give a function's name as WIT has it: drafts of the component model marked those that are async."""
    return function.removeprefix("[async]").replace("[async ", "[", 1)


def _matches(name: str, row: str) -> bool:
    """Tell whether an import is linked to the interface of a row: the same, or of its semver track."""
    base, _, ours = name.partition("@")
    other, _, theirs = row.partition("@")
    if name == row:
        return True
    mine, known = version(ours), version(theirs)
    if base != other or mine is None or known is None or mine.pre or known.pre:
        return False
    return mine.track() == known.track()


def _in_track(name: str, row: str) -> bool:
    """Tell whether an export is of a whole track, which a row of two numbers stands for: `wasi:http/incoming-handler@0.2`."""
    return row.count(".") == 1 and "@" in row and _matches(name, f"{row}.0")


@cache
def _table() -> Mapping[str, Any]:
    table: Mapping[str, Any] = json.loads(_TABLE.read_bytes())
    return table


@cache
def _release(name: str) -> SpinRelease:
    table = _table()

    def those(rows: Mapping[str, Any]) -> frozenset[str]:
        return frozenset(each for each, row in rows.items() if not name or name in row["spin"])

    imports: dict[str, tuple[str, ...]] = {}
    for each in sorted(those(table["imports"])):
        base = each.partition("@")[0]
        imports[base] = (*imports.get(base, ()), each)
    return SpinRelease(
        name=name,
        imports=imports,
        offers={each: frozenset(row["offers"]) for each, row in table["imports"].items() if "offers" in row},
        exports={trigger: those(rows) for trigger, rows in table["exports"].items()},
    )
