"""The values of artifact verification: what is asked, what each step found, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Generic, TypeVar

from reconciler.artifact.compile_policy import DEFAULT, CompilePolicy
from reconciler.artifact.sources import Sources
from reconciler.fleet.signature_rules import SignatureRule
from reconciler.manifest.model import Application

T = TypeVar("T")

#: Refusals of what a registry gave, not of what the digest names: it may be repaired.
MAY_BE_REPAIRED = frozenset({"artifact.digest", "artifact.size", "artifact.manifest-too-large"})

#: Findings that do not follow from the digest alone: a signature may be pushed after the artifact.
_MAY_COME = ("artifact.signature-", "artifact.attestation-")


class Step(StrEnum):
    """The numbered steps of verification, in order (docs/verification.md)."""

    REFERENCE = "reference"
    FETCH = "fetch"
    DIGEST = "digest"
    LAYOUT = "layout"
    GIT = "git"
    WASM = "wasm"
    WORLD = "world"
    SIGNATURE = "signature"


class Outcome(StrEnum):
    """What became of a step. Only Passed and NotAsked let an artifact pass."""

    PASSED = "Passed"
    REFUSED = "Refused"
    INCOMPLETE = "Incomplete"
    NOT_ASKED = "NotAsked"
    NOT_REACHED = "NotReached"


class VerdictStatus(StrEnum):
    """Verified; Refused: a deterministic finding; Incomplete: could not be completed, tried again, never a refusal."""

    VERIFIED = "Verified"
    REFUSED = "Refused"
    INCOMPLETE = "Incomplete"


@dataclass(frozen=True, kw_only=True, slots=True)
class Expected:
    """What Git and the policies ask of an artifact; a verdict holds for an artifact and what was asked of it.

    `registries` are allow-lists of prefixes: each of them must cover the reference. `application` is the spin.toml in Git, None
    where there is none to compare; `components` the ids that the App names, empty for all. `spin` is the cluster's Spin version.
    `signatures` are rules, each of which must be kept by itself.
    `sources` are the files beside that spin.toml, None where they are not at hand; `compile` says which binaries are compiled, `undeclared`
    (Allow, Warn or Deny) what becomes of imports that nothing is granted for.
    """

    registries: tuple[tuple[str, ...], ...] = ()
    require_digest: bool = True
    application: Application | None = None
    components: tuple[str, ...] = ()
    spin: str | None = None
    signatures: tuple[SignatureRule, ...] = ()
    sources: Sources | None = None
    compile: CompilePolicy = DEFAULT
    undeclared: str = "Allow"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding(Generic[T]):
    """What a step that did not fail gives to the next ones (`value`) and to people (`detail`, `warnings`).

    `asked` False: there was nothing to check, and that is fine. `known`: found earlier and remembered. `lasts`: the seconds after
    which it must be looked at again, None for findings that never change.
    """

    value: T
    detail: str = ""
    warnings: tuple[str, ...] = ()
    asked: bool = True
    known: bool = False
    lasts: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class StepResult:
    """One step: what became of it, and what it found. `code` is empty unless it failed; `seconds` is not part of the finding."""

    step: Step
    outcome: Outcome
    detail: str = ""
    code: str = ""
    hint: str = ""
    known: bool = field(default=False, compare=False)
    seconds: float = field(default=0.0, compare=False)

    def to_json(self) -> dict[str, Any]:
        """Give the result as JSON, without times: the same finding gives the same bytes."""
        return {"name": str(self.step), "outcome": str(self.outcome), "detail": self.detail, "code": self.code}


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What verification of one artifact found. `code` and `message` are empty where it is verified.

    `digest` is the manifest's (`sha256:…`), "" where it was not learnt. `warnings` are told and change nothing. `steps` has every
    step, those not reached as well. `lasts`: the seconds it may be remembered for, None where it holds as long as what was asked.
    `retry_after`: the seconds that a registry asked to be left alone for. `signers` are those whose signatures the rules counted.
    """

    status: VerdictStatus
    reference: str
    digest: str = ""
    code: str = ""
    message: str = ""
    hint: str = ""
    steps: tuple[StepResult, ...] = ()
    warnings: tuple[str, ...] = ()
    signers: tuple[str, ...] = ()
    lasts: float | None = field(default=None, compare=False)
    retry_after: float | None = field(default=None, compare=False)

    @property
    def lasting(self) -> bool:
        """Whether looking again would find the same: not so where something was incomplete, or a registry gave other bytes."""
        return not self.again

    @property
    def again(self) -> bool:
        """Whether it is worth asking again: nothing was decided, what is missing may come to be, or a registry be repaired."""
        undecided = self.status is VerdictStatus.INCOMPLETE
        return undecided or self.code.startswith(_MAY_COME) or self.code in MAY_BE_REPAIRED

    def remembered(self) -> Verdict:
        """Give the same verdict as one that took no time and looked at nothing."""
        return replace(self, steps=tuple(replace(step, known=True, seconds=0.0) for step in self.steps))

    def to_json(self) -> Mapping[str, Any]:
        """Give the verdict as JSON, steps in order."""
        return {
            "status": str(self.status),
            "reference": self.reference,
            "digest": self.digest,
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "steps": [step.to_json() for step in self.steps],
            "warnings": list(self.warnings),
            "signers": list(self.signers),
        }
