"""What the tables here do not know is told, and refuses nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.artifact.worlds import known_releases
from reconciler.check.fleet import FleetCheck
from reconciler.fleet.clusters import SHIMS
from reconciler.openapi.kinds import versions
from reconciler.problems import Severity
from tests.random_fleets import HEAD, Tree

SPIN = 'spin_manifest_version = 2\n[application]\nname = "a"\n[[trigger.TYPE]]\ncomponent = "a"\n[component.a]\nsource = "a.wasm"\n'


def told(
    cluster: dict[str, Any], spec: dict[str, Any] | None = None, trigger: str = "command"
) -> list[tuple[str, str, str]]:
    documents = {
        "fleet.yaml": {**HEAD, "kind": "Fleet", "metadata": {"name": "f"}},
        "eu.yaml": {
            **HEAD,
            "kind": "Cluster",
            "metadata": {"name": "eu"},
            "spec": {"capabilities": ["keda"], **cluster},
        },
        "app.yaml": {
            **HEAD,
            "kind": "App",
            "metadata": {"name": "a"},
            "spec": {"artifact": f"ghcr.io/acme/a@sha256:{'a' * 64}", **(spec or {})},
        },
    }
    files = {path: json.dumps(each) for path, each in documents.items()} | {"spin.toml": SPIN.replace("TYPE", trigger)}
    report = FleetCheck().check(Tree(files))
    assert {problem.severity for problem in report.problems} <= {Severity.WARNING}, report.problems
    return [(problem.code, problem.pointer, problem.hint) for problem in report.problems]


@pytest.mark.parametrize(
    ("cluster", "expected"),
    [
        ({"spin": "3.60"}, ("cluster.spin", "/spec/spin", "did you mean '3.6'?")),
        ({"spin": "99.0"}, ("cluster.spin", "/spec/spin", "update spinfleet, or correct the version")),
        ({"kubernetes": "1.3"}, ("cluster.kubernetes", "/spec/kubernetes", "did you mean '1.37'?")),
        (
            {"variables": {"a": "${cluster.name}.x"}},
            ("cluster.variable", "/spec/variables/a", "write the whole value here, or both in the App"),
        ),
    ],
)
def test_a_version_or_variable_that_nothing_here_knows_is_a_warning(cluster, expected):
    assert told(cluster) == [expected]


@pytest.mark.parametrize("spin", [*known_releases(), "3.6.2"])
def test_every_release_of_the_tables_is_known(spin):
    assert told({"spin": spin, "kubernetes": versions()[-1]}) == []


def test_every_shim_has_a_release_that_is_known():
    assert set(SHIMS.values()) <= set(known_releases())


@pytest.mark.parametrize(
    ("spec", "trigger", "pointer"),
    [
        ({"job": {"schedule": "0 3 * * *", "timezone": "Europe/Berln"}}, "command", "/spec/job/timezone"),
        (
            {"autoscaling": {"type": "KEDA", "max": 3, "schedule": [{"timezone": "europe/berlin", "start": "0 8 * * *", "end": "0 9 * * *", "desiredReplicas": 2}]}},
            "redis",
            "/spec/autoscaling/schedule/0/timezone",
        ),
    ],
)  # fmt: skip
def test_a_time_zone_that_no_database_has_is_a_warning(spec, trigger, pointer, monkeypatch):
    spin = (
        SPIN.replace('component = "a"\n', 'component = "a"\nchannel = "c"\naddress = "redis://a:1"\n')
        if trigger == "redis"
        else SPIN
    )
    monkeypatch.setitem(globals(), "SPIN", spin)
    found = [each for each in told({}, spec, trigger) if each[0] == "fleet.time-zone"]
    assert found == [("fleet.time-zone", pointer, "did you mean 'Europe/Berlin'?")]


def test_without_a_database_no_zone_is_missed(monkeypatch):
    import zoneinfo

    from reconciler.check.known import _is_zone

    _is_zone.cache_clear()
    monkeypatch.setattr(zoneinfo, "ZoneInfo", lambda name: (_ for _ in ()).throw(zoneinfo.ZoneInfoNotFoundError(name)))
    try:
        assert told({}, {"job": {"schedule": "0 3 * * *", "timezone": "Europe/Berln"}}) == []
    finally:
        _is_zone.cache_clear()
