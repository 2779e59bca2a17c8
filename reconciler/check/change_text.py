"""What a change would do, for a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import click

from reconciler.check.change import ClusterChange, Effect, ObjectChange, StartedRollout
from reconciler.check.change_report import ASSUMPTION, ChangeReport
from reconciler.check.folding import Folded, folded
from reconciler.check.live import live_lines
from reconciler.check.review import Level
from reconciler.check.risks import Risk
from reconciler.check.text import text as problem_text
from reconciler.plan.model import FieldChange
from reconciler.problems import printable

_MARKS = {
    Effect.CREATED: ("+", "green"),
    Effect.CONFIGURED: ("~", "yellow"),
    Effect.PRUNED: ("-", "red"),
    Effect.MOVED: (">", "yellow"),
}
_LONGEST = 200
_MOST_NAMES = 12


def change_text(report: ChangeReport) -> Iterator[str]:
    """Give the lines, with terminal colours; click takes these away where nobody would see them."""
    yield from _problems(report)
    for risk in report.risks:
        yield from _risk(risk)
    yield from _artifacts(report)
    for group in report.clusters:
        yield from group_lines(group)
    if report.unchanged:
        yield f"{click.style('no change', bold=True)}: {names(report.unchanged)}"
    for rollout in report.rollouts:
        yield from rollout_lines(rollout)
    yield from _live(report)
    for each in report.notes:
        yield f"{click.style('note', bold=True)}: {printable(each)}"
    for each in report.left_out:
        yield f"{click.style('not looked at', fg='red', bold=True)}: {printable(each)}"


def summary(report: ChangeReport) -> str:
    """Give one line: what was compared, and what came of it."""
    changed = sum(len(group.clusters) for group in report.clusters)
    counts = [
        f"{changed} of {count(changed + len(report.unchanged), 'cluster')} changed"
        if changed
        else "no cluster changes",
        count(len(report.problems.new), "new problem") if report.problems.new else "",
        f"{len(report.problems.fixed)} fixed" if report.problems.fixed else "",
        count(len(report.risks), "risk") if report.risks else "",
    ]
    shown = f"{report.base[:12] or 'files'} → {report.head[:12] or 'files'}"
    return f"fleet {report.fleet or '?'}, {shown}: {', '.join(filter(None, counts))}"


def count(number: int, word: str) -> str:
    """Give a number with its noun."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def names(values: Sequence[str], most: int = _MOST_NAMES) -> str:
    """Give names in a row, many of them cut off with their number."""
    shown = ", ".join(printable(each) for each in values[:most])
    return f"{shown} and {len(values) - most} more" if len(values) > most else shown


def _problems(report: ChangeReport) -> Iterator[str]:
    found = report.problems
    yield from problem_text(found.new, report.sources)
    for each in found.existing or ():
        yield f"{click.style('in base already', dim=True)} {printable(str(each))}"
    for each in found.fixed:
        yield f"{click.style('fixed', fg='green')} {printable(str(each))}"
    if found.existing or found.fixed:
        yield ""


def _risk(risk: Risk) -> Iterator[str]:
    colour = {Level.ERROR: "red", Level.WARNING: "yellow"}.get(risk.level, "blue")
    whose = f" (by spec.review of {risk.judged_by})" if risk.judged_by != "default" else ""
    place = ":".join(str(part) for part in (risk.path, risk.line) if part)
    yield f"{click.style(f'risk {risk.level}[{risk.code}]', fg=colour, bold=True)}: {printable(risk.reason)}{whose}"
    if where := " on ".join(filter(None, (printable(place), names(risk.clusters)))):
        yield f"  {click.style('-->', fg='blue')} {where}"


def _artifacts(report: ChangeReport) -> Iterator[str]:
    if report.risks:
        yield ""
    for each in report.artifacts:
        shown = " → ".join(printable(one) for one in dict.fromkeys((each.base, each.head)) if one)
        yield f"{click.style('artifact', bold=True)} of {printable(each.app)} on {names(each.clusters)}: {shown} ({printable(each.verdict)})"
        for sentence in each.words():
            yield f"  {printable(sentence)}"
    if report.artifacts:
        yield ""


def _live(report: ChangeReport) -> Iterator[str]:
    if report.live is None:
        return
    yield f"{click.style('live', bold=True)}: assumes that {ASSUMPTION}: {report.live.sentence()}"
    for whose, told in live_lines(report.live):
        yield f"  {click.style(printable(whose), bold=True)}: {printable(told)}"
    yield ""


def group_lines(group: ClusterChange) -> Iterator[str]:
    """Give the lines of clusters where the same happens."""
    counts = ", ".join(f"{number} {effect}" for effect in Effect if (number := group.count(effect)))
    yield f"{click.style(names(group.clusters), bold=True)}: {counts or 'no object changes'}"
    if group.note:
        yield f"  {printable(group.note)}"
    if group.guard.held:
        yield f"  {click.style('held by the prune guard', fg='red')}: {group.guard.held}"
    if group.guard.protected:
        keys = names([str(key) for key in group.guard.protected])
        yield f"  {click.style('waits for an approval', fg='red')} that names: {keys}"
    for each in folded(group):
        yield from _unit(each)
    yield ""


def _unit(each: Folded) -> Iterator[str]:
    kind = each.first.kind.lower()
    title = "shared by apps" if kind == "shared" else f"{kind} {names(each.names)}"
    via = f" (rollout {printable(each.first.rollout)})" if each.first.rollout else ""
    yield f"  {title}{via}"
    if each.first.note:
        yield f"    {printable(each.first.note)}"
    for one in each.first.objects:
        yield from _object(one, len(each.names))


def _object(each: ObjectChange, times: int) -> Iterator[str]:
    mark, colour = _MARKS[each.effect]
    what = str(each.key) if times == 1 else f"{each.key.kind} of each"
    moved = f" (from {each.was})" if each.was else ""
    own = "  (Spinfleet's own annotations)" if each.effect is Effect.CONFIGURED and not each.fields else ""
    yield f"    {click.style(f'{mark} {printable(what)}', fg=colour)}{printable(moved)}{own}"
    for field in each.fields:
        yield f"        {field_text(field)}"


def field_text(field: FieldChange) -> str:
    """Give a field as `pointer: base → head`."""
    return f"{printable(field.pointer)}: {_value(field.live)} → {_value(field.desired)}"


def _value(value: Any) -> str:
    if value is None:
        return "absent"
    text = json.dumps(value, ensure_ascii=False)
    return printable(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")


def rollout_lines(rollout: StartedRollout) -> Iterator[str]:
    """Give the lines of a rollout and its stages."""
    yield f"{click.style('rollout', bold=True)} {printable(rollout.rollout)} starts for {names(rollout.apps)}"
    for number, stage in enumerate(rollout.stages, 1):
        terms = [
            f"{stage.at_once} at once" if stage.at_once else "",
            f"soak {stage.soak}" if stage.soak else "",
            "waits for an approval" if stage.approval else "",
        ]
        told = f" ({', '.join(filter(None, terms))})" if any(terms) else ""
        yield f"  {number}. {printable(stage.name)}: {names(stage.clusters) or 'no cluster of these'}{told}"
    yield ""
