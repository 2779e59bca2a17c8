"""Figures as people read them: ratios to a peer in the same run, or to what was measured once."""

from __future__ import annotations

from pathlib import Path

from bench.contest import Figures
from bench.report import curves, median, table

OURS = Figures(
    apps=1000, cold=20.0, noop_requests=0, noop_cpu=0.01, commits=[0.3, 0.5, 0.4], drifts=[0.01], peak=150 * 2**20
)
PEER = Figures(apps=1000, cold=60.0, noop_requests=8000, noop_cpu=18.0, commits=[30.0], drifts=[55.0], peak=300 * 2**20)


def row(lines: list[str], title: str) -> list[str]:
    (found,) = [line for line in lines if line.startswith(f"| {title} |")]
    return [cell.strip() for cell in found.strip("|").split("|")[1:]]


def test_each_figure_stands_beside_the_peers_with_their_ratio() -> None:
    lines = table(1000, 250.0, {"Spinfleet": OURS, "Flux": PEER})
    assert row(lines, "cold sync") == ["20.0 s", "60.0 s", "3.0 x"]
    assert row(lines, "one commit → object, median") == ["0.40 s", "30.00 s", "75 x"]
    assert row(lines, "peak memory") == ["150 MiB", "300 MiB", "2.0 x"]
    assert row(lines, "the limit: 250 applies/s")[0] == "16.0 s, 80% of the limit"


def test_nothing_at_all_is_not_divided_by() -> None:
    assert row(table(1000, None, {"Spinfleet": OURS, "Flux": PEER}), "a reconcile with nothing new: requests") == [
        "0", "8,000", "none here",
    ]  # fmt: skip


def test_without_a_peer_the_baseline_stands_there_and_is_called_one() -> None:
    lines = table(1000, None, {"Spinfleet": OURS})
    assert "baseline, not this run" in lines[0]
    assert row(lines, "cold sync") == ["20.0 s", "62.0 s", "3.1 x"]
    assert row(lines, "drift healed, median") == ["0.01 s", "-", "-"]


def test_a_number_of_apps_that_has_no_baseline_stands_alone() -> None:
    assert row(table(77, None, {"Spinfleet": OURS}), "cold sync") == ["20.0 s"]


def test_rounds_are_put_together_by_medians_and_the_highest_memory() -> None:
    other = Figures(apps=1000, cold=30.0, noop_requests=2, noop_cpu=0.03, commits=[0.7], drifts=[0.02], peak=1)
    both = median([OURS, other])
    assert (both.cold, both.noop_requests, both.peak) == (25.0, 1, OURS.peak)
    assert both.commits == [0.3, 0.5, 0.4, 0.7]


def test_curves_are_drawn_without_anything_from_the_network(tmp_path: Path) -> None:
    lines = curves(tmp_path, {100: {"Spinfleet": OURS, "Flux": PEER}, 1000: {"Spinfleet": OURS}})
    assert "![cold sync](plots/cold.svg)" in lines
    assert "xlink:href" not in (tmp_path / "cold.svg").read_text(encoding="utf-8")
