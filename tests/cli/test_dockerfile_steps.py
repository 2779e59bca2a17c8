"""The Dockerfile's own steps, run in a clean folder, give a command that starts; no image can be built here."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

#: It installs everything anew, which takes minutes where the machine is busy.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the build stage: COPY and RUN lines as they stand, with /src, /opt and /wheels under a folder of the test's."""
    root = tmp_path_factory.mktemp("image")
    (root / "src").mkdir()
    _, stage, _ = (ROOT / "Dockerfile").read_text().split("\nFROM ")
    for line in stage.splitlines():
        word, _, rest = line.partition(" ")
        if word == "COPY":
            *sources, target = rest.split()
            for source in sources:
                _copy(ROOT / source, root / "src" / target, folder=target.endswith("/"))
        elif word == "RUN":
            command = re.sub(r"(?<![\w.])/(opt|wheels)", rf"{root}/\1", rest)
            answer = subprocess.run(
                ["/bin/sh", "-c", command], cwd=root / "src", capture_output=True, text=True, check=False
            )
            assert answer.returncode == 0, f"{rest}\n{answer.stdout}\n{answer.stderr}"
    return root


def _copy(source: Path, target: Path, *, folder: bool) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    else:
        shutil.copy(source, target / source.name if folder else target)


def _run(image: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(image / "opt" / "spinfleet" / "bin" / "spinfleet"), *arguments]
    return subprocess.run(
        command,
        cwd=image,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(image)},
    )


def test_the_installed_command_says_its_version(image: Path) -> None:
    answer = _run(image, "--version")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("spinfleet, version 0.1.0")


def test_what_ships_with_the_wheel_is_whole(image: Path) -> None:
    packaged = next((image / "opt" / "spinfleet").rglob("_data/fleet-example"))
    answer = _run(image, "validate", str(packaged), "-o", "json")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert json.loads(answer.stdout) == {"valid": True, "problems": []}
    assert json.loads(_run(image, "schema", "app").stdout)["properties"]["kind"]["const"] == "App"
    exported = _run(image, "install", "--cluster", "eu", "--url", "https://git.example/fleet.git", "--export")
    assert "kind: FleetSync" in exported.stdout, exported.stderr
    assert next((image / "opt" / "spinfleet").rglob("local/controlplane/main.go")).is_file()


def test_the_image_does_not_run_as_root() -> None:
    last = (ROOT / "Dockerfile").read_text().rpartition("\nFROM ")[2]
    assert "USER 65532:65532" in last
    assert 'ENTRYPOINT ["spinfleet"]' in last
