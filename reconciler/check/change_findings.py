"""What stands against a change, as problems: for the forms of a report that know lines of files alone (SARIF, annotations)."""

from __future__ import annotations

from reconciler.check.change_report import ChangeReport
from reconciler.check.change_text import names, summary
from reconciler.check.report import Report
from reconciler.check.review import Level
from reconciler.check.risks import Risk
from reconciler.problems import Problem, Severity


def findings(report: ChangeReport) -> Report:
    """Give the new problems and the risks that are more than notes, each at its place."""
    risks = [_problem(each) for each in report.risks if each.level is not Level.NOTE]
    refused = [
        Problem(path=".", code="check.not-compared", message=each, severity=Severity.ERROR if report.refused else Severity.WARNING)
        for each in report.left_out
    ]  # fmt: skip
    refused += [
        Problem(path=each.path, code="check.artifact", message=f"{each.app}: {each.head}: {each.verdict}")
        for each in report.unverified
    ]
    if report.live is not None and report.live.required:
        refused += [
            Problem(path=".", code="check.live", message=f"cluster {each.cluster}: {'; '.join(each.contrary)}")
            for each in report.live.contrary
        ]
    problems = tuple(sorted((*report.problems.new, *risks, *refused), key=Problem.sort_key))
    return Report(subject=summary(report), problems=problems, sources=report.sources)


def _problem(risk: Risk) -> Problem:
    on = f" (on {names(risk.clusters)})" if risk.clusters else ""
    return Problem(
        path=risk.path or ".",
        line=risk.line,
        code=f"risk.{risk.code}",
        message=f"{risk.reason}{on}",
        severity=Severity.ERROR if risk.level is Level.ERROR else Severity.WARNING,
        hint="" if risk.judged_by == "default" else f"judged by spec.review of {risk.judged_by}",
    )
