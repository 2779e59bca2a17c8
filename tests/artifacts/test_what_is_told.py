"""What is told of an artifact is text that may be shown anywhere, of bounded length, whatever the artifact holds."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.artifact.access import RegistryAccess
from reconciler.artifact.model import Expected, Verdict, VerdictStatus
from reconciler.artifact.verify import Verifier
from reconciler.manifest import parse
from tests.artifacts.hostile import MANIFEST, greeting

EXPECTED = Expected(application=parse(MANIFEST, "spin.toml").application, spin="3.6")
STEERS = "\x1b]0;owned\x07\x1b[2J\u202e\r\n::error::"


async def told(cache: Path, expected: Expected = EXPECTED, **changes: Any) -> Verdict:
    repository, digest = greeting(**changes)()
    async with repository.serving() as host:
        access = [RegistryAccess(prefix=host, plain_http=True)]
        async with Verifier(registries=access, cache=cache) as verifier:
            return await verifier.verify(f"{host}/{repository.name}@{digest}", expected)


def all_texts(verdict: Verdict) -> list[str]:
    steps = [text for step in verdict.steps for text in (step.detail, step.hint)]
    return [verdict.message, verdict.hint, *verdict.warnings, *steps]


def route(text: str) -> Any:
    return lambda app: app["triggers"][0]["trigger_config"].update(route=text)


def kind(text: str) -> Any:
    return lambda app: app["triggers"][0].update(trigger_type=text)


def version(text: str) -> Any:
    return lambda app: app["metadata"].update(version=text)


@pytest.mark.parametrize("locked", [route, kind, version])
async def test_nothing_that_is_told_steers_a_terminal(tmp_path: Path, locked: Any) -> None:
    verdict = await told(tmp_path, locked=locked(STEERS))
    texts = all_texts(verdict)
    assert any("owned" in text for text in texts)
    assert all(text.isprintable() for text in texts)


@pytest.mark.parametrize("locked", [route, kind, version])
async def test_a_name_of_a_megabyte_makes_no_message_of_a_megabyte(tmp_path: Path, locked: Any) -> None:
    verdict = await told(tmp_path, locked=locked("x" * 2**20))
    assert len(json.dumps(verdict.to_json())) < 20_000


async def test_a_warning_is_told_so_as_well(tmp_path: Path) -> None:
    verdict = await told(tmp_path, replace(EXPECTED, application=None), locked=kind(STEERS))
    assert verdict.status is VerdictStatus.VERIFIED
    assert any("owned" in text and text.isprintable() for text in verdict.warnings)
