"""What an API server answered: a JSON object, or a refusal turned into one of our errors."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from reconciler.errors import ClusterError, UnavailableError

OK = range(200, 300)
REDIRECT = range(300, 400)
UNAUTHORIZED = 401
FORBIDDEN = 403
NOT_FOUND = 404
NOT_ALLOWED = 405
CONFLICT = 409
GONE = 410
INVALID = 422
#: The server refused before it did anything, for lack of room: to be asked again as it says.
BUSY = frozenset({429, 503})

#: The `reason` of a ClusterError where nothing can be made because the namespace is on its way out: wait for it.
NAMESPACE_TERMINATING = "NamespaceTerminating"

_SERVER_ERROR = 500
_TOLD_CAUSES = 8
#: How the API server begins its answer to an apply that does not fit the schema: a fault of the object, told as a bare 500.
_MISFIT = "failed to create typed patch object"
_MISFIT_VALUE = re.compile(r", got &.*", re.DOTALL)
_MANAGER = re.compile(r'conflict with "((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """An API server's answer: HTTP status and the parsed JSON object."""

    status: int
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Conflict:
    """One field that another manager owns; `field` is a path as the API server writes it (`.spec.replicas`)."""

    manager: str
    field: str


class ConflictError(ClusterError):
    """An apply without force met fields of other managers."""

    def __init__(self, message: str, *, conflicts: tuple[Conflict, ...]) -> None:
        super().__init__(
            message,
            status=CONFLICT,
            reason="Conflict",
            hint="take the field out of Git, or have its other manager let go of it",
        )
        self.conflicts = conflicts


class StaleServerError(UnavailableError):
    """The server does not know our resourceVersion yet: it lags behind, or its storage was restored from an older copy."""


def parse(raw: bytes, *, status: int, content_type: str, call: str) -> Mapping[str, Any]:
    """Give the JSON object of a body. `call` (method and path) begins the messages.

    Raises UnavailableError for a success that is not a JSON object: truncated, empty, a proxy's page. A refusal may come
    in any form; it is given as a Status with the first of its text.
    """
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        body = None
    if isinstance(body, dict):
        return body
    if status in OK:
        raise UnavailableError(f"{call}: the answer is not a JSON object ({content_type}, {len(raw)} bytes)")
    return {"message": raw[:300].decode("utf-8", "replace").strip() or f"HTTP {status}"}


def refusal(
    method: str, path: str, answer: Answer, retry_after: float | None = None
) -> ClusterError | UnavailableError:
    """Give the error for an answer that is no success."""
    status = answer.body
    message = str(status.get("message") or f"HTTP {answer.status}")
    if answer.status in REDIRECT:
        return UnavailableError(
            f"{method} {path}: the server redirects, which is not followed: credentials go to no other place",
            hint="name the API server's own URL in the kubeconfig",
        )
    causes = _causes(status)
    if answer.status == _SERVER_ERROR and message.startswith(_MISFIT):
        # The value that does not fit is quoted at the end, and may be a Secret's.
        return ClusterError(_MISFIT_VALUE.sub("", message), status=answer.status, reason="Invalid")
    if answer.status >= _SERVER_ERROR or answer.status in BUSY:
        stale = any(cause.get("reason") == "ResourceVersionTooLarge" for cause in causes)
        kind = StaleServerError if stale else UnavailableError
        return kind(f"{method} {path}: {message}", retry_after=retry_after)
    conflicts = tuple(
        Conflict(_manager(str(cause.get("message") or "")), str(cause.get("field") or ""))
        for cause in causes
        if cause.get("reason") == "FieldManagerConflict"
    )
    if answer.status == CONFLICT and conflicts:
        told = "; ".join(f"{each.field} is owned by {each.manager}" for each in conflicts[:_TOLD_CAUSES])
        more = f"; and {len(conflicts) - _TOLD_CAUSES} more" if len(conflicts) > _TOLD_CAUSES else ""
        return ConflictError(f"other field managers own what would be applied: {told}{more}", conflicts=conflicts)
    reason = str(status.get("reason") or "")
    if any(cause.get("reason") == NAMESPACE_TERMINATING for cause in causes):
        reason = NAMESPACE_TERMINATING  # told as Forbidden, and no matter of rights
    return ClusterError(message, status=answer.status, reason=reason)


def retry_after(value: str) -> float | None:
    """Give the seconds of a Retry-After header: a number or a date (RFC 9110, 10.2.3). None where there is none to read."""
    if value.isascii() and value.isdecimal():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (at.astimezone(UTC) - datetime.now(UTC)).total_seconds())


def _causes(status: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    details = status.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    return [cause for cause in causes if isinstance(cause, dict)] if isinstance(causes, list) else []


def _manager(message: str) -> str:
    found = _MANAGER.search(message)
    return found[1] if found else "another manager"
