from __future__ import annotations

import fcntl
import json
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from reconciler.local.binary import find_or_build
from reconciler.local.controlplane import ControlPlane

ROOT = Path(__file__).parent.parent
CORPUS = ROOT.parent / "shared" / "corpus"
#: A cold build of the control plane takes about 10 minutes; the setup step of `make test` has usually made it.
_DEADLINE = 1500

# Agents and commands are started by the hundred: each module is compiled once, not by every one of them.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A busy machine is no fault of the code: what must be fast is shown by a benchmark.
settings.register_profile("untimed", settings(deadline=None))
settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In CI a test on the control plane that fails is run once more, and told of at the end: nobody waits, nothing is hidden."""
    if os.environ.get("CI"):
        for item in items:
            if item.get_closest_marker("cluster"):
                item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show why tests were run a second time."""
    for report in terminalreporter.stats.get("rerun", ()):
        terminalreporter.section(f"failed at first, which is a fault to find: {report.nodeid} ({report.when})")
        terminalreporter.write_line(str(report.longrepr))


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Public manifests, artifacts and definitions kept beside the project."""
    if not CORPUS.is_dir():
        pytest.skip(f"no public corpus at {CORPUS}")
    return CORPUS


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the session's keeper (tests/keeper.py) has started."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or f"{os.getpid()}-{secrets.token_hex(4)}"
    folder = Path(tempfile.gettempdir()) / f"spinfleet-tests-{run}"
    (folder / "users").mkdir(parents=True, exist_ok=True)
    (folder / "users" / str(os.getpid())).touch()
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "keeper.log").exists():
            _start_keeper(folder)
    end = time.monotonic() + _DEADLINE
    while not (folder / "state.json").exists():
        if (folder / "failed").exists():
            pytest.fail(f"the control plane did not start:\n{(folder / 'failed').read_text()}")
        assert time.monotonic() < end, "the control plane took too long"
        time.sleep(0.1)
    state: dict[str, str] = json.loads((folder / "state.json").read_text())
    return state


def _start_keeper(folder: Path) -> None:
    """Start the keeper in a session of its own: it outlives this process and ends by itself."""
    log = os.open(folder / "keeper.log", os.O_WRONLY | os.O_CREAT, 0o644)
    quiet = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, log, 1),
        (os.POSIX_SPAWN_DUP2, log, 2),
    ]
    command = [sys.executable, str(ROOT / "tests" / "keeper.py"), str(folder)]
    os.posix_spawn(command[0], command, {**os.environ, "PYTHONPATH": str(ROOT)}, file_actions=quiet, setsid=True)
    os.close(log)


@pytest.fixture(scope="session")
def control_plane(kept: dict[str, str]) -> ControlPlane:
    """One real control plane for the session, with Spinfleet's and SpinKube's definitions and the SpinKube stand-in."""
    return ControlPlane.attach(find_or_build(), Path(kept["plane"]), int(kept["port"]))


@pytest.fixture(scope="session")
def registry(kept: dict[str, str]) -> str:
    """Host and port of a real registry for the session; every test pushes under a repository of its own."""
    return kept["registry"]


@pytest.fixture
def namespace(control_plane: ControlPlane) -> Iterator[str]:
    """A fresh namespace of this test's own."""
    name = f"t-{secrets.token_hex(5)}"
    control_plane.request(
        "POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    )
    yield name
    control_plane.kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")
