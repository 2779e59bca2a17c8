"""Steps that are a function of what was asked: found once, passed or refused, and remembered on disk.

What could not be completed is never remembered, nor what a registry that is repaired would give otherwise.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from reconciler.artifact.findings import Findings
from reconciler.artifact.model import MAY_BE_REPAIRED, Finding
from reconciler.errors import ArtifactError

_REFUSED = "refused"


async def remembered(
    findings: Findings, step: str, key: tuple[str, ...], look: Callable[[], Awaitable[Finding[bool]]]
) -> Finding[bool]:
    """Give a step's remembered finding, or look and remember it. Raises what `look` raises, and refusals remembered."""
    found = _finding(await findings.get(step, *key))
    if found is not None:
        return found
    async with refusals(findings, step, key):
        found = await look()
    value = {"detail": found.detail, "warnings": list(found.warnings), "asked": found.asked}
    await findings.put(step, *key, value=value, lasts=found.lasts)
    return found


@asynccontextmanager
async def refusals(findings: Findings, step: str, key: tuple[str, ...]) -> AsyncIterator[None]:
    """Remember a refusal (ArtifactError) that ends the block; one that is remembered is raised before it begins."""
    known = await findings.get(f"{step} refused", *key)
    if known is not None and (refusal := _refusal(known.get(_REFUSED))) is not None:
        raise refusal
    try:
        yield
    except ArtifactError as error:
        if error.code not in MAY_BE_REPAIRED:
            await findings.put(f"{step} refused", *key, value={_REFUSED: [error.code, error.message, error.hint]})
        raise


def _finding(known: Any) -> Finding[bool] | None:
    """Read a finding; anything odd about it means that it was never made."""
    if known is None or not isinstance(known.get("detail"), str) or not isinstance(known.get("asked"), bool):
        return None
    warnings = known.get("warnings")
    if not isinstance(warnings, list) or not all(isinstance(each, str) for each in warnings):
        return None
    return Finding(value=True, detail=known["detail"], warnings=tuple(warnings), asked=known["asked"], known=True)


def _refusal(value: Any) -> ArtifactError | None:
    if not isinstance(value, list) or len(value) != 3 or not all(isinstance(each, str) for each in value):
        return None
    return ArtifactError(value[0], value[1], hint=value[2])
