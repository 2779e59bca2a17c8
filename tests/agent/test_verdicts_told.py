"""Verdicts are told: in the FleetSync's status, as Events of it, and as metrics."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from typing import Any

import pytest

from reconciler.agent.install import NAMESPACE
from reconciler.local.ports import free_ports
from tests.agent.conftest import World

pytestmark = pytest.mark.cluster


def _events(world: World) -> list[dict[str, Any]]:
    path = f"/apis/events.k8s.io/v1/namespaces/{NAMESPACE}/events"
    items: list[dict[str, Any]] = world.plane.request("GET", path)["items"]
    return [each for each in items if each["regarding"]["name"] == f"f-{world.id}"]


def _metrics(port: int) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            text: str = answer.read().decode()
    except urllib.error.URLError:
        return ""  # not listening yet
    return re.sub('fleetsync="[^"]*",?', "", text)


def test_a_refusal_is_an_event_a_count_and_a_status_and_a_restart_fetches_nothing(world: World) -> None:
    fake = world.push("fake", b"#!/bin/sh\necho this is not WebAssembly\n" * 10)
    world.commit(world.fleet(), world.app("good"), world.app("fake", reference=fake))
    world.create()
    (port,) = free_ports(1)
    world.start(listen=f"127.0.0.1:{port}")
    world.until(lambda: world.app_status("fake").get("artifact") == "Refused", "the refusal is in the status")
    assert world.app_status("fake")["code"] == "artifact.not-wasm"
    assert "code" not in world.app_status("good")
    world.until(lambda: len(_events(world)) == 2, "both are told")
    by_reason = {each["reason"]: each for each in _events(world)}
    assert by_reason["ArtifactRefused"]["type"] == "Warning"
    assert fake in by_reason["ArtifactRefused"]["note"]
    assert by_reason["ArtifactsVerified"]["note"] == "artifacts of 1 apps verified: good"
    text = _metrics(port)
    assert 'spinfleet_artifact_verdicts_total{code="",status="Verified"} 1.0' in text
    assert 'spinfleet_artifact_verdicts_total{code="artifact.not-wasm",status="Refused"} 1.0' in text
    assert 'spinfleet_artifact_step_seconds_count{step="fetch"} 2.0' in text

    assert world.stop() == 0
    world.start(listen=f"127.0.0.1:{port}")
    world.until(
        lambda: 'spinfleet_artifact_verdicts_total{code="",status="Verified"} 1.0' in _metrics(port), "verified again"
    )
    world.until(lambda: 'spinfleet_artifact_findings_total{result="hit",step="fetch"} 2.0' in _metrics(port), "known")
    assert 'step="fetch"} 1.0' not in _metrics(port)
    assert sorted(each["reason"] for each in _events(world)) == ["ArtifactRefused", "ArtifactsVerified"]
