"""A signed push brings a commit in at once, long before the interval is over."""

from __future__ import annotations

import hmac
import json
import urllib.error
import urllib.request

import pytest

from reconciler.local.ports import free_ports
from tests.agent.conftest import World

pytestmark = pytest.mark.cluster

SECRET = "0123456789abcdef0123"


def _post(port: int, body: bytes, secret: str) -> int:
    signature = f"sha256={hmac.new(secret.encode(), body, 'sha256').hexdigest()}"
    headers = {"X-Hub-Signature-256": signature, "X-GitHub-Event": "push"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/hook", body, headers, method="POST")
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - the agent's own address
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_a_signed_push_is_looked_at_now_and_a_forged_one_is_not(world: World) -> None:
    first = world.commit(world.fleet(), world.app("one"))
    world.create(source={"url": world.url, "branch": "main", "interval": "1h"})
    (port,) = free_ports(1)
    (world.folder / "secret").write_text(SECRET)
    world.start("--webhook-listen", f"127.0.0.1:{port}", "--webhook-secret", str(world.folder / "secret"))
    world.until_ready(first)

    second = world.commit(world.app("two"))
    assert _post(port, b"{}", "another secret of some length") == 401
    assert _post(port, b'{"ref": "refs/heads/main"}', SECRET) == 202
    world.until_ready(second)
    assert world.stop() == 0
    lines = [json.loads(line) for line in world.log.read_text().splitlines()]
    assert any("wrong signature" in line["message"] for line in lines)
    assert SECRET not in world.log.read_text()
