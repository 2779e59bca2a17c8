"""What became of artifacts is told once, refusals one by one, what is verified in one sentence."""

from __future__ import annotations

from dataclasses import replace

from reconciler.agent.announcing import News, news_of
from reconciler.artifact.model import Outcome, Step, StepResult, Verdict, VerdictStatus

FRESH = StepResult(step=Step.FETCH, outcome=Outcome.PASSED)


def verified(name: str = "a") -> Verdict:
    return Verdict(status=VerdictStatus.VERIFIED, reference=f"ghcr.io/acme/{name}@sha256:0", steps=(FRESH,))


def refused(message: str = "it is not WebAssembly") -> Verdict:
    return Verdict(
        status=VerdictStatus.REFUSED, reference="ghcr.io/acme/a@sha256:0", code="artifact.wasm", message=message
    )


def news(verdicts: dict[str, Verdict], told: dict[str, Verdict] | None = None) -> list[News]:
    return list(news_of(verdicts, told or {}))


def test_a_refusal_is_a_warning_that_names_app_artifact_and_reason() -> None:
    (only,) = news({"shop": refused()})
    assert (only.sort, only.reason) == ("Warning", "ArtifactRefused")
    assert only.note == "app shop: ghcr.io/acme/a@sha256:0: artifact.wasm: it is not WebAssembly"


def test_what_could_not_be_completed_has_a_word_of_its_own() -> None:
    verdict = replace(refused(), status=VerdictStatus.INCOMPLETE, code="artifact.busy")
    assert [each.reason for each in news({"shop": verdict})] == ["ArtifactIncomplete"]


def test_verified_apps_are_one_sentence() -> None:
    (only,) = news({f"app-{number:04}": verified() for number in range(1000)})
    assert (only.sort, only.reason) == ("Normal", "ArtifactsVerified")
    assert only.note.startswith("artifacts of 1000 apps verified: app-0000, app-0001")
    assert only.note.endswith("and 990 more")


def test_many_refusals_do_not_flood() -> None:
    found = news({f"app-{number:04}": refused() for number in range(500)})
    assert len(found) == 21
    assert "480 more apps" in found[-1].note


def test_nothing_is_told_twice() -> None:
    verdicts = {"a": verified(), "b": refused()}
    assert news(verdicts, verdicts) == []
    assert news({"a": verified(), "b": refused()}, verdicts) == []


def test_attempts_that_fail_alike_are_one_piece_of_news_and_another_cause_is_another() -> None:
    told = {"a": refused("try 1")}
    assert news({"a": refused("try 2")}, told) == []
    assert len(news({"a": replace(refused(), code="artifact.world")}, told)) == 1


def test_what_is_known_from_before_a_restart_is_no_news_and_an_end_of_trouble_is() -> None:
    known = verified().remembered()
    assert news({"a": known}) == []
    assert [each.reason for each in news({"a": known}, {"a": refused()})] == ["ArtifactsVerified"]
