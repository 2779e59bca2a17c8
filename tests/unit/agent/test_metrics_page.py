"""docs/metrics.md names every metric, with its type and labels, in the words of its help text."""

from __future__ import annotations

from pathlib import Path

from reconciler.agent.metrics import AgentMetrics
from reconciler.artifact.findings import Findings
from reconciler.plan.model import Health

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"


def test_every_metric_stands_on_the_page_and_no_other() -> None:
    metrics = AgentMetrics()
    metrics.count_requests({"GET": 1})
    metrics.of("tenant/fleet").count_findings(Findings(Path()))
    families = [family for family in metrics.registry.collect() if family.name.startswith("spinfleet_")]
    served = {
        (family.name + ("_total" if family.type == "counter" else ""), family.type, family.documentation)
        for family in families
    }
    rows = [line.split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| `spinfleet_")]
    shown = {(row[0].strip("| `"), row[1], row[-1].removesuffix(" |")) for row in rows}
    assert shown == served


def test_the_labels_are_those_that_are_served() -> None:
    metrics = AgentMetrics()
    found = {
        f"{each._name}{'_total' if each._type == 'counter' else ''}": set(each._labelnames)
        for each in vars(metrics).values()
        if hasattr(each, "_labelnames")
    }
    for line in (each for each in PAGE.read_text().splitlines() if each.startswith("| `")):
        name, _, rest = line.removeprefix("| `").partition("`")
        if name in found:
            labels = rest.split(" | ")[2]
            assert {label.strip("`") for label in labels.split(", ") if label != "-"} == found[name], name


def test_a_fleetsync_that_is_gone_is_not_shown_any_more_and_another_is() -> None:
    metrics = AgentMetrics()
    for name in ("a/fleet", "b/fleet"):
        one = metrics.of(name)
        one.drift.inc()
        one.outcomes.labels("created").inc()
        one.count_apps([Health.CURRENT, Health.FAILED])
        one.count_findings(Findings(Path()))
    metrics.forget("a/fleet")
    shown = {sample.labels.get("fleetsync") for family in metrics.registry.collect() for sample in family.samples}
    assert shown == {None, "b/fleet"}
