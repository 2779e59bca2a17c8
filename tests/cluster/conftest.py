from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from reconciler.cluster.connection import Connection
from reconciler.cluster.discovery import Discovery, Resource, discover
from reconciler.local.controlplane import ControlPlane


@pytest.fixture
async def connection(control_plane: ControlPlane) -> AsyncIterator[Connection]:
    """The administrator's connection."""
    async with await Connection.open(control_plane.kubeconfig) as opened:
        yield opened


@pytest.fixture
async def discovery(connection: Connection) -> Discovery:
    return await discover(connection)


@pytest.fixture
def config_maps(discovery: Discovery) -> Resource:
    found = discovery.find("", "ConfigMap")
    assert found is not None
    return found
