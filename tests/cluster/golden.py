"""Definitions that clusters really have, served by the control plane, and a dry run of what is rendered for them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import yaml

from reconciler.cluster.apply import apply
from reconciler.cluster.connection import Connection
from reconciler.cluster.discovery import Discovery, discover
from reconciler.local.controlplane import ControlPlane
from reconciler.plan.model import key_of

_GROUPS = {"keda.sh", "http.keda.sh", "gateway.networking.k8s.io", "monitoring.coreos.com"}


def define(control_plane: ControlPlane, corpus: Path) -> None:
    """Apply the definitions that rendered objects need beside SpinKube's."""
    found = [yaml.safe_load(path.read_text()) for path in sorted((corpus / "crds").glob("*.yaml"))]
    definitions = [each for each in found if each["spec"]["group"] in _GROUPS]
    control_plane.kubectl("apply", "--server-side", "-f", "-", stdin=yaml.safe_dump_all(definitions))
    names = [f"crd/{each['metadata']['name']}" for each in definitions]
    control_plane.kubectl("wait", "--for=condition=Established", *names, "--timeout=60s")


async def discovered(connection: Connection) -> Discovery:
    """Wait until all of them are served."""
    async with asyncio.timeout(60):
        while True:
            discovery = await discover(connection)
            if {group for group, _ in discovery.resources} >= _GROUPS:
                return discovery
            await asyncio.sleep(0.2)


async def dry_run(connection: Connection, discovery: Discovery, obj: dict[str, Any], namespace: str) -> None:
    """Apply an object with dryRun=All and strict field validation. Raises ClusterError where it is refused."""
    key = key_of(obj)
    resource = discovery.find(key.group, key.kind, obj["apiVersion"])
    assert resource is not None, f"{key} is of a kind that is not served"
    if key.namespace:
        # The namespaces of golden fleets are made by nobody; a dry run needs one that is there.
        obj = {**obj, "metadata": {**obj["metadata"], "namespace": namespace}}
    await apply(
        connection, resource, json.dumps(obj, ensure_ascii=False).encode(), namespace=namespace if key.namespace else "", name=key.name,
        field_manager="golden", force=True, dry_run=True,
    )  # fmt: skip
