"""How long the pull-request check takes, from a cold start; `python -m bench.check`.

    python -m bench.check [--apps 5000] [--clusters 200] [--rounds 3] [--only BRANCH] [--keep FOLDER]

Makes the fleet of bench.validate in a Git repository, packed as a clone is, and changes of it: one app's replicas, an app more and an app
less, an object of a Bundle, a variable of one Cluster, and the Fleet's defaults, which touch every app on every cluster. Each is checked by the command, in a process of its own on one core. Prints one JSON
object: seconds (the least of the rounds), seconds of processor time, bytes at the highest, and how much was told.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.validate import _git, write_app, write_fleet

CHANGES = ("one-app", "app-added", "app-removed", "bundle-object", "one-cluster", "defaults")
COMMAND = "import sys; from reconciler.cli.main import main; sys.argv[0] = 'spinfleet'; main()"


def write_changes(folder: Path, apps: int, clusters: int) -> None:
    """Make the repository: branch `main`, and a branch for each change."""
    write_fleet(folder, apps, clusters)
    _git(folder, "init", "-q", "-b", "main", ".")
    _git(folder, "add", ".")
    _git(folder, "commit", "-qm", "all")
    changes: tuple[Callable[[], object], ...] = (
        lambda: write_app(folder, 7 % apps, 4),
        lambda: write_app(folder, apps, 3),
        lambda: shutil.rmtree(folder / "apps" / f"app-{apps - 1:05d}"),
        lambda: _replace(folder / "bundles" / "b0001" / "manifests" / "objects.yaml", "replicas: 1", "replicas: 2"),
        lambda: _replace(folder / "clusters" / "c003.yaml", "domain: ", "domain: new."),
        lambda: _replace(folder / "fleet.yaml", "namespace: apps,", "namespace: apps, podLabels: {team: shop},"),
    )
    for branch, change in zip(CHANGES, changes, strict=True):
        _git(folder, "checkout", "-qb", branch, "main")
        change()
        _git(folder, "add", "-A")
        _git(folder, "commit", "-qm", branch)
    _git(folder, "repack", "-adq")


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text, path
    path.write_text(text.replace(old, new))


def measure(folder: Path, branch: str) -> dict[str, Any]:
    """Check one branch in a process of its own."""
    begun = time.perf_counter()
    arguments = ["check", "--base", "main", "--head", branch, "--path", str(folder), "--max-time", "600", "-o", "json"]
    process = subprocess.Popen([sys.executable, "-c", COMMAND, *arguments], stdout=subprocess.PIPE)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(process.pid, {min(os.sched_getaffinity(0))})
    assert process.stdout is not None
    text = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - begun
    assert process.returncode in {0, 1}, process.returncode
    report = json.loads(text)
    return {
        "seconds": round(seconds, 2),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 2),
        "peak_bytes": used.ru_maxrss * 1024,
        "result": report["result"],
        "groups": len(report["clusters"]),
        "changed_clusters": sum(len(group["clusters"]) for group in report["clusters"]),
        "left_out": report["leftOut"],
        "report_bytes": len(text),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.check", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--apps", type=int, default=5000)
    parser.add_argument("--clusters", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", action="append", metavar="BRANCH", help="check only this change (again for more)")
    parser.add_argument("--keep", type=Path, help="write the fleet here and leave it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="spinfleet-bench-") as temporary:
        folder = options.keep or Path(temporary) / "fleet"
        if not (folder / ".git").is_dir():
            write_changes(folder, options.apps, options.clusters)
        found = {
            branch: min((measure(folder, branch) for _ in range(options.rounds)), key=lambda each: each["cpu_seconds"])
            for branch in options.only or CHANGES
        }
    print(json.dumps({"apps": options.apps, "clusters": options.clusters, **found}))


if __name__ == "__main__":
    main()
