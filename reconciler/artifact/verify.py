"""Verifying an artifact: numbered steps that fail closed.

1. reference: parsed, its registry allowed, a digest named      4. layout: what the shim would run, and nothing else
2. fetch: the manifest, from the configured registry only       5. git: the locked app against the spin.toml in Git
3. digest and size of every byte read                           6. wasm: structure and validity, in a child   7. world: handlers
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from reconciler.artifact.access import RegistryAccess, access_for
from reconciler.artifact.against_git import differences
from reconciler.artifact.child import Children, WasmReport
from reconciler.artifact.layout import MAX_JSON, Descriptor, Layout, LockedApp, check_config, layout_of, locked_app
from reconciler.artifact.model import StepResult, Verdict, VerdictStatus
from reconciler.artifact.reference import Reference, parse_reference
from reconciler.artifact.registry import RegistryClient
from reconciler.artifact.verdicts import VerdictCache
from reconciler.artifact.worlds import handler_fault
from reconciler.errors import ArtifactError, UnavailableError
from reconciler.manifest.model import Application

#: Changes with every change to what is checked: cached findings of another verifier don't count.
VERIFIER = "1"
_LARGEST_IN_MEMORY = 8 * 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """What an artifact holds, proven to be what its digest says."""

    reference: Reference
    digest: str
    layout: Layout
    app: LockedApp | None
    wasm: dict[str, WasmReport]


@dataclass(kw_only=True, slots=True)
class Verifier:
    """Verifies artifacts. Open it with `async with`. The same artifact asked for several times at once is looked at once."""

    registries: Sequence[RegistryAccess]
    cache: Path
    require_digest: bool = True
    _session: aiohttp.ClientSession | None = None
    _children: Children = field(default_factory=Children)
    _clients: dict[RegistryAccess, dict[str, RegistryClient]] = field(default_factory=dict)
    _looking: dict[str, asyncio.Task[Contents]] = field(default_factory=dict)
    _known: dict[str, Contents] = field(default_factory=dict)

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=30))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._looking.values():
            task.cancel()
        await asyncio.gather(*self._looking.values(), return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def verify(self, reference: str, *, expected: Application | None = None, spin: str | None = None) -> Verdict:  # noqa: ARG002 - for the world tables of each Spin version
        """Verify an artifact against what Git says. Nothing is raised: what could not be completed is Incomplete."""
        steps: list[StepResult] = []
        warnings: tuple[str, ...] = ()
        digest = ""
        try:
            parsed, access = self._reference(reference, steps)
            contents = await self._contents(parsed, access, steps)
            digest = contents.digest
            if expected is not None:
                warnings = self._against_git(contents, expected, steps)
            self._world(contents, steps)
        except ArtifactError as error:
            return Verdict(
                status=VerdictStatus.REFUSED, reference=reference, digest=digest, code=error.code, message=error.message,
                hint=error.hint, steps=tuple(steps),
            )  # fmt: skip
        except UnavailableError as error:
            return Verdict(
                status=VerdictStatus.INCOMPLETE, reference=reference, digest=digest, code="artifact.unavailable", message=error.message,
                hint=error.hint, steps=tuple(steps),
            )  # fmt: skip
        except (OSError, ValueError, RecursionError) as error:
            # Nothing that a registry or a configuration says may end the agent's turn: what broke here was not checked.
            return Verdict(
                status=VerdictStatus.INCOMPLETE, reference=reference, digest=digest, code="artifact.unavailable",
                message=f"the verification could not be completed: {error}"[:300], steps=tuple(steps),
            )  # fmt: skip
        return Verdict(
            status=VerdictStatus.VERIFIED, reference=reference, digest=digest, steps=tuple(steps), warnings=warnings
        )

    def _reference(self, text: str, steps: list[StepResult]) -> tuple[Reference, RegistryAccess]:
        """Step 1."""
        with _step(steps, "reference"):
            reference = parse_reference(text)
            if self.require_digest and not reference.digest:
                raise ArtifactError(
                    "artifact.no-digest",
                    f"{text}: a tag can be moved; a digest is required",
                    hint="write registry/name@sha256:…",
                )
            access = access_for(reference, self.registries)
            if access is None:
                allowed = ", ".join(entry.prefix for entry in self.registries)
                raise ArtifactError(
                    "artifact.registry", f"{reference.registry} is not among the allowed registries ({allowed})"
                )
        return reference, access

    async def _contents(self, reference: Reference, access: RegistryAccess, steps: list[StepResult]) -> Contents:
        """Steps 2, 3, 4 and 6: what is true of the digest alone, looked at once and remembered."""
        key = str(reference)
        if key not in self._known:
            task = self._looking.get(key)
            if task is None:
                task = self._looking[key] = asyncio.create_task(self._look(reference, access))
                task.add_done_callback(lambda _: self._looking.pop(key, None))
            with _step(steps, "contents"):
                contents = await asyncio.shield(task)
            if reference.digest:
                self._known[key] = contents
        else:
            contents = self._known[key]
            steps.append(StepResult(name="contents", passed=True, detail="known"))
        return contents

    async def _look(self, reference: Reference, access: RegistryAccess) -> Contents:
        client = self._client(reference.registry, access)
        data, digest = await client.manifest(reference)
        layout = layout_of(data)
        check_config(await self._small(client, reference, layout.config), layout)
        app = None
        if layout.application is not None:
            app = locked_app(await self._small(client, reference, layout.application), layout)
        wasm = {layer.digest: await self._wasm(client, reference, layer) for layer in layout.wasm}
        for component in app.components if app is not None else ():
            if component.inline is not None:
                wasm[component.id] = await self._inline(component.inline)
        return Contents(reference=reference, digest=digest, layout=layout, app=app, wasm=wasm)

    def _client(self, registry: str, access: RegistryAccess) -> RegistryClient:
        assert self._session is not None  # noqa: S101 - `async with` has opened it
        clients = self._clients.setdefault(access, {})
        if registry not in clients:
            clients[registry] = RegistryClient(session=self._session, access=access, registry=registry)
        return clients[registry]

    async def _small(self, client: RegistryClient, reference: Reference, descriptor: Descriptor) -> bytes:
        if descriptor.size > MAX_JSON:
            raise ArtifactError(
                "artifact.size", f"a JSON blob of {descriptor.size} bytes, and at most {MAX_JSON} are read"
            )
        with tempfile.SpooledTemporaryFile(max_size=_LARGEST_IN_MEMORY) as handle:
            await client.blob(reference.repository, descriptor.digest, descriptor.size, handle)
            handle.seek(0)
            return bytes(handle.read())

    async def _wasm(self, client: RegistryClient, reference: Reference, layer: Descriptor) -> WasmReport:
        """Fetch a Wasm layer to disk and look inside; known digests are not even fetched."""
        store = VerdictCache(self.cache, VERIFIER)
        if (known := _report(store.get(layer.digest))) is not None:
            return known
        with tempfile.NamedTemporaryFile(prefix="layer-", suffix=".wasm") as handle:
            await client.blob(reference.repository, layer.digest, layer.size, handle)
            handle.flush()
            report = await self._children.validate(Path(handle.name))
        value = {"kind": report.kind, "imports": report.imports, "exports": report.exports, "modules": report.modules}
        await asyncio.to_thread(store.put, layer.digest, value)
        return report

    async def _inline(self, data: bytes) -> WasmReport:
        with tempfile.NamedTemporaryFile(prefix="inline-", suffix=".wasm") as handle:
            handle.write(data)
            handle.flush()
            return await self._children.validate(Path(handle.name))

    def _against_git(self, contents: Contents, expected: Application, steps: list[StepResult]) -> tuple[str, ...]:
        """Step 5."""
        with _step(steps, "git"):
            if contents.app is None:
                return ("the artifact is a bare Wasm module: its grants can't be compared with spin.toml",)
            errors, warnings = differences(contents.app, expected)
            if errors:
                raise ArtifactError(
                    "artifact.differs-from-git",
                    "; ".join(errors[:5]),
                    hint="push the artifact built from this spin.toml, and put its digest into Git",
                )
        return tuple(warnings)

    def _world(self, contents: Contents, steps: list[StepResult]) -> None:
        """Step 7."""
        if contents.app is None:
            return
        with _step(steps, "world"):
            components = {component.id: component for component in contents.app.components}
            for trigger in contents.app.triggers:
                config = trigger.get("trigger_config") or {}
                name = config.get("component") if isinstance(config, dict) else None
                component = components.get(name) if isinstance(name, str) else None
                if component is None:
                    continue
                report = contents.wasm.get(component.digest) or contents.wasm.get(component.id)
                if report is None or report.kind == "module":
                    continue
                executor = config.get("executor") or {}
                wagi = isinstance(executor, dict) and executor.get("type") == "wagi"
                if fault := handler_fault(str(trigger.get("trigger_type")), report.exports, wagi=wagi):
                    raise ArtifactError(
                        "artifact.world", f"component {name!r}: {fault}", hint="build it for the world of its trigger"
                    )


def _report(value: Mapping[str, Any] | None) -> WasmReport | None:
    """Read a remembered finding; anything odd about it means that it was never made."""
    if value is None or not isinstance(value.get("kind"), str) or not isinstance(value.get("modules"), int):
        return None
    names = [value.get("imports"), value.get("exports")]
    if not all(isinstance(each, list) and all(isinstance(name, str) for name in each) for each in names):
        return None
    return WasmReport(
        kind=value["kind"], imports=tuple(value["imports"]), exports=tuple(value["exports"]), modules=value["modules"]
    )


class _step:  # noqa: N801 - reads as a statement
    """Records a step as passed, or as failed with the error that ends it."""

    def __init__(self, steps: list[StepResult], name: str) -> None:
        self._steps, self._name = steps, name

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._steps.append(
            StepResult(name=self._name, passed=error is None, detail=str(error) if error is not None else "")
        )
