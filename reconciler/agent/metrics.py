"""The agent's Prometheus metrics, each documented by its own help text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily
from prometheus_client.gc_collector import GCCollector
from prometheus_client.metrics_core import Metric
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from reconciler.artifact.findings import Findings
from reconciler.artifact.model import Outcome, Verdict


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
    """Shows how often a step of verification was found done already, from the verifier's own counts."""

    def __init__(self, hits: Mapping[str, int], misses: Mapping[str, int]) -> None:
        self._counts = {"hit": hits, "miss": misses}

    def collect(self) -> Iterator[Metric]:
        """Give the counts at this moment."""
        family = CounterMetricFamily(
            "spinfleet_artifact_findings",
            "Findings of verification asked for on disk, by step (bytes: small blobs) and result: hit, miss.",
            labels=["step", "result"],
        )
        for result, counts in self._counts.items():
            for step, count in sorted(counts.items()):
                family.add_metric([step, result], count)
        yield family


class Metrics:
    """All metrics of one agent, in a registry of their own so that tests can hold several."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._findings: _Findings | None = None
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self.sync_seconds = Histogram(
            "spinfleet_sync_phase_seconds",
            "Time of each phase of a sync: fetch, load, assign, apply, prune.",
            ["phase"],
            buckets=(0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 300),
            registry=self.registry,
        )
        self.outcomes = Counter(
            "spinfleet_objects_total",
            "Objects written or refused, by outcome: created, configured, unchanged, pruned, skipped, failed.",
            ["outcome"],
            registry=self.registry,
        )
        self.drift = Counter(
            "spinfleet_drift_total",
            "Times an object was found to differ from what was applied.",
            registry=self.registry,
        )
        self.verdicts = Counter(
            "spinfleet_artifact_verdicts_total",
            "Artifact verifications, by status (Verified, Refused, Incomplete) and code (empty where verified).",
            ["status", "code"],
            registry=self.registry,
        )
        self.step_seconds = Histogram(
            "spinfleet_artifact_step_seconds",
            "Time of each step of verification that was not known already: reference, fetch, digest, layout, git, wasm, world, signature.",
            ["step"],
            buckets=(0.001, 0.01, 0.1, 0.3, 1, 3, 10, 30, 100, 300),
            registry=self.registry,
        )
        self.members = Gauge("spinfleet_members", "Objects that belong to the FleetSync.", registry=self.registry)
        self.apps = Gauge("spinfleet_apps", "Apps and bundles, by health.", ["health"], registry=self.registry)
        self.queue = Gauge("spinfleet_queue_length", "Apps waiting to be reconciled.", registry=self.registry)
        self.commit_info = Gauge(
            "spinfleet_commit_applied_timestamp_seconds",
            "When the newest accepted commit was accepted, in seconds since the epoch.",
            registry=self.registry,
        )

    def count_verdict(self, verdict: Verdict) -> None:
        """Count a verdict, and the time of the steps that were taken for it."""
        self.verdicts.labels(str(verdict.status), verdict.code).inc()
        for step in verdict.steps:
            if step.outcome is not Outcome.NOT_REACHED and not step.known:
                self.step_seconds.labels(str(step.step)).observe(step.seconds)

    def count_findings(self, findings: Findings) -> None:
        """Show a verifier's own counts. A newer verifier takes the place of an older one."""
        if self._findings is not None:
            self.registry.unregister(self._findings)
        self._findings = _Findings(findings.hits, findings.misses)
        self.registry.register(self._findings)

    def count_requests(self, counts: Mapping[str, int]) -> None:
        """Show the requests of a connection, from its own counts."""
        self.registry.register(_Requests(counts))
