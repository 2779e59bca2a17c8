"""The local control plane is a real one, gives accounts no more than their rights, and leaves nothing behind."""

from __future__ import annotations

import json
import time
from pathlib import Path

import psutil
import pytest

from reconciler.errors import UnavailableError
from reconciler.local.binary import Components, find_or_build
from reconciler.local.controlplane import ControlPlane
from reconciler.local.processes import Processes, wait_until

pytestmark = pytest.mark.cluster


def test_a_deployment_gets_ready_pods(control_plane: ControlPlane, namespace: str) -> None:
    control_plane.kubectl(
        "create", "deployment", "web", "--image=registry.example/web:1", "--replicas=2", "-n", namespace
    )
    control_plane.kubectl("wait", "--for=condition=Available", "deployment/web", "-n", namespace, "--timeout=60s")
    pods = json.loads(control_plane.kubectl("get", "pods", "-n", namespace, "-o", "json"))["items"]
    assert [pod["status"]["phase"] for pod in pods] == ["Running", "Running"]


def test_the_node_holds_its_lease_so_that_it_is_not_taken_for_lost(control_plane: ControlPlane) -> None:
    lease = control_plane.request("GET", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/local")
    assert lease["spec"]["leaseDurationSeconds"] == 40


def test_an_accounts_kubeconfig_has_only_the_accounts_rights(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    control_plane.kubectl("create", "serviceaccount", "nobody", "-n", namespace)
    kubeconfig = control_plane.kubeconfig_for(namespace, "nobody", path=tmp_path / "kubeconfig")
    assert kubeconfig.stat().st_mode & 0o077 == 0
    who = control_plane.kubectl("--kubeconfig", str(kubeconfig), "auth", "whoami", "-o", "json")
    assert json.loads(who)["status"]["userInfo"]["username"] == f"system:serviceaccount:{namespace}:nobody"
    with pytest.raises(UnavailableError, match="forbidden"):
        control_plane.kubectl("--kubeconfig", str(kubeconfig), "get", "pods", "-n", namespace)


def test_it_starts_and_stops_whole(tmp_path: Path) -> None:
    plane = ControlPlane.start(find_or_build(), tmp_path, workloads=False)
    started = [psutil.Process(process.popen.pid) for process in plane.processes.running]
    assert [process.name for process in plane.processes.running] == ["etcd", "kube-apiserver"]
    assert json.loads(plane.kubectl("version", "-o", "json"))["serverVersion"]["gitVersion"] == "v1.37.2"
    plane.stop()
    assert not any(process.is_running() for process in started)


def test_a_component_that_does_not_start_is_told_with_its_log(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho no such luck >&2\nexit 3\n")
    broken.chmod(0o755)
    with pytest.raises(UnavailableError, match="etcd ended with code 3") as raised:
        ControlPlane.start(Components(broken), tmp_path / "plane")
    assert "no such luck" in raised.value.message
    assert str(tmp_path / "plane" / "logs" / "etcd.log") in raised.value.hint


def test_processes_end_with_the_one_that_started_them(tmp_path: Path) -> None:
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom reconciler.local.processes import Processes\n"
        "p = Processes(Path(sys.argv[1])).start('sleeper', ['sleep', '600'])\nprint(p.popen.pid, flush=True)\ntime.sleep(600)\n"
    )
    import subprocess
    import sys

    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
        parent.wait()
    end = time.monotonic() + 10
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < end, "the child outlived its parent"
        time.sleep(0.05)


def test_waiting_gives_up_and_names_the_log(tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    process = processes.start("sleeper", ["sleep", "600"])
    try:
        with pytest.raises(UnavailableError, match="did not become ready"):
            wait_until(lambda: False, processes=[process], what="the sleeper", deadline=0.2)
    finally:
        processes.stop()
