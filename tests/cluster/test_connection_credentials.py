from __future__ import annotations

import stat
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from kubernetes.aio.config import incluster_config

from reconciler.cluster.connection import Connection
from reconciler.errors import ClusterError, UnavailableError
from reconciler.local.controlplane import ControlPlane

pytestmark = pytest.mark.cluster

WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
REVIEW = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}


async def who_am_i(connection: Connection) -> str:
    answer = await connection.request("POST", WHO, body=REVIEW)
    return str(answer.body["status"]["userInfo"]["username"])


def token(control_plane: ControlPlane) -> str:
    config = yaml.safe_load(control_plane.kubeconfig_for("default", "default").read_text(encoding="utf-8"))
    return str(config["users"][0]["user"]["token"])


def kubeconfig(control_plane: ControlPlane, folder: Path, user: dict[str, Any]) -> Path:
    config = yaml.safe_load(control_plane.kubeconfig.read_text(encoding="utf-8"))
    config["users"] = [{"name": config["users"][0]["name"], "user": user}]
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


async def test_a_client_certificate_speaks_for_us(connection: Connection) -> None:
    assert await who_am_i(connection) == "spinfleet-admin"


async def test_a_service_accounts_token_speaks_for_it(control_plane: ControlPlane) -> None:
    async with await Connection.open(control_plane.kubeconfig_for("default", "default")) as connection:
        assert await who_am_i(connection) == "system:serviceaccount:default:default"


async def test_a_rotated_token_file_is_read_when_the_old_one_is_refused(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("not-a-token", encoding="utf-8")
    async with await Connection.open(kubeconfig(control_plane, tmp_path, {"tokenFile": "token"})) as connection:
        with pytest.raises(ClusterError) as caught:
            await who_am_i(connection)
        assert caught.value.status == 401
        (tmp_path / "token").write_text(token(control_plane), encoding="utf-8")
        assert await who_am_i(connection) == "system:serviceaccount:default:default"


async def test_an_exec_plugin_is_run_again_when_its_token_is_refused(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    credential = (
        '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "%s"}}'
    )
    plugin = tmp_path / "plugin"
    plugin.write_text(f"#!/bin/sh\nprintf '{credential}' \"$(cat {tmp_path}/token)\"\n", encoding="utf-8")
    plugin.chmod(stat.S_IRWXU)
    (tmp_path / "token").write_text("not-a-token", encoding="utf-8")
    user = {
        "exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin), "interactiveMode": "Never"}
    }
    async with await Connection.open(kubeconfig(control_plane, tmp_path, user)) as connection:
        (tmp_path / "token").write_text(token(control_plane), encoding="utf-8")
        assert await who_am_i(connection) == "system:serviceaccount:default:default"


async def test_a_pod_uses_its_own_account(
    control_plane: ControlPlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text(token(control_plane), encoding="utf-8")
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(control_plane.folder / "keys" / "ca.crt"))
    address = urlsplit(control_plane.server)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", str(address.hostname))
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(address.port))
    async with await Connection.open() as connection:
        assert await who_am_i(connection) == "system:serviceaccount:default:default"
        (tmp_path / "token").write_text("not-a-token", encoding="utf-8")
        await connection.credentials.renew(connection.credentials.generation)
        with pytest.raises(ClusterError) as caught:
            await who_am_i(connection)
        assert caught.value.status == 401


async def test_a_server_with_a_certificate_of_another_authority_is_not_talked_to(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    config = yaml.safe_load(control_plane.kubeconfig.read_text(encoding="utf-8"))
    del config["clusters"][0]["cluster"]["certificate-authority"]
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    async with await Connection.open(path) as connection:
        with pytest.raises(UnavailableError, match="certificate"):
            await who_am_i(connection)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no: kubeconfig",
        "{{{ token: hunter2",
        "- hunter2",
        "current-context: x\ncontexts: hunter2\n",
        "users: [{name: u, user: {token: hunter2}}]\ncurrent-context: x\ncontexts: [{name: x}]\nclusters: []\n",
    ],
)
async def test_a_broken_kubeconfig_is_told_without_what_is_in_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UnavailableError, match="credentials") as caught:
        await Connection.open(path)
    assert "hunter2" not in str(caught.value)
    assert "--kubeconfig" in caught.value.hint


async def test_a_missing_kubeconfig_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=f"there is no kubeconfig at {tmp_path / 'none'}"):
        await Connection.open(tmp_path / "none")


async def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path, control_plane: ControlPlane) -> None:
    config = yaml.safe_load(control_plane.kubeconfig.read_text(encoding="utf-8"))
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    async with await Connection.open(path) as connection:
        with pytest.raises(UnavailableError):
            await who_am_i(connection)
