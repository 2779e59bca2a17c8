from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator, Iterator

import pytest

from reconciler.cluster.connection import Connection
from reconciler.cluster.discovery import Discovery, Resource, discover
from reconciler.errors import UnavailableError
from reconciler.local.controlplane import ControlPlane


@pytest.fixture
async def connection(control_plane: ControlPlane) -> AsyncIterator[Connection]:
    """The administrator's connection."""
    async with await Connection.open(control_plane.kubeconfig) as opened:
        yield opened


@pytest.fixture
def fresh_namespace(control_plane: ControlPlane) -> Iterator[str]:
    """A namespace of this test's own, taken away afterwards."""
    name = f"t-{secrets.token_hex(5)}"
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    control_plane.request("POST", "/api/v1/namespaces", body)
    yield name
    with contextlib.suppress(UnavailableError):  # a test may have deleted it
        control_plane.request("DELETE", f"/api/v1/namespaces/{name}")


@pytest.fixture
async def discovery(connection: Connection) -> Discovery:
    return await discover(connection)


@pytest.fixture
def config_maps(discovery: Discovery) -> Resource:
    found = discovery.find("", "ConfigMap")
    assert found is not None
    return found
