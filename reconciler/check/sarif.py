"""A report as SARIF 2.1.0 (OASIS), as code hosts show it beside the lines."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from reconciler import __version__
from reconciler.check.report import Report, by_weight
from reconciler.problems import Problem, Severity

#: GitHub takes so many results of one upload.
_MOST_RESULTS = 25_000
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(report: Report, root: str = "") -> dict[str, Any]:
    """Give the log: one run, a rule for each code. `root` is the fleet's folder in its repository, empty or ending in `/`."""
    shown = by_weight(report.problems)[:_MOST_RESULTS]
    codes = sorted({problem.code for problem in shown})
    driver: dict[str, Any] = {
        "name": "spinfleet",
        "semanticVersion": __version__,
        "rules": [{"id": code, "shortDescription": {"text": code}} for code in codes],
    }
    results = [_result(problem, codes, root) for problem in shown]
    run: dict[str, Any] = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    if len(shown) < len(report.problems):
        left = f"{len(report.problems) - len(shown)} more problems are left out"
        run["invocations"] = [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [{"level": "warning", "message": {"text": left}}],
            }
        ]
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _result(problem: Problem, codes: list[str], root: str) -> Mapping[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": quote(f"{root}{problem.path}", safe="/")}}
    if problem.line is not None:
        place["region"] = {
            "startLine": problem.line,
            **({"startColumn": problem.column} if problem.column is not None else {}),
        }
    # Lines move: what a host tells findings apart by is what they say and where in the document.
    mark = sha256(f"{problem.path}\x00{problem.code}\x00{problem.pointer}\x00{problem.message}".encode()).hexdigest()
    return {
        "ruleId": problem.code,
        "ruleIndex": codes.index(problem.code),
        "level": "error" if problem.severity is Severity.ERROR else "warning",
        "message": {"text": f"{problem.message}\n{problem.hint}" if problem.hint else problem.message},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"spinfleet/v1": mark[:32]},
    }
