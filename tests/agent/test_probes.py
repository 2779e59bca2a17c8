"""The agent tells that it lives, when it is ready, and what it did; SIGTERM ends it in order."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest

from reconciler.agent.install import NAMESPACE
from reconciler.local.ports import free_ports
from tests.agent.conftest import World

pytestmark = pytest.mark.cluster


def _get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""
    except OSError:
        return 0, ""


def test_probes_and_metrics_say_what_is(world: World) -> None:
    commit = world.commit(world.fleet(), world.app("one"))
    (port,) = free_ports(1)
    world.start(listen=f"127.0.0.1:{port}")
    world.until(lambda: _get(port, "/readyz")[0] == 200, "it knows that there is no FleetSync yet")
    assert _get(port, "/healthz")[0] == 200

    world.create()
    world.until_ready(commit)
    metrics = _get(port, "/metrics")[1]
    name = f"{NAMESPACE}/f-{world.id}"
    assert f'spinfleet_objects_total{{fleetsync="{name}",outcome="created"}} 3.0' in metrics
    assert f'spinfleet_artifact_verdicts_total{{code="",fleetsync="{name}",status="Verified"}} 1.0' in metrics
    assert f'spinfleet_members{{fleetsync="{name}"}} 3.0' in metrics
    assert f'spinfleet_apps{{fleetsync="{name}",health="current"}} 1.0' in metrics
    assert 'spinfleet_api_requests_total{method="PATCH"}' in metrics
    assert world.stop() == 0
    assert _get(port, "/healthz")[0] == 0


def test_an_agent_that_may_not_see_fleetsyncs_lives_and_is_not_ready(world: World) -> None:
    (port,) = free_ports(1)
    world.start(listen=f"127.0.0.1:{port}", of="default")
    world.until(lambda: "fleetsyncs.spinfleet.dev" in world.log.read_text(), "it says what it may not")
    assert _get(port, "/healthz")[0] == 200
    assert _get(port, "/readyz")[0] == 503
