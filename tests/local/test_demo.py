"""The demo runs the whole example fleet, and nothing of it is left when it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from reconciler.local.binary import find_or_build

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

DEMO = [sys.executable, "-c", "from reconciler.cli.main import main; main()", "demo"]


def test_once_ends_with_0_when_the_fleet_is_healthy() -> None:
    find_or_build()
    answer = subprocess.run([*DEMO, "--once"], capture_output=True, text=True, timeout=280, check=False)
    assert answer.returncode == 0, answer.stderr
    assert "✓ Artifact of app hello" in answer.stderr
    for name in ("greeter", "hello", "web"):
        assert f"{name}: " in answer.stderr
        assert name in answer.stdout
    assert answer.stdout.count("Verified") == 2


def test_ctrl_c_ends_everything_it_started(tmp_path: Path) -> None:
    with subprocess.Popen(
        DEMO, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as demo:
        assert demo.stdout is not None
        seen = []
        for line in demo.stdout:
            seen.append(line)
            if "Try, in another terminal" in line:
                break
        else:
            pytest.fail("".join(seen))
        started = psutil.Process(demo.pid).children(recursive=True)
        assert len(started) > 8
        demo.send_signal(signal.SIGINT)
        assert demo.wait(60) == 0
    end = time.monotonic() + 10
    while alive := [
        process for process in started if process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    ]:
        assert time.monotonic() < end, alive
        time.sleep(0.1)
