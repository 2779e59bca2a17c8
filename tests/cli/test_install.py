"""`spinfleet install`: what it prints is deploy/base and a FleetSync, and a real API server takes it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from reconciler.agent.install import DEPLOYER_ACCOUNT, NAMESPACE, agent_rights
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


def test_the_rights_for_the_first_fleetsync_are_those_that_any_other_gets(spinfleet: Spinfleet) -> None:
    exported = [_key(obj) for obj in yaml.safe_load_all(spinfleet(*ARGUMENTS, "--export").stdout)]
    for right in agent_rights("fleet", NAMESPACE, DEPLOYER_ACCOUNT):
        assert _key(right) in exported


def test_a_tenant_is_a_fleetsync_with_an_account_and_rights_in_its_namespaces_alone(spinfleet: Spinfleet) -> None:
    answer = spinfleet(
        *ARGUMENTS, "--tenant", "red-fleet", "--allow-namespace", "red", "--allow-namespace", "pink", "--export"
    )
    assert answer.returncode == 0, answer.stderr
    objects = list(yaml.safe_load_all(answer.stdout))
    assert not [obj for obj in objects if obj["kind"].startswith("Cluster")]
    assert {obj["metadata"]["name"] for obj in objects if obj["kind"] == "Namespace"} == {"red-fleet", "red", "pink"}
    sync = objects[-1]
    assert sync["metadata"] == {"name": "fleet", "namespace": "red-fleet"}
    assert sync["spec"]["policy"] == {"namespaces": ["red", "pink"]}
    bound = {
        obj["metadata"]["namespace"]
        for obj in objects
        if obj["kind"] == "RoleBinding" and obj["roleRef"]["name"] == DEPLOYER_ACCOUNT
    }
    assert bound == {"red", "pink"}


def test_what_a_tenant_can_t_be_is_said(spinfleet: Spinfleet) -> None:
    own = spinfleet(*ARGUMENTS, "--tenant", "red", "--allow-namespace", NAMESPACE, "--export")
    assert own.returncode == 2
    assert "the agent's own" in own.stderr
    nobody = spinfleet(*ARGUMENTS, "--allow-namespace", "red", "--export")
    assert nobody.returncode == 2
    assert "--tenant" in nobody.stderr


@pytest.mark.cluster
@pytest.mark.parametrize(("replicas", "folder"), [("1", "base"), ("2", "overlays/high-availability")])
def test_export_and_kustomize_give_the_same_objects(
    spinfleet: Spinfleet, control_plane: ControlPlane, replicas: str, folder: str
) -> None:
    text = spinfleet(*ARGUMENTS, "--replicas", replicas, "--export").stdout
    exported = [obj for obj in yaml.safe_load_all(text) if obj["kind"] != "FleetSync"]
    path = str(ROOT / "deploy" / folder)
    built = list(yaml.safe_load_all(control_plane.kubectl("kustomize", "--load-restrictor=LoadRestrictionsNone", path)))
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
