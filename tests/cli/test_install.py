"""`spinfleet install`: what it prints is deploy/base and a FleetSync, and a real API server takes it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from reconciler.local.controlplane import ControlPlane
from tests.cli.conftest import ROOT, Spinfleet

ARGUMENTS = ("install", "--cluster", "eu", "--url", "https://git.example/fleet.git")


def _key(obj: dict[str, object]) -> str:
    return json.dumps(obj, sort_keys=True)


def test_export_ends_with_a_fleetsync_whose_policy_is_written_out(spinfleet: Spinfleet) -> None:
    answer = spinfleet(*ARGUMENTS, "--registry-mirror", "ghcr.io/acme=cache.local:5000", "--plain-http", "--export")
    assert answer.returncode == 0, answer.stderr
    sync = list(yaml.safe_load_all(answer.stdout))[-1]
    assert sync["spec"]["cluster"] == "eu"
    assert sync["spec"]["serviceAccountName"] == "spinfleet-deployer"
    assert sync["spec"]["policy"]["namespaces"] == ["*"]
    assert sync["spec"]["policy"]["registries"] == [
        {"prefix": "ghcr.io/acme", "mirror": "cache.local:5000", "plainHTTP": True}
    ]


@pytest.mark.cluster
def test_export_and_kustomize_give_the_same_objects(spinfleet: Spinfleet, control_plane: ControlPlane) -> None:
    exported = [
        obj for obj in yaml.safe_load_all(spinfleet(*ARGUMENTS, "--export").stdout) if obj["kind"] != "FleetSync"
    ]
    built = list(
        yaml.safe_load_all(
            control_plane.kubectl("kustomize", "--load-restrictor=LoadRestrictionsNone", str(ROOT / "deploy" / "base"))
        )
    )
    assert sorted(map(_key, exported)) == sorted(map(_key, built))


@pytest.mark.cluster
def test_a_real_api_server_takes_it_twice(spinfleet: Spinfleet, control_plane: ControlPlane, tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text(spinfleet(*ARGUMENTS, "--export").stdout)
    answer = control_plane.kubectl(
        "apply", "--server-side", "--dry-run=server", "--force-conflicts", "-f", str(tmp_path / "all.yaml")
    )
    assert "fleetsync.spinfleet.dev/fleet" in answer


@pytest.mark.cluster
def test_the_agents_account_has_no_right_to_workloads(control_plane: ControlPlane) -> None:
    def can(account: str, *what: str) -> bool:
        who = f"--as=system:serviceaccount:spinfleet-system:{account}"
        listed = control_plane.kubectl("auth", "can-i", "--list", who, "-n", "default")
        return all(word in listed for word in what)

    assert not can("spinfleet-agent", "deployments.apps")
    assert not can("spinfleet-agent", "secrets ")
    assert can("spinfleet-deployer", "deployments.apps", "spinapps.core.spinkube.dev")
    assert not can("spinfleet-deployer", "clusterroles")
