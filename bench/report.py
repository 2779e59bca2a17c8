"""Figures of contestants as tables for people, with ratios, and as curves over the number of apps."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.contest import Figures
from bench.workload import OBJECTS_PER_APP

#: Flux 1.9 with one Kustomization for all, measured once on 2 cores (etcd unsynced, temporary files in memory): apps → seconds, requests, CPU, MiB.
#: It stands in where no binaries are named; None was not measured.
BASELINE: Mapping[int, Mapping[str, float | None]] = {
    100: {"cold": 3.4, "commit": 1.6, "requests": 812, "cpu": 0.8, "peak": 216},
    500: {"cold": 15.3, "commit": 8.0, "requests": 4024, "cpu": 5.3, "peak": 252},
    1000: {"cold": 62, "commit": 30.5, "requests": 8039, "cpu": 18, "peak": None},
}
OURS = "Spinfleet"
_DRAWN = frozenset({"cold", "commit", "requests", "cpu", "drift", "peak"})
_COLOURS = ("#0b6fb8", "#d9480f", "#868e96")


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One thing measured: its name, its unit and how it is had from figures."""

    key: str
    title: str
    unit: str
    digits: int


ROWS = (
    Row(key="cold", title="cold sync", unit="s", digits=1),
    Row(key="cold_cpu", title="cold sync: CPU of its processes", unit="s", digits=1),
    Row(key="commit", title="one commit → object, median", unit="s", digits=2),
    Row(key="requests", title="a reconcile with nothing new: requests", unit="", digits=0),
    Row(key="cpu", title="a reconcile with nothing new: CPU", unit="s", digits=2),
    Row(key="idle", title="idle: requests", unit="", digits=0),
    Row(key="drift", title="drift healed, median", unit="s", digits=2),
    Row(key="drift_worst", title="drift healed, worst", unit="s", digits=2),
    Row(key="peak", title="peak memory", unit="MiB", digits=0),
)


def values(figures: Figures) -> dict[str, float]:
    """Give each row's value."""
    found = {
        "cold": figures.cold,
        "cold_cpu": figures.cold_cpu,
        "requests": float(figures.noop_requests),
        "cpu": figures.noop_cpu,
        "idle": float(figures.idle_requests),
        "peak": figures.peak / 2**20,
    }
    if figures.commits:
        found["commit"] = statistics.median(figures.commits)
    if figures.drifts:
        found |= {"drift": statistics.median(figures.drifts), "drift_worst": max(figures.drifts)}
    return found


def table(apps: int, raw: float | None, measured: Mapping[str, Figures]) -> list[str]:
    """Give the table of one number of apps. `raw` is what the limit reached, in applies a second; None where it was not asked for."""
    ours = values(measured[OURS]) if OURS in measured else {}
    peers = {name: values(figures) for name, figures in measured.items() if name != OURS}
    if not peers and apps in BASELINE:
        peers = {"Flux, one for all (baseline, not this run)": _known(BASELINE[apps])}
    head = ["", OURS, *(cell for name in peers for cell in (name, "ratio"))]
    lines = [_line(head), _line(["---"] * len(head))]
    if raw is not None:
        limit = apps * OBJECTS_PER_APP / raw
        share = f", {limit / ours['cold']:.0%} of the limit" if ours else ""
        blanks = [""] * (2 * len(peers))
        lines.append(_line([f"the limit: {raw:.0f} applies/s", f"{limit:.1f} s{share}", *blanks]))
    for row in ROWS:
        cells = [row.title, _value(row, ours.get(row.key))]
        for peer in peers.values():
            cells += [_value(row, peer.get(row.key)), _ratio(peer.get(row.key), ours.get(row.key))]
        lines.append(_line(cells))
    return lines


def curves(folder: Path, measured: Mapping[int, Mapping[str, Figures]]) -> list[str]:
    """Draw how each figure grows with the number of apps, both axes logarithmic; gives Markdown that shows them."""
    # Only drawing needs it, and measuring must not wait for its import.
    import pygal

    folder.mkdir(parents=True, exist_ok=True)
    names = list(dict.fromkeys(name for by_name in measured.values() for name in by_name))
    lines = []
    for row in ROWS:
        if row.key not in _DRAWN:
            continue
        drawn = {
            name: [
                (apps, found)
                for apps, by_name in sorted(measured.items())
                if name in by_name and (found := values(by_name[name]).get(row.key))
            ]
            for name in names
        }
        chart = pygal.XY(
            logarithmic=True, title=f"{row.title}{f', {row.unit}' if row.unit else ''}", x_title="apps", width=720, height=420,
            js=(), legend_at_bottom=True, truncate_legend=-1, style=pygal.style.CleanStyle(colors=_COLOURS),
        )  # fmt: skip
        chart.x_labels = sorted(measured)
        chart.x_value_formatter = chart.value_formatter = lambda value: f"{value:,g}"
        chart.y_labels = _powers_of_ten([value for points in drawn.values() for _, value in points])
        for name, points in drawn.items():
            chart.add(name, points)
        target = folder / f"{row.key}.svg"
        target.write_bytes(chart.render())
        lines.append(f"![{row.title}](plots/{target.name})")
    return lines


def _powers_of_ten(points: Sequence[float]) -> list[float]:
    """The labels of a logarithmic axis that hold all of these."""
    if not points:
        return []
    low, high = math.floor(math.log10(min(points))), math.ceil(math.log10(max(points)))
    return [10.0**power for power in range(low, max(high, low + 1) + 1)]


def median(runs: Sequence[Figures]) -> Figures:
    """Give what several alternated runs show together: medians, all commits and drifts, the highest memory."""
    return Figures(
        apps=runs[0].apps,
        cold=statistics.median(run.cold for run in runs),
        cold_cpu=statistics.median(run.cold_cpu for run in runs),
        noop_requests=round(statistics.median(run.noop_requests for run in runs)),
        noop_cpu=statistics.median(run.noop_cpu for run in runs),
        idle_requests=max(run.idle_requests for run in runs),
        commits=[value for run in runs for value in run.commits],
        drifts=[value for run in runs for value in run.drifts],
        peak=max(run.peak for run in runs),
    )


def _known(row: Mapping[str, float | None]) -> dict[str, float]:
    return {key: value for key, value in row.items() if value is not None}


def _value(row: Row, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.{row.digits}f}{f' {row.unit}' if row.unit else ''}"


def _ratio(peer: float | None, ours: float | None) -> str:
    if peer is None or ours is None:
        return "-"
    if not ours:
        return "none here"
    return f"{peer / ours:,.{0 if peer >= 20 * ours else 1}f} x"


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
