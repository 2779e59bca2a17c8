from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from reconciler.cluster.connection import Connection
from reconciler.cluster.discovery import Discovery, Resource, discover
from reconciler.local.controlplane import ControlPlane
from tests.cluster.golden import define, discovered


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


@pytest.fixture(scope="module")
def defined(control_plane: ControlPlane, corpus: Path) -> None:
    """The definitions that rendered objects need beside SpinKube's."""
    define(control_plane, corpus)


@pytest.fixture
async def served(connection: Connection, defined: None) -> Discovery:
    return await discovered(connection)
