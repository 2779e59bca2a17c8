"""Keeps one control plane and one registry for a whole test session, however many processes run its tests.

    python tests/keeper.py FOLDER

Started by the first process that needs them. Every process that uses them puts a file named by its process id into FOLDER/users;
when none of those processes lives any more, everything is stopped. So nothing is left over, whatever ended the session.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
import traceback
from pathlib import Path

import yaml

from reconciler import data
from reconciler.agent.install import base_objects
from reconciler.local.binary import find_or_build
from reconciler.local.controlplane import ControlPlane
from reconciler.local.processes import Processes
from reconciler.local.registry import Registry


def main(folder: Path) -> None:
    plane = registry = None
    processes = Processes(folder / "logs")
    try:
        try:
            components = find_or_build()
            plane = ControlPlane.start(components, folder / "plane")
            registry = Registry.start(components, folder / "registry")
            install(plane)
            processes.start(
                "spin-operator",
                [sys.executable, "-m", "reconciler.local.spin_operator", "--kubeconfig", str(plane.kubeconfig)],
            )
        except Exception:  # noqa: BLE001 - whatever it is, those who wait must learn of it
            # Left behind on purpose: those who wait read why.
            (folder / "failed").write_text(traceback.format_exc())
            return
        state = {"plane": str(plane.folder), "port": plane.port, "registry": registry.host}
        (folder / "state.tmp").write_text(json.dumps(state))
        (folder / "state.tmp").replace(folder / "state.json")
        while any(lives(user.name) for user in (folder / "users").iterdir()):
            time.sleep(0.5)
    finally:
        processes.stop()
        for each in (registry, plane):
            if each is not None:
                each.stop()
    shutil.rmtree(folder, ignore_errors=True)


def install(plane: ControlPlane) -> None:
    """Apply the definitions, ours and SpinKube's, and what an installed agent needs, but for the agent itself."""
    crds = [yaml.safe_load(path.read_text()) for path in sorted((data.folder("deploy") / "crds").glob("*.yaml"))]
    for obj in [
        *crds,
        *(obj for obj in base_objects() if obj["kind"] not in {"Deployment", "CustomResourceDefinition"}),
    ]:
        plane.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(obj))
    plane.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")


def lives(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    main(Path(sys.argv[1]))
