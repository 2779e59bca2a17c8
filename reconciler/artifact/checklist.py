"""Running the steps of a verification: each is recorded, what it needs decides whether it is reached, and all must be fine."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from reconciler.artifact.model import Finding, Outcome, Step, StepResult, Verdict, VerdictStatus
from reconciler.errors import ArtifactError, UnavailableError
from reconciler.problems import printable

T = TypeVar("T")

#: What could not be completed, where nothing says more exactly why.
UNFINISHED = "artifact.unfinished"
#: Later steps read blobs too. What goes wrong in reading belongs to the step that reading is.
_OWN_STEP = {
    Step.FETCH: frozenset(
        {
            "artifact.unavailable",
            "artifact.not-found",
            "artifact.unauthorized",
            "artifact.busy",
            "artifact.truncated",
            "artifact.redirect",
            "artifact.address",
            "artifact.token",
            "artifact.encoding",
            "artifact.unsupported",
        }
    ),
    Step.DIGEST: frozenset({"artifact.digest", "artifact.size"}),
}
#: Characters of one text: names in an artifact may be as long as its locked app.
_LONGEST = 2_000
_OF_REFERENCES = frozenset({"artifact.reference", "artifact.registry", "artifact.no-digest"})


@dataclass(slots=True)
class Checklist:
    """The results of one verification as they come in."""

    _results: dict[Step, StepResult] = field(default_factory=dict)
    _warnings: list[str] = field(default_factory=list)
    _lasts: float | None = None
    _retry_after: float | None = None

    async def run(self, step: Step, work: Callable[..., Awaitable[Finding[T]]], *needs: Any) -> T | None:
        """Take a step with the values that it needs; None where it failed, or one of them is None because its step failed."""
        if any(need is None for need in needs):
            return None
        began = time.perf_counter()
        try:
            finding = await work(*needs)
        except ArtifactError as error:
            self._fail(step, Outcome.REFUSED, error.code, error.message, error.hint, began)
        except UnavailableError as error:
            self._fail(step, Outcome.INCOMPLETE, error.code or UNFINISHED, error.message, error.hint, began)
            self._retry_after = max(self._retry_after or 0.0, error.retry_after or 0.0) or None
        except (OSError, ValueError, RecursionError) as error:
            # Nothing that a registry or a configuration says may end the agent's turn: what broke here was not checked.
            message = f"could not be completed: {error}"[:300]
            self._fail(step, Outcome.INCOMPLETE, UNFINISHED, message, "", began)
        else:
            self._pass(step, finding, time.perf_counter() - began)
            return finding.value
        return None

    def _pass(self, step: Step, finding: Finding[Any], seconds: float) -> None:
        self._results[step] = StepResult(
            step=step, outcome=Outcome.PASSED if finding.asked else Outcome.NOT_ASKED, detail=_told(finding.detail),
            known=finding.known, seconds=seconds,
        )  # fmt: skip
        self._warnings += map(_told, finding.warnings)
        if finding.lasts is not None:
            self._lasts = finding.lasts if self._lasts is None else min(self._lasts, finding.lasts)

    def _fail(self, running: Step, outcome: Outcome, code: str, message: str, hint: str, began: float) -> None:
        step = next((own for own, codes in _OWN_STEP.items() if code in codes), running)
        self._results[step] = StepResult(
            step=step, outcome=outcome, detail=_told(message), code=code, hint=hint, seconds=time.perf_counter() - began
        )

    def verdict(self, reference: str, digest: str) -> Verdict:
        """Give the verdict: Refused where any step is, else Incomplete where any is, else Verified, if every step let it pass."""
        steps = tuple(
            self._results.get(step) or StepResult(step=step, outcome=Outcome.NOT_REACHED, detail="not reached")
            for step in Step
        )
        failed = [step for step in steps if step.outcome is Outcome.REFUSED]
        failed = failed or [step for step in steps if step.outcome not in {Outcome.PASSED, Outcome.NOT_ASKED}]
        if not failed:
            return Verdict(
                status=VerdictStatus.VERIFIED, reference=reference, digest=digest, steps=steps,
                warnings=tuple(self._warnings), lasts=self._lasts,
            )  # fmt: skip
        first = failed[0]
        refused = first.outcome is Outcome.REFUSED
        return Verdict(
            status=VerdictStatus.REFUSED if refused else VerdictStatus.INCOMPLETE, reference=reference, digest=digest,
            code=first.code or UNFINISHED, message=first.detail, hint=first.hint, steps=steps, warnings=tuple(self._warnings),
            lasts=self._lasts, retry_after=self._retry_after,
        )  # fmt: skip


def refusal(reference: str, error: ArtifactError) -> Verdict:
    """Give the verdict on an artifact that policy refuses before anything of it is fetched."""
    step = Step.REFERENCE if error.code in _OF_REFERENCES else Step.SIGNATURE
    steps = Checklist()
    steps._fail(step, Outcome.REFUSED, error.code, error.message, error.hint, time.perf_counter())  # noqa: SLF001 - its own module
    return steps.verdict(reference, "")


def _told(text: str) -> str:
    """Give what a step found as it may be shown: it quotes an artifact or a registry, and goes to terminals, logs and the status."""
    return printable(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")
