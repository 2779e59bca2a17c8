"""docs/verification.md has a row for every code that a verification can end with, and no other, and a test provokes each; each step's failures are Refused or Incomplete."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reconciler.artifact.checklist import UNFINISHED, Checklist, refusal
from reconciler.artifact.model import Finding, Outcome, Step, Verdict, VerdictStatus
from reconciler.errors import ArtifactError, UnavailableError

ROOT = Path(__file__).parents[3]
TESTS = ROOT / "tests"
PAGE = ROOT / "docs" / "verification.md"
_LITERAL = re.compile(r'"artifact\.([a-z0-9-]*[a-z0-9])"')
#: In the room of signatures a fault's code may be made of its last word.
_SIGNATURE = re.compile(r'_fault\("([a-z-]+)",')
_ROW = re.compile(
    r"^\| `(artifact\.[a-z0-9-]+)` \| ([0-9a-z ]+) \| (Refused|Incomplete) \| [^|]+ \| [^|]+ \|$", re.MULTILINE
)


def _in_source() -> set[str]:
    files = [*(ROOT / "reconciler" / "artifact").rglob("*.py"), ROOT / "reconciler" / "agent" / "artifact_policy.py"]
    texts = [path.read_text(encoding="utf-8") for path in files]
    return {
        f"artifact.{code}"
        for text in texts
        for code in (*_LITERAL.findall(text), *(f"signature-{word}" for word in _SIGNATURE.findall(text)))
    }


def test_every_code_has_a_row_and_every_row_a_code() -> None:
    rows = [row[0] for row in _ROW.findall(PAGE.read_text(encoding="utf-8"))]
    assert sorted(rows) == sorted(_in_source())


def test_every_code_is_named_by_a_test_of_the_steps_that_end_with_it() -> None:
    """Tests of what becomes of a verdict, with one made up, do not count."""
    rooms = (TESTS / "artifacts", TESTS / "faults", TESTS / "unit" / "artifact")
    files = {
        *(path for room in rooms for path in room.glob("*.py")),
        TESTS / "unit" / "agent" / "test_artifact_policy.py",
    }
    tested = {
        f"artifact.{code}" for path in files - {Path(__file__)} for code in _LITERAL.findall(path.read_text("utf-8"))
    }
    assert _in_source() - tested == set()


def test_every_row_is_whole() -> None:
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `artifact.")]
    assert all(_ROW.fullmatch(line) for line in lines)


def test_codes_of_fetching_and_digests_belong_to_their_steps_wherever_they_come_up() -> None:
    for code, step, verdict in _ROW.findall(PAGE.read_text(encoding="utf-8")):
        if step == "2" and verdict == "Incomplete":
            assert _outcome(UnavailableError("away", code=code)) == {Step.FETCH: Outcome.INCOMPLETE}, code
        if step == "3":
            assert _outcome(ArtifactError(code, "other")) == {Step.DIGEST: Outcome.REFUSED}, code


def _outcome(error: Exception) -> dict[Step, Outcome]:
    verdict = _ended_by(error)
    return {each.step: each.outcome for each in verdict.steps if each.outcome is not Outcome.NOT_REACHED}


def _ended_by(error: Exception) -> Verdict:
    async def work() -> Finding[bool]:
        raise error

    steps = Checklist()
    coroutine = steps.run(Step.WASM, work)
    with pytest.raises(StopIteration):
        coroutine.send(None)
    return steps.verdict("r", "")


@pytest.mark.parametrize("error", [OSError("disk"), ValueError("odd"), RecursionError(), UnavailableError("killed")])
def test_what_broke_on_the_way_is_incomplete(error: Exception) -> None:
    verdict = _ended_by(error)
    assert (
        (verdict.status, verdict.code)
        == (VerdictStatus.INCOMPLETE, UNFINISHED)
        == (VerdictStatus.INCOMPLETE, "artifact.unfinished")
    )


async def _passed(*, asked: bool = True) -> Finding[bool]:
    return Finding(value=True, asked=asked)


async def test_verified_needs_every_step() -> None:
    steps = Checklist()
    for step in Step:
        assert steps.verdict("r", "d").status is VerdictStatus.INCOMPLETE
        await steps.run(step, lambda: _passed(asked=False))
    assert steps.verdict("r", "d").status is VerdictStatus.VERIFIED


async def test_a_refusal_outweighs_what_is_incomplete_and_nothing_passes_after_it() -> None:
    async def fail(error: Exception) -> Finding[bool]:
        raise error

    steps = Checklist()
    for step in Step:
        await steps.run(step, _passed)
    await steps.run(Step.FETCH, fail, UnavailableError("away"))
    await steps.run(Step.WORLD, fail, ArtifactError("artifact.world", "no handler"))
    verdict = steps.verdict("r", "d")
    assert (verdict.status, verdict.code) == (VerdictStatus.REFUSED, "artifact.world")


@pytest.mark.parametrize(
    ("code", "step"),
    [
        ("artifact.reference", Step.REFERENCE), ("artifact.registry", Step.REFERENCE), ("artifact.no-digest", Step.REFERENCE),
        ("artifact.unsigned", Step.SIGNATURE), ("artifact.signature-policy", Step.SIGNATURE),
    ],
)  # fmt: skip
def test_what_policy_refuses_is_told_at_its_step(code: str, step: Step) -> None:
    verdict = refusal("r", ArtifactError(code, "no", hint="do"))
    assert (verdict.status, verdict.code, verdict.message, verdict.hint) == (VerdictStatus.REFUSED, code, "no", "do")
    assert [each.step for each in verdict.steps if each.outcome is Outcome.REFUSED] == [step]
    assert len(verdict.steps) == len(Step)
