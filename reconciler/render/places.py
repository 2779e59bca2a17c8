"""Problems of rendering, each at the line that asked for what can't be rendered."""

from __future__ import annotations

from reconciler.fleet.model import AppAssignment
from reconciler.problems import Problem, Severity


def problem_at(
    app: AppAssignment, pointer: str, code: str, message: str, hint: str = "", *, severity: Severity = Severity.ERROR
) -> Problem:
    """Make a problem of an app at the origin of the value at a JSON Pointer into its spec, or of the nearest value around it."""
    at = pointer
    while at:
        origin = app.origins.get(at)
        if origin is not None and origin.path:
            return Problem(
                path=origin.path, line=origin.line, column=origin.column, pointer=f"/spec{at}",
                code=code, message=message, hint=hint, severity=severity,
            )  # fmt: skip
        at = at.rpartition("/")[0]
    return Problem(
        path=app.path, line=app.line, pointer="/spec", code=code, message=message, hint=hint, severity=severity
    )


def warning_at(app: AppAssignment, pointer: str, code: str, message: str, hint: str = "") -> Problem:
    """Make a warning: it is told and changes nothing."""
    return problem_at(app, pointer, code, message, hint, severity=Severity.WARNING)
