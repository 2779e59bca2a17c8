"""The values of artifact verification."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class VerdictStatus(StrEnum):
    """Verified; Refused: a deterministic finding; Incomplete: could not be completed, tried again, never a refusal."""

    VERIFIED = "Verified"
    REFUSED = "Refused"
    INCOMPLETE = "Incomplete"


@dataclass(frozen=True, kw_only=True, slots=True)
class StepResult:
    """One numbered step of verification: `name` (reference, fetch, digest, layout, …), whether it passed, and what it found."""

    name: str
    passed: bool
    detail: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What verification of one artifact found. `code` and `message` are empty where it is verified.

    `digest` is the manifest's (`sha256:…`), "" where it was not learnt. `warnings` are told and change nothing.
    """

    status: VerdictStatus
    reference: str
    digest: str = ""
    code: str = ""
    message: str = ""
    hint: str = ""
    steps: tuple[StepResult, ...] = ()
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Give the verdict as JSON, steps in order."""
        return {
            "status": str(self.status),
            "reference": self.reference,
            "digest": self.digest,
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "steps": [{"name": s.name, "passed": s.passed, "detail": s.detail} for s in self.steps],
            "warnings": list(self.warnings),
        }
