"""Artifacts that Spin's own code pushed verify against their spin.toml; ours have the same structure."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.artifact.access import Hosts, RegistryAccess
from reconciler.artifact.model import Expected, VerdictStatus
from reconciler.artifact.reference import parse_reference
from reconciler.artifact.registry import Registries, RegistryClient
from reconciler.artifact.verify import Verifier
from reconciler.local.binary import find_or_build
from reconciler.local.publish import assemble_application
from reconciler.local.registry import Registry
from reconciler.manifest import Application, parse

pytestmark = [pytest.mark.corpus, pytest.mark.cluster]


@pytest.fixture(scope="module")
def spins(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("spins")
    with tarfile.open(corpus / "artifacts" / "registry.tar.gz") as archive:
        archive.extractall(folder / "storage", filter="data")
    registry = Registry.start(find_or_build(), folder)
    yield registry.host
    registry.stop()


def _application(corpus: Path, name: str) -> Application:
    parsed = parse((corpus / "artifacts" / f"{name}.spin.toml").read_bytes(), name)
    assert parsed.application is not None
    return parsed.application


def _expected(corpus: Path, name: str, spin: str = "3.6") -> Expected:
    return Expected(require_digest=False, application=_application(corpus, name), spin=spin)


@pytest.mark.parametrize(("name", "spin"), [("plain", "3.0"), ("plain", "3.6"), ("files", "4.1")])
async def test_spins_own_artifacts_verify_against_their_manifest(
    spins: str, corpus: Path, tmp_path: Path, name: str, spin: str
) -> None:
    access = [RegistryAccess(prefix=spins, plain_http=True)]
    async with Verifier(registries=access, cache=tmp_path) as verifier:
        verdict = await verifier.verify(f"{spins}/acme/{name}:v1", _expected(corpus, name, spin))
    assert verdict.status is VerdictStatus.VERIFIED, verdict.message
    assert verdict.warnings == ()


async def test_a_component_built_for_a_later_spin_is_refused_and_said_where_it_would_run(
    spins: str, corpus: Path, tmp_path: Path
) -> None:
    access = [RegistryAccess(prefix=spins, plain_http=True)]
    async with Verifier(registries=access, cache=tmp_path) as verifier:
        verdict = await verifier.verify(f"{spins}/acme/files:v1", _expected(corpus, "files"))
    assert verdict.code == "artifact.world"
    assert (
        "imports spin:redis/redis@3.0.0, which Spin 3.6 does not provide (those that do: 4.0, 4.1)" in verdict.message
    )


async def test_an_artifact_of_another_manifest_is_refused(spins: str, corpus: Path, tmp_path: Path) -> None:
    access = [RegistryAccess(prefix=spins, plain_http=True)]
    async with Verifier(registries=access, cache=tmp_path) as verifier:
        verdict = await verifier.verify(f"{spins}/acme/files:v1", _expected(corpus, "plain"))
    assert verdict.status is VerdictStatus.REFUSED
    assert verdict.code == "artifact.differs-from-git"


async def test_what_we_publish_has_the_structure_of_what_spin_publishes(spins: str, corpus: Path) -> None:
    access = RegistryAccess(prefix=spins, plain_http=True)
    registries = Registries(Hosts.of([access]))
    await registries.open()
    try:
        client = registries.of(spins, access)
        data = await client.manifest(parse_reference(f"{spins}/acme/plain:v1"))
        theirs = json.loads(data)
        blobs = [await _blob(client, each) for each in (theirs["config"], *theirs["layers"])]
    finally:
        await registries.close()
    ours = assemble_application(_application(corpus, "plain"), {"web": blobs[1]})
    mine = json.loads(ours.manifest)
    assert mine.keys() == theirs.keys()
    assert [layer["mediaType"] for layer in mine["layers"]] == [layer["mediaType"] for layer in theirs["layers"]]
    assert mine["layers"][0] == theirs["layers"][0]
    assert json.loads(ours.blobs[0].data).keys() == json.loads(blobs[0]).keys()
    locked, their_locked = json.loads(ours.blobs[-1].data), json.loads(blobs[-1])
    assert locked["components"] == their_locked["components"]
    assert locked["triggers"][0]["trigger_config"] == their_locked["triggers"][0]["trigger_config"]
    assert locked["metadata"] == their_locked["metadata"]


async def _blob(client: RegistryClient, descriptor: dict[str, Any]) -> bytes:
    into = io.BytesIO()
    await client.blob("acme/plain", descriptor["digest"], descriptor["size"], into)
    return into.getvalue()
