"""What an artifact holds, shown and not judged: triggers, components, worlds, capabilities, layers, signatures. Nothing of it is run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.artifact.child import WasmReport
from reconciler.artifact.grants import granted, undeclared
from reconciler.artifact.layout import Layout
from reconciler.artifact.locked_app import LockedApp, LockedComponent
from reconciler.artifact.worlds import releases_that_fit


@dataclass(frozen=True, kw_only=True, slots=True)
class Inspection:
    """An artifact opened. `app` is None for a single Wasm layer; a layer that can't be looked into has words in place of a report.

    `signatures` are places in the registry that hold what may be a signature, with how it is kept there; whether it is one, and whose,
    `verify` tells.
    """

    reference: str
    digest: str
    layout: Layout
    app: LockedApp | None
    wasm: Mapping[str, WasmReport | str]
    signatures: tuple[tuple[str, str], ...]

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON: lists in the artifact's order, names sorted."""
        app = self.app
        return {
            "reference": self.reference,
            "digest": self.digest,
            "application": {"name": app.name, "version": app.version, "profile": app.profile}
            if app is not None
            else None,
            "triggers": [
                {"type": each.type, "component": each.component, "config": dict(each.config)}
                for each in (app.triggers if app is not None else ())
            ],
            "variables": {
                name: {"required": each.default is None, "secret": each.secret}
                for name, each in sorted((app.variables if app is not None else {}).items())
            },
            "components": [self._component(each) for each in (app.components if app is not None else ())],
            "layers": [
                {"mediaType": each.media_type, "digest": each.digest, "size": each.size, **self._inside(each.digest)}
                for each in self.layout.layers
            ],
            "size": sum(each.size for each in self.layout.layers),
            "signatures": [{"place": place, "storage": storage} for place, storage in self.signatures],
        }

    def _component(self, component: LockedComponent) -> dict[str, Any]:
        report, capabilities = self.wasm.get(component.digest), granted(component)
        triggers = [each for each in (self.app.triggers if self.app else ()) if each.component == component.id]
        return {
            "id": component.id,
            "digest": component.digest,
            "capabilities": capabilities.to_json(),
            "importsWithoutGrant": list(undeclared(capabilities, report.import_names))
            if isinstance(report, WasmReport)
            else [],
            "spin": list(releases_that_fit(report, triggers)) if isinstance(report, WasmReport) else [],
            "variables": sorted(component.variables),
            "environment": sorted(component.environment),
        }

    def _inside(self, digest: str) -> dict[str, Any]:
        report = self.wasm.get(digest)
        if report is None:
            return {}
        if isinstance(report, str):
            return {"fault": report}
        return {"kind": report.kind, "imports": list(report.import_names), "exports": list(report.export_names)}
