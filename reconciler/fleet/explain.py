"""Why a value is what it is: `spinfleet explain APP --cluster C`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reconciler.errors import InputError
from reconciler.fleet.assign import assign_unit
from reconciler.fleet.model import AppAssignment, BundleAssignment, Fleet, Origin, Withheld
from reconciler.fleet.overrides import leaves
from reconciler.schema_check import closest


@dataclass(frozen=True, kw_only=True, slots=True)
class Explained:
    """A value of an app on a cluster: its JSON Pointer into spec, the value itself, and where it came from."""

    pointer: str
    value: Any
    origin: Origin

    def to_json(self) -> dict[str, Any]:
        """Give the fields of the public JSON format."""
        return {
            "pointer": self.pointer,
            "value": self.value,
            "path": self.origin.path,
            "line": self.origin.line,
            "column": self.origin.column,
            "via": self.origin.via,
        }


def explain(fleet: Fleet, app: str, cluster: str) -> tuple[Explained, ...]:
    """Give every value of an app or bundle as a cluster is to run it, in the order of its spec.

    Raises InputError where the fleet has no such cluster or app, where the app is not placed there, or where it is
    invalid: then with its problems.
    """
    if app not in fleet.apps and app not in fleet.bundles:
        hint = closest(app, sorted({*fleet.apps, *fleet.bundles})) or "see `spinfleet validate` for what the fleet has"
        raise InputError(f"the fleet has no app or bundle {app!r}", hint=hint)
    unit = assign_unit(fleet, cluster, app)
    if unit is None:
        raise InputError(f"{app!r} is not placed on cluster {cluster!r}", hint="see its spec.placement")
    if isinstance(unit, Withheld):
        raise InputError(f"{app!r} is invalid on cluster {cluster!r}", problems=unit.problems)
    return _of_app(unit) if isinstance(unit, AppAssignment) else _of_bundle(fleet, unit)


def _of_app(unit: AppAssignment) -> tuple[Explained, ...]:
    return tuple(
        Explained(pointer=pointer, value=value, origin=unit.origins[pointer]) for pointer, value in leaves(unit.spec)
    )


def _of_bundle(fleet: Fleet, unit: BundleAssignment) -> tuple[Explained, ...]:
    document = fleet.bundles[unit.name].document
    found = []
    for pointer, value in leaves(unit.spec):
        line, column = (document.place(f"/spec{pointer}") if document is not None else None) or (None, None)
        found.append(Explained(pointer=pointer, value=value, origin=Origin(path=unit.path, line=line, column=column)))
    return tuple(found)
