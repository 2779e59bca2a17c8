"""Every object of every golden fleet is one that an API server takes: each is applied with dryRun=All and strict field validation."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.cluster.apply import apply
from reconciler.cluster.connection import Connection
from reconciler.cluster.discovery import Discovery, discover
from reconciler.errors import ClusterError
from reconciler.local.controlplane import ControlPlane
from reconciler.plan.model import key_of
from reconciler.sops.sealed import is_mark

pytestmark = [pytest.mark.cluster, pytest.mark.corpus]

_GOLDEN = Path(__file__).parent.parent / "golden"
_GROUPS = {"keda.sh", "http.keda.sh", "gateway.networking.k8s.io", "monitoring.coreos.com"}


def _expected() -> list[Path]:
    return sorted(_GOLDEN.glob("*/*.yaml"))


def _objects(path: Path) -> list[dict[str, Any]]:
    return [_with_values(obj) for obj in yaml.safe_load_all(path.read_text(encoding="utf-8"))]


def _with_values(obj: dict[str, Any]) -> dict[str, Any]:
    """Give a Secret with a value where a mark stands for an encrypted one: the agent sends no marks."""
    if obj["kind"] != "Secret" or "data" not in obj:
        return obj
    return {**obj, "data": {key: "eA==" if is_mark(value) else value for key, value in obj["data"].items()}}


def _definitions(corpus: Path) -> list[dict[str, Any]]:
    found = [yaml.safe_load(path.read_text()) for path in sorted((corpus / "crds").glob("*.yaml"))]
    return [each for each in found if each["spec"]["group"] in _GROUPS]


@pytest.fixture(scope="module")
def defined(control_plane: ControlPlane, corpus: Path) -> None:
    """The definitions that golden fleets need beside SpinKube's."""
    definitions = _definitions(corpus)
    control_plane.kubectl("apply", "--server-side", "-f", "-", stdin=yaml.safe_dump_all(definitions))
    names = [f"crd/{each['metadata']['name']}" for each in definitions]
    control_plane.kubectl("wait", "--for=condition=Established", *names, "--timeout=60s")


@pytest.fixture
async def served(connection: Connection, defined: None) -> Discovery:
    async with asyncio.timeout(60):
        while True:
            discovery = await discover(connection)
            if {group for group, _ in discovery.resources} >= _GROUPS:
                return discovery
            await asyncio.sleep(0.2)


async def _dry_run(connection: Connection, discovery: Discovery, obj: dict[str, Any], namespace: str) -> None:
    key = key_of(obj)
    resource = discovery.find(key.group, key.kind, obj["apiVersion"])
    assert resource is not None, f"{key} is of a kind that is not served"
    if key.namespace:
        # The namespaces of golden fleets are made by nobody; a dry run needs one that is there.
        obj = {**obj, "metadata": {**obj["metadata"], "namespace": namespace}}
    await apply(
        connection, resource, json.dumps(obj).encode(), namespace=namespace if key.namespace else "", name=key.name,
        field_manager="golden", force=True, dry_run=True,
    )  # fmt: skip


@pytest.mark.parametrize("path", _expected(), ids=lambda path: f"{path.parent.name}-{path.stem}")
async def test_every_rendered_object_is_accepted(
    path: Path, connection: Connection, served: Discovery, namespace: str
) -> None:
    refused = []
    for obj in _objects(path):
        try:
            await _dry_run(connection, served, obj, namespace)
        except ClusterError as error:
            refused.append(f"{key_of(obj)}: {error}")
    assert refused == []
