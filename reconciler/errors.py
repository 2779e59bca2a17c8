"""What can go wrong, by who can act on it. Every message names the place; `hint` says the next step."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.problems import Problem


class SpinfleetError(Exception):
    """Base of all expected failures: the command prints message and hint and no traceback."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(SpinfleetError):
    """What a person wrote is wrong: a manifest, a fleet document, an argument. The author can act."""

    def __init__(self, message: str, *, hint: str = "", problems: Sequence[Problem] = ()) -> None:
        super().__init__(message, hint=hint)
        self.problems = tuple(problems)


class ArtifactError(SpinfleetError):
    """An artifact is not what Git says, or not what Spin runs: a deterministic finding. The publisher can act."""

    def __init__(self, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code


class ClusterError(SpinfleetError):
    """The API server refused a request. `status` is its HTTP status, `reason` the Status object's reason."""

    def __init__(self, message: str, *, status: int, reason: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.reason = reason


class UnavailableError(SpinfleetError):
    """Something could not be reached or did not answer in time; the outcome is unknown and it may be tried again.

    `code` names the cause where reports tell causes apart.
    """

    def __init__(self, message: str, *, hint: str = "", retry_after: float | None = None, code: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after
        self.code = code
