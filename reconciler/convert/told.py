"""What became of each object, told: where it went, what is lost, and what a person should do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.convert.draft import App, Draft, bundle_paths, executors_not_given
from reconciler.convert.rendering import Rendering
from reconciler.convert.report import Entry, Note
from reconciler.fleet.artifact_reference import read as read_reference
from reconciler.problems import Problem, Severity

#: Names of variables whose values had better not stand in Git.
_TELLING = ("password", "passwd", "secret", "token", "api_key", "apikey", "private_key", "credential")


def entries_of(draft: Draft, rendering: Rendering) -> Iterable[Entry]:
    """Give what became of each object, those that were not taken last."""
    owner = {key: app for app in draft.apps.values() for key in app.keys}
    absent, paths = executors_not_given(draft.taken), bundle_paths(draft)
    for key, obj in draft.taken.objects.items():
        if (app := owner.get(key)) is None:
            notes = [*draft.refused.get(key, ()), *_faults(rendering.errors, paths[key])]
            yield Entry(object=str(key), became="bundle", file=paths[key], notes=tuple(notes))
            continue
        told = tuple(_app_notes(app, obj, absent)) if key == app.key else ()
        yield Entry(object=str(key), became="app", file=f"apps/{app.name}/app.yaml", notes=told)
    for left in draft.taken.left:
        yield Entry(object=left.key, became="left", notes=(Note("", left.reason),))


def _faults(problems: Iterable[Problem], path: str) -> list[Note]:
    """Give what no cluster would take either of an object of the Bundle."""
    found = [each for each in problems if each.path == path and each.severity is Severity.ERROR]
    return [Note("", f"{each.message} ({each.code})") for each in found]


def _app_notes(app: App, obj: Mapping[str, Any], absent: list[str]) -> Iterable[Note]:
    """Give what a person should do or know of an App that says the same as its SpinApp."""
    if not app.known:
        yield Note("", f"apps/{app.name}/spin.toml is a placeholder: put the app's own there")
    if app.fields.get("executor") in absent:
        yield Note(
            "/spec/executor",
            "it was not given, and is declared in the Cluster as being there: say there whether it makes Deployments",
        )
    reference = read_reference(str(app.fields["artifact"]))
    if not getattr(reference, "digest", ""):
        yield Note("/spec/image", "named by a tag, which may change: name it by its digest (registry/name@sha256:…)")
    if (app.fields.get("checks") or {}).get("readiness") is False:
        yield Note(
            "/spec/checks",
            "it has no readiness check and stays so: take readiness: false away for one on /.well-known/spin/health",
        )
    config = (obj.get("spec") or {}).get("runtimeConfig") or {}
    for name in config if "loadFromSecret" in config else ():
        if name != "loadFromSecret" and config[name]:
            yield Note(f"/spec/runtimeConfig/{name}", "SpinKube ignores it beside loadFromSecret", lost=True)
    for name, value in (app.fields.get("variables") or {}).items():
        if value.get("value") and any(telling in name.lower() for telling in _TELLING):
            yield Note(
                "/spec/variables",
                f"variable {name} stands in plain: refer to a Secret (secretKeyRef), or to an encrypted file (file)",
            )
