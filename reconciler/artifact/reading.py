"""Reading an artifact: its manifest, its small blobs, what is inside its layers. Every byte is proven, and nothing is read twice.

Bytes are proven by their digest, whichever registry they came from. That they can be had is not: each repository is asked for the manifest.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.artifact.child import WasmReport, look_inside, look_into_archive
from reconciler.artifact.compile_policy import CompilePolicy
from reconciler.artifact.findings import Findings
from reconciler.artifact.layout import MAX_JSON, Descriptor, Layout, check_config, layout_of
from reconciler.artifact.locked_app import LockedApp, check_file_layers, locked_app
from reconciler.artifact.model import Finding
from reconciler.artifact.once import Once
from reconciler.artifact.reference import Reference, digest_of
from reconciler.artifact.registry import RegistryClient
from reconciler.artifact.remembering import refusals
from reconciler.errors import ArtifactError

#: Changes with every change to what steps 4 to 7 check: remembered findings of another verifier don't count.
VERIFIER = "7"
#: Bytes of all Wasm and archive layers of one artifact.
MAX_ARTIFACT = 1024 * 1024 * 1024
_MOST_CONTENTS, _LARGEST_KEPT = 64, 64 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Where an artifact is asked for: the parsed reference and its registry's client."""

    reference: Reference
    client: RegistryClient


@dataclass(frozen=True, kw_only=True, slots=True)
class Proven:
    """A manifest that is what its digest says. Blobs that it names are proven as they are read."""

    source: Source
    manifest: bytes
    digest: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """What an artifact holds, by its manifest and locked app. `app` is None for a bare Wasm module."""

    proven: Proven
    layout: Layout
    app: LockedApp | None


@dataclass(kw_only=True, slots=True)
class Reader:
    """Reads artifacts for a verifier. `cache` is a folder for layers while they are looked at."""

    cache: Path
    findings: Findings
    once: Once
    _contents: OrderedDict[str, tuple[Layout, LockedApp | None]] = field(default_factory=OrderedDict)

    async def manifest(self, source: Source) -> Finding[bytes]:
        """Give the manifest. Each repository is asked once: that another has the same digest does not make it be here."""
        reference = source.reference
        place = f"{reference.registry}/{reference.repository}"

        async def read() -> Finding[bytes]:
            digest = reference.digest
            if digest and await self.findings.get("fetch", place, digest) is not None:
                known = await self.findings.blob(digest)
                if known is not None:
                    return Finding(value=known, known=True)
            manifest = await source.client.manifest(reference)
            if digest and digest_of(manifest, digest) == digest:
                await self.findings.keep_blob(digest, manifest)
                await self.findings.put("fetch", place, digest, value={})
            return Finding(value=manifest)

        return await self.once.do(("fetch", str(reference)), str(reference), read)

    async def prove(self, source: Source, manifest: bytes) -> Finding[Proven]:
        """Hold a manifest against the digest that was asked for. Raises ArtifactError."""
        wanted = source.reference.digest
        digest = digest_of(manifest, wanted or "sha256:")
        if wanted and digest != wanted:
            raise ArtifactError(
                "artifact.digest",
                f"the registry's manifest has digest {digest}, and Git says {wanted}",
                hint="find out which of the two was changed",
            )
        return Finding(value=Proven(source=source, manifest=manifest, digest=digest), detail=digest)

    async def _small(self, source: Source, descriptor: Descriptor) -> bytes:
        """Read a blob of JSON, proven, from what is known or from the registry."""
        if descriptor.size > MAX_JSON:
            raise ArtifactError(
                "artifact.size", f"a JSON blob of {descriptor.size} bytes, and at most {MAX_JSON} are read",
                hint="republish with spin registry push",
            )  # fmt: skip

        async def read() -> bytes:
            if (known := await self.findings.blob(descriptor.digest)) is not None:
                return known
            async with self._file(source, descriptor) as path:
                data = await asyncio.to_thread(path.read_bytes)
            await self.findings.keep_blob(descriptor.digest, data)
            return data

        return await self.once.do(("bytes", descriptor.digest), str(source.reference), read)

    @asynccontextmanager
    async def _file(self, source: Source, blob: Descriptor) -> AsyncIterator[Path]:
        """Have a blob as a file, in the cache folder: the agent's root file system is read-only. It goes when it was looked at."""
        self.cache.mkdir(parents=True, exist_ok=True)
        # A few at a time from one registry: they are large, and a slow one must not keep others from theirs.
        async with source.client.slots:
            with tempfile.NamedTemporaryFile(prefix="layer-", suffix=".tmp", dir=self.cache) as handle:
                await source.client.blob(source.reference.repository, blob.digest, blob.size, handle)
                yield Path(handle.name)

    async def layout(self, proven: Proven) -> Finding[Contents]:
        """Read layout and locked app. Raises ArtifactError where the shim would not run them, UnavailableError."""
        known = self._contents.get(proven.digest)
        if known is None:
            origin = str(proven.source.reference)
            known = await self.once.do(("layout", proven.digest), origin, lambda: self._read_layout(proven))
            # Large ones are read again where they are asked for again: hostile ones would fill the memory.
            if known[0].application is None or known[0].application.size <= _LARGEST_KEPT:
                self._contents[proven.digest] = known
            while len(self._contents) > _MOST_CONTENTS:
                self._contents.popitem(last=False)
        layout, app = known
        return Finding(value=Contents(proven=proven, layout=layout, app=app), detail=_layers(layout))

    async def _read_layout(self, proven: Proven) -> tuple[Layout, LockedApp | None]:
        """Read what the manifest names. In threads: a few megabytes of JSON would hold up all else."""
        layout = await asyncio.to_thread(layout_of, proven.manifest)
        _check_total(layout)
        config = await self._small(proven.source, layout.config)
        await asyncio.to_thread(check_config, config, layout)
        if layout.application is None:
            return layout, None
        data = await self._small(proven.source, layout.application)
        app = await asyncio.to_thread(locked_app, data, layout)
        wanted = {file.digest for component in app.components for file in component.files}
        archived: set[str] = set()
        for layer in layout.archives:
            archived |= wanted & await self._archive(proven.source, layer)
        check_file_layers(app, layout, archived)
        return layout, app

    async def _archive(self, source: Source, layer: Descriptor) -> frozenset[str]:
        """Give the digests of the files in an archive layer."""

        async def look() -> frozenset[str]:
            known = await self.findings.get("archive", layer.digest, VERIFIER)
            if known is not None and isinstance(known.get("files"), list):
                return frozenset(map(str, known["files"]))
            async with refusals(self.findings, "archive", (layer.digest, VERIFIER)), self._file(source, layer) as path:
                found = await look_into_archive(path)
            await self.findings.put("archive", layer.digest, VERIFIER, value={"files": sorted(found)})
            return found

        return await self.once.do(("archive", layer.digest), str(source.reference), look)

    async def layer(self, source: Source, layer: Descriptor, policy: CompilePolicy) -> WasmReport:
        """Give what is inside a layer. Its digest proves it: found once, it need not even be fetched."""

        async def look() -> WasmReport:
            known = WasmReport.from_json(await self.findings.get("wasm", layer.digest, VERIFIER))
            if known is not None and (known.compiled or not wanted):
                return known
            refused = refusals(self.findings, "wasm", (layer.digest, VERIFIER, "compiled" if wanted else ""))
            async with refused, self._file(source, layer) as path:
                report = await look_inside(path, compiled=wanted)
            await self.findings.put("wasm", layer.digest, VERIFIER, value=report.to_json())
            return report

        wanted = policy.wants(layer.size)
        return await self.once.do(("wasm", layer.digest, wanted), str(source.reference), look)


def _check_total(layout: Layout) -> None:
    total = sum(layer.size for layer in (*layout.wasm, *layout.archives))
    if total > MAX_ARTIFACT:
        raise ArtifactError(
            "artifact.size", f"its layers have {total} bytes, and at most {MAX_ARTIFACT} are read of one artifact",
            hint="make the components smaller, or several apps of them",
        )  # fmt: skip


def _layers(layout: Layout) -> str:
    kind = "Spin application" if layout.application is not None else "single Wasm layer"
    return f"{kind}, {len(layout.layers)} layers, {sum(layer.size for layer in layout.layers)} bytes"
