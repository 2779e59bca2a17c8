"""Artifacts for these tests, in the layout that Spin pushes, and changes to them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings

from reconciler.artifact.layout import Layout, layout_of
from reconciler.artifact.locked_app import LockedApp, locked_app
from reconciler.local.publish import Artifact, assemble_application
from reconciler.manifest import Application, parse

#: Other work on the machine is no fault of what is tested.
BUSY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
Change = Callable[[dict[str, Any]], object]

MANIFEST = """\
spin_manifest_version = 2
[application]
name = "a"
[[trigger.http]]
route = "/..."
component = "main"
[component.main]
source = "m.wasm"
"""
WASM = b"\0asm\x01\0\0\0" * 20
DIGEST = "sha256:" + "b" * 64


def application(text: str = MANIFEST) -> Application:
    parsed = parse(text.encode(), "spin.toml")
    assert parsed.application is not None, parsed.problems
    return parsed.application


def artifact(text: str = MANIFEST) -> Artifact:
    made = application(text)
    return assemble_application(made, dict.fromkeys(made.components, WASM))


def manifest(change: Change) -> bytes:
    document = json.loads(artifact().manifest)
    change(document)
    return json.dumps(document).encode()


def layer(media_type: str, **fields: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": DIGEST, "size": 10, **fields}


def locked(change: Change = lambda _: None, text: str = MANIFEST) -> tuple[bytes, Layout]:
    """Give a locked app of a manifest, changed, and its layout."""
    made = artifact(text)
    document = json.loads(made.blobs[-1].data)
    change(document)
    return json.dumps(document).encode(), layout_of(made.manifest)


def read(change: Change = lambda _: None, text: str = MANIFEST) -> LockedApp:
    return locked_app(*locked(change, text))


def first(document: dict[str, Any]) -> dict[str, Any]:
    """Give a locked app's first component."""
    found: dict[str, Any] = document["components"][0]
    return found
