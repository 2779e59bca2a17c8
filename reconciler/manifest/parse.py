"""A spin.toml becomes an Application: text, version, schema, then the rules a schema can't say, all problems at once.

Codes tell at which stage Spin itself would refuse: spin.parse.* (its manifest crate), spin.load.* (its loader), spin.run.* (triggers).
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from reconciler.manifest import rules
from reconciler.manifest.model import Parsed
from reconciler.manifest.normalise import application_v1, application_v2
from reconciler.manifest.positional import spelt_out
from reconciler.manifest.report import Report, TooManyProblemsError
from reconciler.manifest.toml_text import TomlText, read
from reconciler.problems import Problem, Severity, has_errors
from reconciler.schema_check import check

_VERSION_KEYS = ("spin_manifest_version", "spin_version")


def parse(data: bytes, path: str) -> Parsed:
    """Read a manifest. `path` is only named in problems. Nothing is raised: what is wrong is in the result."""
    text = read(data, path)
    if text.value is None or has_errors(text.problems):
        return Parsed(application=None, problems=text.problems)
    version, problems = _version(text.value, text, path)
    if version is None:
        return Parsed(application=None, problems=problems)
    document, lists = spelt_out(text.value, version)
    problems = check(document, f"spin-manifest-v{version}", path=path, places=text.place, prefix="spin.parse")
    report = Report(path, text.place)
    with suppress(TooManyProblemsError):  # what was found until then is told
        for pointer in lists:
            message = "a list where a table belongs: Spin takes its elements for the fields, in order"
            report.add(pointer, "spin.parse.positional", message, "write a table with named fields", Severity.WARNING)
        # The rules read the same document; what the schema refused they pass over.
        (rules.check_v2 if version == 2 else rules.check_v1)(document, report)
    problems = tuple(sorted((*problems, *report.problems), key=Problem.sort_key))
    if has_errors(problems):
        return Parsed(application=None, problems=problems)
    application = (application_v2 if version == 2 else application_v1)(document, text.line)
    return Parsed(application=application, problems=problems)


def _version(document: dict[str, Any], text: TomlText, path: str) -> tuple[int | None, tuple[Problem, ...]]:
    """Tell the manifest's version, or why it has none."""
    found = [key for key in _VERSION_KEYS if key in document]
    if not found:
        if "application" not in document and "component" not in document and "trigger" not in document:
            message = "this is not a Spin manifest: it has no spin_manifest_version and no application"
            return None, (
                Problem(
                    path=path,
                    line=1,
                    column=1,
                    code="spin.parse.not-a-manifest",
                    message=message,
                    hint="name another file, or ignore this one",
                ),
            )
        message = "missing field 'spin_manifest_version'"
        return None, (
            Problem(
                path=path,
                line=1,
                column=1,
                code="spin.parse.missing-field",
                message=message,
                hint="begin the file with spin_manifest_version = 2",
            ),
        )
    if len(found) > 1:
        place = text.place("/spin_version")
        return None, (
            _at(
                path,
                place,
                "spin.parse.version",
                "duplicate field: spin_manifest_version and spin_version are the same",
                "keep spin_manifest_version",
            ),
        )
    value = document[found[0]]
    if value == "1" and isinstance(value, str):
        return 1, ()
    if value == 2 and isinstance(value, int) and not isinstance(value, bool):
        return 2, ()
    message = (
        f"invalid manifest version: {value!r}"
        if not isinstance(value, bool)
        else f"invalid manifest version: {str(value).lower()}"
    )
    return None, (
        _at(
            path,
            text.place(f"/{found[0]}"),
            "spin.parse.version",
            message,
            'write 2, or "1" in quotes for the old format',
        ),
    )


def _at(path: str, place: tuple[int, int] | None, code: str, message: str, hint: str) -> Problem:
    line, column = place or (None, None)
    return Problem(path=path, line=line, column=column, code=code, message=message, hint=hint, severity=Severity.ERROR)
