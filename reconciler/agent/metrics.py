"""The agent's Prometheus metrics, each documented by its own help text."""

from __future__ import annotations

from collections import Counter as Counted
from collections.abc import Iterable, Iterator, Mapping
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily
from prometheus_client.gc_collector import GCCollector
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import Metric
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from reconciler.artifact.findings import Findings
from reconciler.artifact.model import Outcome, Verdict
from reconciler.plan.model import Health

#: Names the FleetSync, as namespace/name.
_LABEL = "fleetsync"

_M = TypeVar("_M", bound=MetricWrapperBase)


class _Requests(Collector):
    """Shows a connection's own counts of requests: counting twice would cost a request's worth of time."""

    def __init__(self, counts: Mapping[str, int]) -> None:
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        """Give the counts at this moment."""
        family = CounterMetricFamily(
            "spinfleet_api_requests", "Requests to the API server, by method; WATCH begins a watch.", labels=["method"]
        )
        for method, count in sorted(self._counts.items()):
            family.add_metric([method], count)
        yield family


class _Findings(Collector):
    """Shows how often a step of verification was found done already, from each verifier's own counts."""

    def __init__(self) -> None:
        self.of: dict[str, Findings] = {}

    def collect(self) -> Iterator[Metric]:
        """Give the counts at this moment."""
        family = CounterMetricFamily(
            "spinfleet_artifact_findings",
            "Findings of verification asked for on disk, by step (bytes: small blobs) and result: hit, miss.",
            labels=[_LABEL, "step", "result"],
        )
        for fleetsync, findings in sorted(self.of.items()):
            for result, counts in (("hit", findings.hits), ("miss", findings.misses)):
                for step, count in sorted(counts.items()):
                    family.add_metric([fleetsync, step, result], count)
        yield family


class AgentMetrics:
    """All metrics of one agent, in a registry of their own so that tests can hold several. `of` gives those of one FleetSync."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        self.sync_seconds = Histogram(
            "spinfleet_sync_phase_seconds",
            "Time of each phase of a sync: fetch, load, assign, apply, prune.",
            [_LABEL, "phase"],
            buckets=(0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 300),
            registry=registry,
        )
        self.outcomes = Counter(
            "spinfleet_objects_total",
            "Objects written or refused, by outcome: created, configured, unchanged, pruned, skipped, failed.",
            [_LABEL, "outcome"],
            registry=registry,
        )
        self.drift = Counter(
            "spinfleet_drift_total",
            "Times an object was found to differ from what was applied.",
            [_LABEL],
            registry=registry,
        )
        self.verdicts = Counter(
            "spinfleet_artifact_verdicts_total",
            "Artifact verifications, by status (Verified, Refused, Incomplete) and code (empty where verified).",
            [_LABEL, "status", "code"],
            registry=registry,
        )
        self.step_seconds = Histogram(
            "spinfleet_artifact_step_seconds",
            "Time of each step of verification that was not known already: reference, fetch, digest, layout, git, wasm, world, signature.",
            [_LABEL, "step"],
            buckets=(0.001, 0.01, 0.1, 0.3, 1, 3, 10, 30, 100, 300),
            registry=registry,
        )
        self.members = Gauge("spinfleet_members", "Objects that belong to the FleetSync.", [_LABEL], registry=registry)
        self.apps = Gauge("spinfleet_apps", "Apps and bundles, by health.", [_LABEL, "health"], registry=registry)
        self.waiting = Gauge(
            "spinfleet_prune_waiting_objects",
            "Objects that the fleet no longer has and that wait for an approval.",
            [_LABEL],
            registry=registry,
        )
        self.queue = Gauge("spinfleet_queue_length", "Apps waiting to be reconciled.", [_LABEL], registry=registry)
        self.commit_info = Gauge(
            "spinfleet_commit_applied_timestamp_seconds",
            "When the newest accepted commit was accepted, in seconds since the epoch.",
            [_LABEL],
            registry=registry,
        )
        self.leader = Gauge(
            "spinfleet_leader", "Whether this agent leads and writes (1), or stands by (0).", registry=registry
        )
        self._findings = _Findings()
        registry.register(self._findings)

    def of(self, fleetsync: str) -> Metrics:
        """Give the metrics of one FleetSync (`namespace/name`)."""
        return Metrics(self, fleetsync)

    def forget(self, fleetsync: str) -> None:
        """Show nothing of a FleetSync any more: it is gone."""
        for metric in vars(self).values():
            if isinstance(metric, MetricWrapperBase) and metric is not self.leader:
                metric.remove_by_labels({_LABEL: fleetsync})
        self._findings.of.pop(fleetsync, None)

    def count_findings(self, fleetsync: str, findings: Findings) -> None:
        """Show a verifier's own counts. A newer verifier of the FleetSync takes the place of an older one."""
        self._findings.of[fleetsync] = findings

    def count_requests(self, counts: Mapping[str, int]) -> None:
        """Show the requests of a connection, from its own counts."""
        self.registry.register(_Requests(counts))


class _Labelled(Generic[_M]):
    """A metric with further labels, for one FleetSync."""

    def __init__(self, metric: _M, fleetsync: str) -> None:
        self._metric, self._fleetsync = metric, fleetsync

    def labels(self, *values: str) -> _M:
        """Give the metric of these values of the further labels."""
        return self._metric.labels(self._fleetsync, *values)


class Metrics:
    """The metrics of one FleetSync."""

    def __init__(self, agent: AgentMetrics, fleetsync: str) -> None:
        self._agent, self._fleetsync = agent, fleetsync
        self.sync_seconds = _Labelled(agent.sync_seconds, fleetsync)
        self.outcomes = _Labelled(agent.outcomes, fleetsync)
        self.verdicts = _Labelled(agent.verdicts, fleetsync)
        self.step_seconds = _Labelled(agent.step_seconds, fleetsync)
        self.apps = _Labelled(agent.apps, fleetsync)
        self.drift = agent.drift.labels(fleetsync)
        self.members = agent.members.labels(fleetsync)
        self.waiting = agent.waiting.labels(fleetsync)
        self.queue = agent.queue.labels(fleetsync)
        self.commit_info = agent.commit_info.labels(fleetsync)

    def count_verdict(self, verdict: Verdict) -> None:
        """Count a verdict, and the time of the steps that were taken for it."""
        self.verdicts.labels(str(verdict.status), verdict.code).inc()
        for step in verdict.steps:
            if step.outcome is not Outcome.NOT_REACHED and not step.known:
                self.step_seconds.labels(str(step.step)).observe(step.seconds)

    def count_apps(self, health: Iterable[Health]) -> None:
        """Show how many apps are of each health."""
        counts = Counted(health)
        for each in Health:
            self.apps.labels(str(each)).set(counts[each])

    def count_findings(self, findings: Findings) -> None:
        """Show a verifier's own counts. A newer verifier takes the place of an older one."""
        self._agent.count_findings(self._fleetsync, findings)
