"""The artifacts of a change, verified with the agent's own steps where their registry can be read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reconciler.check.artifacts import NOT_VERIFIED, ArtifactChange, ArtifactDetails, Status
from reconciler.errors import ArtifactError, UnavailableError

if TYPE_CHECKING:
    from reconciler.artifact.inspection import Inspection
    from reconciler.artifact.model import Expected, Verdict
    from reconciler.artifact.verify import Verifier
    from reconciler.check.change_report import ChangeReport
    from reconciler.cli.registries import RegistryOptions
    from reconciler.fleet.model import AppAssignment, Cluster, Fleet
    from reconciler.tree import Tree

#: More are not looked at: a change of the defaults may touch every artifact of a fleet.
_MOST = 200
_AT_ONCE = 8
_MOST_REASON = 300


def verified(report: ChangeReport, head: Tree, registries: RegistryOptions, seconds: float) -> ChangeReport:
    """Give the report with what verification found, by the policy of head. What there is no time for stays not verified."""
    from reconciler.artifact.sources import CommitFiles

    files = CommitFiles(head)
    fleet = report.fleets[1]
    asked = [
        _Asked(change, app, fleet, fleet.clusters[change.clusters[0]], files, registries)
        for change, app in zip(report.artifacts[:_MOST], report.asked, strict=False)
    ]
    found = asyncio.run(_all(asked, seconds))
    left = len(report.artifacts) - len(found)
    notes = (*report.notes, f"{left} more artifacts were not verified") if left else report.notes
    return replace(report, artifacts=(*found, *report.artifacts[len(found) :]), notes=notes)


class _Asked:
    """One artifact and what is asked of it."""

    def __init__(
        self, change: ArtifactChange, app: AppAssignment, fleet: Fleet, cluster: Cluster, files: Any,
        registries: RegistryOptions,
    ) -> None:  # fmt: skip
        self.change = change
        self._app, self._fleet, self._cluster, self._files = app, fleet, cluster, files
        self.reference = str(app.spec.get("artifact", ""))
        self.entries = registries.entries(self.reference, named=False)

    def expected(self) -> Expected:
        """Give what the Fleet's policy and Git ask. Raises ArtifactError where policy refuses it as it is named."""
        from reconciler.artifact.compile_policy import ALWAYS
        from reconciler.cli.expectations import expected_of_app

        expected = expected_of_app(self._fleet, self._files, self._app, self.reference, self._cluster.name)
        # Before a merge there is time to compile whatever its size: nobody waits for a rollout.
        return replace(expected, compile=ALWAYS)


async def _all(asked: Sequence[_Asked], seconds: float) -> list[ArtifactChange]:
    import contextlib

    from reconciler.artifact.verify import Verifier
    from reconciler.local.binary import cache_folder

    limit = asyncio.Semaphore(_AT_ONCE)
    async with contextlib.AsyncExitStack() as stack:
        verifiers: dict[Any, Verifier] = {}
        for each in asked:
            if each.entries not in verifiers:
                verifier = Verifier(registries=each.entries, cache=cache_folder() / "verdicts")
                verifiers[each.entries] = await stack.enter_async_context(verifier)

        async def one(each: _Asked) -> ArtifactChange:
            async with limit:
                return await _verified(verifiers[each.entries], each)

        tasks = [asyncio.create_task(one(each)) for each in asked]
        await asyncio.wait(tasks, timeout=max(seconds, 0.0))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    late = f"{NOT_VERIFIED}: there was no time left"
    return [
        replace(each.change, status=Status.INCOMPLETE, verdict=late) if task.cancelled() else task.result()
        for each, task in zip(asked, tasks, strict=True)
    ]


async def _verified(verifier: Verifier, asked: _Asked) -> ArtifactChange:
    try:
        verdict = await verifier.verify(asked.reference, asked.expected())
    except ArtifactError as error:
        return replace(asked.change, status=Status.REFUSED, verdict=_refused(error.code, error.message))
    status = Status(str(verdict.status))
    if status is Status.INCOMPLETE:
        reason = f"{NOT_VERIFIED}: {verdict.message[:_MOST_REASON]}"
        return replace(asked.change, status=status, verdict=reason)
    if status is Status.REFUSED:
        return replace(asked.change, status=status, verdict=_refused(verdict.code, verdict.message))
    details = await _details(verifier, asked, verdict)
    warnings = f", with {len(verdict.warnings)} warnings: {verdict.warnings[0]}" if verdict.warnings else ""
    return replace(asked.change, status=status, verdict=f"verified{warnings}", details=details)


def _refused(code: str, message: str) -> str:
    return f"refused [{code}]: {message[:_MOST_REASON]}"


async def _details(verifier: Verifier, asked: _Asked, verdict: Verdict) -> ArtifactDetails | None:
    head = await _opened(verifier, asked.reference)
    if head is None:
        return None
    base = await _opened(verifier, asked.change.base) if asked.change.base not in {"", asked.reference} else None
    if asked.change.base == asked.reference:
        base = head
    imports = [_imports(each) for each in (base, head)]
    fitting = [set(each["spin"]) for each in head["components"]]
    return ArtifactDetails(
        size=head["size"],
        base_size=base["size"] if base is not None else None,
        spin=tuple(sorted(set.intersection(*fitting))) if fitting else (),
        triggers=tuple(sorted({str(each["type"]) for each in head["triggers"]})),
        imports_gained=tuple(sorted(imports[1] - imports[0])) if base is not None else (),
        imports_lost=tuple(sorted(imports[0] - imports[1])),
        signers=verdict.signers,
    )


def _imports(found: dict[str, Any] | None) -> set[str]:
    return {name for each in (found or {}).get("components", ()) for name in each["importsWithoutGrant"]}


async def _opened(verifier: Verifier, reference: str) -> dict[str, Any] | None:
    try:
        found: Inspection = await verifier.inspect(reference)
    except (ArtifactError, UnavailableError):
        return None
    return found.to_json()
