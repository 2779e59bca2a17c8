"""Every object of every golden fleet is one that an API server takes: each is applied with dryRun=All and strict field validation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.cluster.connection import Connection
from reconciler.cluster.discovery import Discovery
from reconciler.errors import ClusterError
from reconciler.plan.model import key_of
from reconciler.sops.sealed import is_mark
from tests.cluster.golden import dry_run

pytestmark = [pytest.mark.cluster, pytest.mark.corpus]

_GOLDEN = Path(__file__).parent.parent / "golden"


def _expected() -> list[Path]:
    return sorted(_GOLDEN.glob("*/*.yaml"))


def _objects(path: Path) -> list[dict[str, Any]]:
    return [_with_values(obj) for obj in yaml.safe_load_all(path.read_text(encoding="utf-8"))]


def _with_values(obj: dict[str, Any]) -> dict[str, Any]:
    """Give a Secret with a value where a mark stands for an encrypted one: the agent sends no marks."""
    if obj["kind"] != "Secret" or "data" not in obj:
        return obj
    return {**obj, "data": {key: "eA==" if is_mark(value) else value for key, value in obj["data"].items()}}


@pytest.mark.parametrize("path", _expected(), ids=lambda path: f"{path.parent.name}-{path.stem}")
async def test_every_rendered_object_is_accepted(
    path: Path, connection: Connection, served: Discovery, namespace: str
) -> None:
    refused = []
    for obj in _objects(path):
        try:
            await dry_run(connection, served, obj, namespace)
        except ClusterError as error:
            refused.append(f"{key_of(obj)}: {error}")
    assert refused == []
