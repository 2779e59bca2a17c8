"""`spinfleet validate --watch`: each save is checked, and what is new is told first."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Spinfleet


@pytest.fixture
def watching(fleet: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", "from reconciler.cli.main import main; main()", "validate", str(fleet)]
    with subprocess.Popen([*command, "--watch", "-o", "json"], stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def report(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def test_a_mistake_and_its_repair_are_seen(watching: subprocess.Popen[str], fleet: Path) -> None:
    assert report(watching)["valid"] is True
    app = fleet / "apps" / "hello" / "app.yaml"
    good = app.read_text()
    app.write_text(good + "  replcas: 3\n")
    broken = report(watching)
    assert [problem["code"] for problem in broken["problems"]] == ["fleet.unknown-field"]
    # As editors save: a new file takes the place of the old one.
    fresh = app.with_name(".app.yaml.tmp")
    fresh.write_text(good)
    fresh.replace(app)
    assert report(watching)["valid"] is True
    (fleet / "apps" / "more").mkdir()
    (fleet / "apps" / "more" / "app.yaml").write_text(good.replace("name: hello", "name: more"))
    found = report(watching)
    while {problem["code"] for problem in found["problems"]} != {"app.no-manifest"}:
        found = report(watching)
    (fleet / "apps" / "more" / "app.yaml").unlink()
    (fleet / "apps" / "more").rmdir()
    while not report(watching)["valid"]:
        pass


def test_an_interrupt_ends_it_with_the_state_of_the_fleet(watching: subprocess.Popen[str], fleet: Path) -> None:
    assert report(watching)["valid"] is True
    (fleet / "fleet.yaml").write_text("apiVersion: [")
    assert report(watching)["valid"] is False
    watching.send_signal(signal.SIGINT)
    assert watching.wait(20) == 1


def test_commits_can_not_be_watched(spinfleet: Spinfleet, fleet: Path) -> None:
    answer = spinfleet("validate", fleet, "--watch", "--revision", "HEAD")
    assert answer.returncode == 2
    assert "--watch follows files" in answer.stderr
