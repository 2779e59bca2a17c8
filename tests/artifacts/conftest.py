from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import wasmtime

from reconciler import data
from reconciler.artifact.access import RegistryAccess
from reconciler.artifact.model import Expected, Verdict
from reconciler.artifact.verify import Verifier
from reconciler.fleet.signature_rules import SignatureRule
from reconciler.local.publish import assemble_application
from reconciler.manifest import parse
from tests.artifacts.storage import Repository

MANIFEST_TOML = b'spin_manifest_version = 2\n[application]\nname = "a"\n[[trigger.http]]\nroute = "/..."\ncomponent = "m"\n[component.m]\nsource = "m.wasm"\n'


@pytest.fixture(scope="session")
def component() -> bytes:
    """A whole component of a few kilobytes that answers HTTP."""
    text = (data.folder("fleet-example") / "apps" / "greeter" / "greeter.wat").read_text()
    return bytes(wasmtime.wat2wasm(text))


@pytest.fixture
def repository(component: bytes) -> Repository:
    """A repository with one artifact, unsigned."""
    application = parse(MANIFEST_TOML, "spin.toml").application
    assert application is not None
    artifact = assemble_application(application, {"m": component})
    made = Repository(blobs={blob.digest: blob.data for blob in artifact.blobs})
    made.put_manifest(artifact.manifest)
    return made


@pytest.fixture
def digest(repository: Repository) -> str:
    return next(iter(repository.manifests))


@pytest.fixture(scope="session")
def looked_at(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that knows what is inside the artifact: only its signatures are news."""
    return tmp_path_factory.mktemp("looked-at")


@pytest.fixture
async def known(repository: Repository, digest: str, looked_at: Path, tmp_path: Path) -> None:
    await verify(repository, digest, looked_at)  # the first one looks; for the others it costs a few files
    for name in ("", "1", "2", "3"):
        shutil.copytree(looked_at, tmp_path / name, dirs_exist_ok=True)
    repository.asked.clear()


async def verify(repository: Repository, digest: str, cache: Path, *rules: SignatureRule) -> Verdict:
    async with repository.serving() as host:
        access = [RegistryAccess(prefix=host, plain_http=True)]
        async with Verifier(registries=access, cache=cache) as verifier:
            return await verifier.verify(f"{host}/{repository.name}@{digest}", Expected(signatures=rules))
