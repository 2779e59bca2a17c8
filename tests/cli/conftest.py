from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "fleet-example"

Spinfleet = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def spinfleet(tmp_path: Path) -> Spinfleet:
    """Run the command as people do: a process of its own, in a folder of its own."""

    def run(*arguments: str | Path, cwd: Path = tmp_path, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from reconciler.cli.main import main; main()", *map(str, arguments)]
        env = {key: value for key, value in os.environ.items() if key != "KUBECONFIG"} | {
            "PYTHONPATH": str(ROOT),
            **environment,
        }
        return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """A copy of the example fleet that a test may break."""
    return Path(shutil.copytree(EXAMPLE, tmp_path / "fleet"))
