"""A registry's login is the policy's; one that was put right in its Secret is taken up without a restart."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.agent.install import NAMESPACE
from reconciler.local.binary import find_or_build
from reconciler.local.registry import Protection, Registry
from tests.agent.conftest import World
from tests.artifacts.test_protected_registries import HTPASSWD

pytestmark = pytest.mark.cluster


@pytest.fixture
def protected(tmp_path: Path, world: World) -> Iterator[Registry]:
    """A registry that has what the world's has, behind a password."""
    folder = tmp_path / "protected"
    folder.mkdir()
    (folder / "htpasswd").write_text(HTPASSWD)
    world.push("one")
    shutil.copytree(world.plane.folder.parent / "registry" / "storage", folder / "storage")
    registry = Registry.start(find_or_build(), folder, Protection(htpasswd=folder / "htpasswd"))
    yield registry
    registry.stop()


def _secret(name: str, password: str) -> dict[str, Any]:
    values = {"username": "robot", "password": password}
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data}


def test_a_login_that_was_put_right_is_taken_up(world: World, protected: Registry) -> None:
    secrets, name = f"/api/v1/namespaces/{NAMESPACE}/secrets", f"login-{world.id}"
    world.plane.request("POST", secrets, _secret(name, "wrong"))
    reference = world.push("one").replace(world.registry, protected.host)
    world.commit(world.fleet(), world.app("one", reference=reference))
    entry = {"prefix": protected.host, "plainHTTP": True, "secretRef": {"name": name}}
    world.create(policy={"namespaces": ["*"], "kinds": ["*"], "registries": [entry]})
    world.start()
    world.until(lambda: "it does not know who we are" in world.app_status("one").get("message", ""), "it is told")
    assert world.app_status("one")["artifact"] == "Incomplete"
    assert world.spinapp("one") is None

    change = {"data": _secret(name, "hunter2")["data"]}
    world.plane.request("PATCH", f"{secrets}/{name}", change, "application/merge-patch+json")
    world.until(lambda: world.spinapp("one") is not None, "the app is taken up", 120)
    assert "hunter2" not in world.log.read_text()
