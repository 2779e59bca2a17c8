"""Nothing that is made to harm is ever called verified: each is refused, with its own code and what to do, by the whole procedure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from reconciler.artifact import child
from reconciler.artifact.access import RegistryAccess
from reconciler.artifact.compile_policy import ALWAYS
from reconciler.artifact.model import Expected, VerdictStatus
from reconciler.artifact.verify import Verifier
from reconciler.manifest import parse
from tests.artifacts.hostile import ARCHIVES, ARTIFACTS, MANIFEST, WASM, artifact, greeting
from tests.artifacts.storage import Repository

MIB = 1024 * 1024
EXPECTED = Expected(application=parse(MANIFEST, "spin.toml").application, spin="3.6")


async def verdict_on(repository: Repository, digest: str, cache: Path, expected: Expected = EXPECTED):  # type: ignore[no-untyped-def]
    async with repository.serving() as host:
        access = [RegistryAccess(prefix=host, plain_http=True)]
        async with Verifier(registries=access, cache=cache) as verifier:
            return await verifier.verify(f"{host}/{repository.name}@{digest}", expected)


async def test_what_these_are_made_from_verifies(tmp_path: Path) -> None:
    verdict = await verdict_on(*greeting()(), tmp_path)
    assert verdict.status is VerdictStatus.VERIFIED, verdict.message


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Give compiling as little as makes the bomb end soon, where it is compiled."""
    if request.node.callspec.params["what"] == "a compile bomb":
        monkeypatch.setattr(child, "_COMPILE_MEMORY", 230 * MIB)


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize("what", ARTIFACTS)
async def test_nothing_hostile_verifies(tmp_path: Path, what: str) -> None:
    make, code = ARTIFACTS[what]
    expected = replace(EXPECTED, compile=ALWAYS) if what == "a compile bomb" else EXPECTED
    repository, digest = make()
    before = psutil.Process().memory_info().rss
    verdict = await verdict_on(repository, digest, tmp_path, expected)
    assert verdict.status is VerdictStatus.REFUSED, verdict.message
    assert verdict.code == code, verdict.message
    assert verdict.hint
    kind, _, case = what.partition(": ")
    words = {"Wasm": WASM, "archive": ARCHIVES}[kind][case].words if case else ""
    assert words in verdict.message
    assert psutil.Process().memory_info().rss - before < 50 * MIB


async def test_less_than_git_says_verifies_with_warnings(tmp_path: Path) -> None:
    more = MANIFEST + b'key_value_stores = ["default"]\n'
    expected = replace(EXPECTED, application=parse(more, "spin.toml").application)
    verdict = await verdict_on(*greeting()(), tmp_path, expected)
    assert verdict.status is VerdictStatus.VERIFIED
    assert [each for each in verdict.warnings if each.startswith("stale-artifact")]


@pytest.mark.parametrize(("level", "status"), [("Allow", "Verified"), ("Warn", "Verified"), ("Deny", "Refused")])
async def test_imports_without_a_grant_are_as_the_policy_says(tmp_path: Path, level: str, status: str) -> None:
    from tests.artifacts.hostile import HTTP, component_with, name

    made = artifact(component_with([name("fermyon:spin/llm@2.0.0")], [name(HTTP)], "infer"))
    verdict = await verdict_on(*made, tmp_path, replace(EXPECTED, undeclared=level))
    assert verdict.status == status
    told = any(
        "imports without a grant: fermyon:spin/llm@2.0.0" in each for each in (*verdict.warnings, verdict.message)
    )
    assert told is (level != "Allow")
    assert verdict.code == ("artifact.undeclared-capability" if level == "Deny" else "")


async def test_a_tag_alone_is_refused_and_nothing_is_asked(tmp_path: Path) -> None:
    repository, _ = greeting()()
    async with repository.serving() as host:
        access = [RegistryAccess(prefix=host, plain_http=True)]
        async with Verifier(registries=access, cache=tmp_path) as verifier:
            verdict = await verifier.verify(f"{host}/{repository.name}:v1", EXPECTED)
    assert (verdict.status, verdict.code) == (VerdictStatus.REFUSED, "artifact.no-digest")
    assert repository.asked == []


@pytest.mark.parametrize(
    ("asked", "configured"), [(("registry.example/acme",), ""), ((), "registry.example"), ((), "{host}/acme/ap")]
)
async def test_a_registry_that_nobody_allows_is_refused_and_nothing_is_asked(
    tmp_path: Path, asked: tuple[str, ...], configured: str
) -> None:
    repository, digest = greeting()()
    expected = replace(EXPECTED, registries=(asked,) if asked else ())
    async with repository.serving() as host:
        access = [RegistryAccess(prefix=configured.format(host=host) or host, plain_http=True)]
        async with Verifier(registries=access, cache=tmp_path) as verifier:
            verdict = await verifier.verify(f"{host}/{repository.name}@{digest}", expected)
    assert (verdict.status, verdict.code) == (VerdictStatus.REFUSED, "artifact.registry")
    assert verdict.hint
    assert repository.asked == []


async def test_every_list_of_allowed_registries_must_cover_it(tmp_path: Path) -> None:
    repository, digest = greeting()()
    async with repository.serving() as host:
        access = [RegistryAccess(prefix=host, plain_http=True)]
        async with Verifier(registries=access, cache=tmp_path) as verifier:
            reference = f"{host}/{repository.name}@{digest}"
            for lists, code in (
                (((host,), (f"{host}/other",)), "artifact.registry"),
                (((host,), (f"{host}/acme",)), ""),
            ):
                assert (await verifier.verify(reference, replace(EXPECTED, registries=lists))).code == code


async def test_a_child_that_is_ended_from_outside_leaves_the_verdict_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "ended.py"
    script.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    monkeypatch.setattr(child, "_CHILD", script)
    made = greeting()()
    verdict = await verdict_on(*made, tmp_path / "cache")
    assert (verdict.status, verdict.code) == (VerdictStatus.INCOMPLETE, "artifact.unfinished")
    monkeypatch.undo()
    assert (await verdict_on(*made, tmp_path / "cache")).status is VerdictStatus.VERIFIED
