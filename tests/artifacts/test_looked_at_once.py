"""Apps that share an artifact have it fetched and looked at once; after a restart nothing is asked of the registry."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

from reconciler.artifact.access import RegistryAccess
from reconciler.artifact.model import Expected, VerdictStatus
from reconciler.artifact.verify import Verifier
from reconciler.manifest import parse
from tests.artifacts.conftest import MANIFEST_TOML
from tests.artifacts.storage import Repository


def asked_for() -> Expected:
    """Give what an app asks: each has a spin.toml of its own, equal to the others."""
    return Expected(application=parse(MANIFEST_TOML, "spin.toml").application, spin="3.6")


async def verified_by(apps: int, repository: Repository, digest: str, cache: Path, host: str) -> None:
    async with Verifier(registries=[RegistryAccess(prefix=host, plain_http=True)], cache=cache) as verifier:
        reference = f"{host}/{repository.name}@{digest}"
        verdicts = await asyncio.gather(*(verifier.verify(reference, asked_for()) for _ in range(apps)))
    assert {verdict.status for verdict in verdicts} == {VerdictStatus.VERIFIED}


async def test_many_apps_of_one_artifact_ask_for_each_part_once_and_after_a_restart_for_none(
    repository: Repository, digest: str, tmp_path: Path
) -> None:
    async with repository.serving() as host:
        await verified_by(40, repository, digest, tmp_path, host)
        assert set(Counter(repository.asked).values()) == {1}
        assert len(repository.asked) == 1 + len(repository.blobs)
        repository.asked.clear()
        await verified_by(40, repository, digest, tmp_path, host)
        assert repository.asked == []
