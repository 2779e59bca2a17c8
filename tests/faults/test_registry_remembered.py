"""What was found is not asked for again: not by another app, not after a restart, and never where it could not be completed."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

import pytest
from aiohttp import web

from reconciler.artifact.access import RegistryAccess
from reconciler.artifact.model import Expected, Outcome, Step, Verdict, VerdictStatus
from reconciler.artifact.verify import Verifier
from reconciler.local.publish import assemble_application, push
from reconciler.manifest import Application, parse
from tests.faults.registries import FaultyRegistry, times, verify

pytestmark = pytest.mark.cluster

MANIFEST = 'spin_manifest_version = 2\n[application]\nname = "{name}"\n[[trigger.http]]\nroute = "/..."\ncomponent = "m"\n[component.m]\nsource = "m.wasm"\n'


def application(name: str = "a") -> Application:
    parsed = parse(MANIFEST.format(name=name).encode(), "spin.toml").application
    assert parsed is not None
    return parsed


def verifier(faulty: FaultyRegistry, cache: Path) -> Verifier:
    return Verifier(registries=[RegistryAccess(prefix=faulty.host, plain_http=True)], cache=cache)


async def asked(faulty: FaultyRegistry, cache: Path, expected: Expected) -> Verdict:
    """Ask with a new verifier, as after a restart."""
    faulty.seen.clear()
    async with verifier(faulty, cache) as again:
        return await again.verify(faulty.reference, expected)


@pytest.mark.parametrize(
    "expected",
    [
        Expected(application=application(), spin="3.6"), Expected(application=application("other"), spin="3.6"),
        Expected(application=application(), spin="2.0"),
    ],
    ids=["verified", "differs-from-git", "older-spin"],
)  # fmt: skip
async def test_a_restart_with_a_warm_cache_asks_no_registry_and_finds_the_same(
    faulty: FaultyRegistry, tmp_path: Path, expected: Expected
) -> None:
    first = await asked(faulty, tmp_path, expected)
    assert faulty.seen
    second = await asked(faulty, tmp_path, expected)
    assert second == first
    assert faulty.seen == []


async def test_a_layer_that_is_refused_is_not_fetched_again_either(
    faulty: FaultyRegistry, registry: str, tmp_path: Path
) -> None:
    faulty.artifact = assemble_application(application(), {"m": b"#!/bin/sh\necho no WebAssembly\n" * 10})
    await asyncio.to_thread(push, faulty.artifact, registry, faulty.repository)
    first = await asked(faulty, tmp_path, Expected())
    assert first.code == "artifact.not-wasm"
    assert await asked(faulty, tmp_path, Expected()) == first
    assert faulty.seen == []


async def test_a_step_is_taken_anew_where_what_is_asked_is_another(faulty: FaultyRegistry, tmp_path: Path) -> None:
    async with verifier(faulty, tmp_path) as one:
        good = await one.verify(faulty.reference, Expected(application=application()))
        bad = await one.verify(faulty.reference, Expected(application=application("other")))
    assert (good.status, bad.code) == (VerdictStatus.VERIFIED, "artifact.differs-from-git")
    assert len(faulty.paths("/manifests/")) == 1


async def test_what_could_not_be_completed_is_never_remembered(faulty: FaultyRegistry, tmp_path: Path) -> None:
    wasm = faulty.artifact.blobs[1].digest
    faulty.fault = times(1, lambda _: web.Response(status=404), wasm)
    async with verifier(faulty, tmp_path) as one:
        first = await one.verify(faulty.reference)
        second = await one.verify(faulty.reference)
    assert (first.status, first.code) == (VerdictStatus.INCOMPLETE, "artifact.not-found")
    assert second.status is VerdictStatus.VERIFIED
    assert len(faulty.paths("/manifests/")) == 1


async def test_a_known_verdict_says_so_and_is_equal(faulty: FaultyRegistry, tmp_path: Path) -> None:
    async with verifier(faulty, tmp_path) as one:
        first, second = await one.verify(faulty.reference), await one.verify(faulty.reference)
    assert first == second
    assert all(step.known and not step.seconds for step in second.steps)
    assert second.to_json() == first.to_json()


async def test_a_thousand_apps_of_a_few_artifacts_fetch_each_blob_once(
    faulty: FaultyRegistry, registry: str, tmp_path: Path
) -> None:
    """Half of the apps name the artifact in a second repository: the blobs are proven, the manifest is asked for in both."""
    few = 5
    made = {
        f"app-{number}": assemble_application(application(f"app-{number}"), {"m": faulty.artifact.blobs[1].data})
        for number in range(few)
    }
    place = f"many-{secrets.token_hex(4)}"
    for name, artifact in made.items():
        for repository in ("one", "two"):
            await asyncio.to_thread(push, artifact, registry, f"{place}/{name}-{repository}")
    asks = [
        (
            f"{faulty.host}/{place}/{name}-{'one' if number % 2 else 'two'}@{artifact.digest}",
            Expected(application=application(name)),
        )
        for number in range(200)
        for name, artifact in made.items()
    ]
    async with verifier(faulty, tmp_path) as one:
        verdicts = await asyncio.gather(*(one.verify(reference, expected) for reference, expected in asks))
    assert {verdict.status for verdict in verdicts} == {VerdictStatus.VERIFIED}
    assert len(faulty.paths("/manifests/")) == 2 * few
    blobs = faulty.paths("/blobs/")
    digests = {path.rpartition("/")[2] for path in blobs}
    assert len(blobs) == len(digests) == 2 * few + 1  # a config and a locked app each, and the component that all share


async def test_what_one_registry_gave_does_not_stand_for_another(
    faulty: FaultyRegistry, tmp_path: Path, registry: str
) -> None:
    entries = [RegistryAccess(prefix=host, plain_http=True) for host in (faulty.host, registry)]
    faulty.fault = times(99, lambda _: web.Response(status=403), "/manifests/")
    async with Verifier(registries=entries, cache=tmp_path) as one:
        assert (
            await one.verify(f"{registry}/{faulty.repository}@{faulty.artifact.digest}")
        ).status is VerdictStatus.VERIFIED
        verdict = await one.verify(faulty.reference)
    assert (verdict.status, verdict.code) == (VerdictStatus.INCOMPLETE, "artifact.unauthorized")
    outcomes = {step.step: step.outcome for step in verdict.steps}
    assert outcomes[Step.FETCH] is Outcome.INCOMPLETE
    assert outcomes[Step.LAYOUT] is Outcome.NOT_REACHED


async def test_a_full_disk_changes_no_verdict(
    faulty: FaultyRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert (await verify(faulty, tmp_path)).status is VerdictStatus.VERIFIED
