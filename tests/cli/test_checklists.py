"""What `spinfleet verify` prints, as people read it: checklists/NAME.txt has all of it, for good artifacts and for each way to be none.

SPINFLEET_UPDATE_GOLDEN=1 pytest tests/cli/test_checklists.py      writes what is printed in place of comparing; read the difference.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.local import publish
from reconciler.manifest import parse
from tests.artifacts import hostile, signer
from tests.artifacts.hostile import HTTP, component_with, name
from tests.cli.conftest import Spinfleet

pytestmark = pytest.mark.cluster

HERE = Path(__file__).parent / "checklists"
GOOD = component_with(exports=[name(HTTP)])
NEEDS_SPIN_4 = component_with([name("spin:redis/redis@3.0.0")], [name(HTTP)])


def pushed(registry: str, wasm: bytes, place: str, **more: str) -> str:
    """Push an app of one component; gives the reference by digest."""
    application = parse(hostile.MANIFEST, "spin.toml").application
    assert application is not None
    digest = publish.push(publish.assemble_application(application, {"main": wasm}), registry, place, **more)
    return f"{registry}/{place}@{digest}"


def image(registry: str, place: str) -> str:
    """Push an ordinary image; gives the reference by digest."""
    layer = publish.Blob("application/vnd.oci.image.layer.v1.tar+gzip", b"layer")
    config = publish.Blob("application/vnd.oci.image.config.v1+json", b"{}")
    manifest = {"schemaVersion": 2, "config": config.descriptor(), "layers": [layer.descriptor()]}
    artifact = publish.Artifact(json.dumps(manifest).encode(), (config, layer))
    return f"{registry}/{place}@{publish.push(artifact, registry, place)}"


def by_tag(registry: str, place: str) -> str:
    """Push a good app under a tag; gives the reference by tag."""
    pushed(registry, GOOD, place, tag="v1")
    return f"{registry}/{place}:v1"


#: The exit code, what makes the reference, and the options.
CASES: dict[str, tuple[int, Callable[[str, str], str], tuple[str, ...]]] = {
    "verified": (0, lambda registry, place: pushed(registry, GOOD, place), ("--spin", "3.6")),
    "a-tag": (0, by_tag, ("--spin", "3.6")),
    "spin-not-known": (0, lambda registry, place: pushed(registry, GOOD, place), ()),
    "another-spin": (1, lambda registry, place: pushed(registry, NEEDS_SPIN_4, place), ("--spin", "3.6")),
    "not-signed": (1, lambda registry, place: pushed(registry, GOOD, place), ("--spin", "3.6", "--key", "release.pub")),
    "precompiled": (1, lambda registry, place: pushed(registry, hostile.NATIVE, place), ("--spin", "3.6")),
    "ordinary-image": (1, image, ()),
    "no-reference": (1, lambda *_: "ghcr.io/acme/App:v1", ()),
    "no-registry": (1, lambda *_: "app:v1", ()),
    "not-there": (2, lambda registry, place: f"{registry}/{place}@sha256:{'0' * 64}", ()),
    "nobody-home": (2, lambda *_: f"127.0.0.1:1/acme/app@sha256:{'0' * 64}", ()),
}


@pytest.mark.parametrize("what", CASES)
def test_a_checklist_reads_as_it_should(spinfleet: Spinfleet, registry: str, tmp_path: Path, what: str) -> None:
    code, make, options = CASES[what]
    (tmp_path / "release.pub").write_text(signer.Key("release").pem)
    place = f"checklists-{secrets.token_hex(4)}/app"
    answer = spinfleet("verify", make(registry, place), "--plain-http", "--no-cache", *options)
    assert (answer.returncode, answer.stderr) == (code, "")
    text = answer.stdout.replace(f"{registry}/{place}", "registry.example/acme/app").replace(place, "acme/app")
    text = re.sub(
        r"bounded by (landlock and limits|limits, .+ has not)",
        "with bounds",
        text.replace(registry, "registry.example"),
    )
    path = HERE / f"{what}.txt"
    if os.environ.get("SPINFLEET_UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
