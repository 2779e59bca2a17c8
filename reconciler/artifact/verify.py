"""Verifying an artifact: numbered steps that fail closed (docs/verification.md).

1. reference  parsed, its registry allowed, a digest named       5. git        the locked app against the spin.toml in Git
2. fetch      from the configured registry only                  6. wasm       structure and validity, in a bounded child
3. digest     of every byte that is read, and its size           7. world      the export that each trigger needs
4. layout     what the shim would run, and nothing else          8. signature  as the policies ask

9. The verdict: Verified only if every step passed, or had nothing to check. After a refusal the steps go on as far as they have
something to look at, so that people see everything at once; nothing passes any more.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import json
import tempfile
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from reconciler.artifact.access import Hosts, RegistryAccess, access_for
from reconciler.artifact.against_git import compare
from reconciler.artifact.checklist import Checklist
from reconciler.artifact.child import WasmReport, look_inside, look_into_archive
from reconciler.artifact.compile_policy import NEVER, CompilePolicy
from reconciler.artifact.findings import Findings
from reconciler.artifact.grants import granted, undeclared
from reconciler.artifact.inspection import Inspection
from reconciler.artifact.layout import MAX_JSON, Descriptor, Layout, check_config, layout_of
from reconciler.artifact.locked_app import LockedApp, check_file_layers, locked_app
from reconciler.artifact.model import Expected, Finding, Step, Verdict
from reconciler.artifact.once import Once
from reconciler.artifact.reference import Reference, digest_of, parse_reference, prefix_matches
from reconciler.artifact.registry import Registries, RegistryClient
from reconciler.artifact.remembering import refusals, remembered
from reconciler.artifact.signatures.candidates import Candidates
from reconciler.artifact.signatures.model import Signed, signed_of
from reconciler.artifact.signatures.verify import verify_signatures
from reconciler.artifact.worlds import check_imports, check_world
from reconciler.errors import ArtifactError, UnavailableError
from reconciler.fleet.signature_rules import SignatureRule
from reconciler.manifest.model import Application

#: Changes with every change to what steps 4 to 7 check: remembered findings of another verifier don't count.
VERIFIER = "4"
#: Seconds for which it counts that somebody has signed; then the registry is asked again.
SIGNED_FOR = 24 * 60 * 60.0
#: Bytes of all Wasm and archive layers of one artifact.
MAX_ARTIFACT = 1024 * 1024 * 1024
_NOTHING_EXPECTED = Expected()
_MOST_VERDICTS = 20_000
_MOST_CONTENTS = 64


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
class Verifier:
    """Verifies artifacts. Open it with `async with`. What several ask for at the same time is looked at once.

    `registries` are reached as they say and no others where there are any; `cache` is a folder for findings and for layers while
    they are looked at.
    """

    registries: Sequence[RegistryAccess]
    cache: Path
    findings: Findings = field(init=False)
    _clients: Registries = field(init=False)
    _once: Once = field(default_factory=Once)
    _verdicts: OrderedDict[tuple[str, str], tuple[Verdict, float | None]] = field(default_factory=OrderedDict)
    _contents: OrderedDict[str, tuple[Layout, LockedApp | None]] = field(default_factory=OrderedDict)
    _keys: OrderedDict[int, tuple[Application, str]] = field(default_factory=OrderedDict)

    def __post_init__(self) -> None:
        self.findings = Findings(self.cache)
        self._clients = Registries(Hosts.of(self.registries))

    async def __aenter__(self) -> Self:
        await self._clients.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._once.close()
        await self._clients.close()

    async def read(self, reference: str) -> Contents:
        """Give what an artifact holds, every byte proven by its digest. Raises ArtifactError and UnavailableError."""
        source = (await self._reference(reference, Expected(require_digest=False))).value
        proven = (await self._prove(source, (await self._fetch(source)).value)).value
        return (await self._layout(proven)).value

    async def verify(self, reference: str, expected: Expected = _NOTHING_EXPECTED) -> Verdict:
        """Verify an artifact against what is asked of it. Nothing is raised: what could not be completed is Incomplete."""
        key = (reference, self._key(expected))
        if (known := self._known(key)) is not None:
            return known
        steps = Checklist()
        source = await steps.run(Step.REFERENCE, self._reference, reference, expected)
        manifest = await steps.run(Step.FETCH, self._fetch, source)
        proven = await steps.run(Step.DIGEST, self._prove, source, manifest)
        contents = await steps.run(Step.LAYOUT, self._layout, proven)
        await steps.run(Step.GIT, self._once_for(Step.GIT, self._git), contents, expected)
        wasm = await steps.run(Step.WASM, self._wasm, contents, expected)
        await steps.run(Step.WORLD, self._once_for(Step.WORLD, self._world), contents, wasm, expected)
        signers = await steps.run(Step.SIGNATURE, self._signature, proven, expected)
        verdict = steps.verdict(reference, proven.digest if proven is not None else "")
        verdict = dataclasses.replace(verdict, signers=signers or ())
        self._remember(key, verdict)
        return verdict

    async def inspect(self, reference: str) -> Inspection:
        """Open an artifact without judging it; binaries are walked and validated, never compiled or run.

        Raises ArtifactError where it has no layout that can be read, UnavailableError where it can't be fetched.
        """
        source = (await self._reference(reference, Expected(require_digest=False))).value
        proven = (await self._prove(source, (await self._fetch(source)).value)).value
        contents = (await self._layout(proven)).value
        wasm: dict[str, WasmReport | str] = {}
        for layer in contents.layout.wasm:
            try:
                wasm[layer.digest] = await self._layer(source, layer, NEVER)
            except ArtifactError as error:
                wasm[layer.digest] = error.message
        return Inspection(
            reference=reference, digest=proven.digest, layout=contents.layout, app=contents.app, wasm=wasm,
            signatures=await self._places(proven),
        )  # fmt: skip

    async def _places(self, proven: Proven) -> tuple[tuple[str, str], ...]:
        """Give where the registry holds what may be signatures or attestations, and how; where that can't be listed, why."""
        reference = proven.source.reference
        candidates = Candidates(
            client=proven.source.client, repository=reference.repository, digest=proven.digest, predicates=frozenset()
        )
        try:
            return tuple((place.origin, str(place.storage)) for place in await candidates.places())
        except (ArtifactError, UnavailableError) as error:
            return ((error.message, "not listed"),)

    # Step 1

    async def _reference(self, text: str, expected: Expected) -> Finding[Source]:
        reference = parse_reference(text)
        if expected.require_digest and not reference.digest:
            raise ArtifactError(
                "artifact.no-digest",
                f"{text}: a tag can be moved; a digest is required",
                hint="write registry/name@sha256:…",
            )
        for prefixes in expected.registries:
            if not any(prefix_matches(prefix, reference) for prefix in prefixes):
                raise _not_allowed(reference, prefixes)
        access = access_for(reference, self.registries)
        if access is None:
            raise _not_allowed(reference, [entry.prefix for entry in self.registries])
        return Finding(value=Source(reference=reference, client=self._clients.of(reference.registry, access)))

    # Steps 2 and 3

    async def _fetch(self, source: Source) -> Finding[bytes]:
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

        return await self._once.do(("fetch", str(reference)), str(reference), read)

    async def _prove(self, source: Source, manifest: bytes) -> Finding[Proven]:
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
                "artifact.size", f"a JSON blob of {descriptor.size} bytes, and at most {MAX_JSON} are read"
            )

        async def read() -> bytes:
            if (known := await self.findings.blob(descriptor.digest)) is not None:
                return known
            async with self._file(source, descriptor) as path:
                data = await asyncio.to_thread(path.read_bytes)
            await self.findings.keep_blob(descriptor.digest, data)
            return data

        return await self._once.do(("bytes", descriptor.digest), str(source.reference), read)

    @asynccontextmanager
    async def _file(self, source: Source, blob: Descriptor) -> AsyncIterator[Path]:
        """Have a blob as a file, in the cache folder: the agent's root file system is read-only. It goes when it was looked at."""
        self.cache.mkdir(parents=True, exist_ok=True)
        # A few at a time from one registry: they are large, and a slow one must not keep others from theirs.
        async with source.client.slots:
            with tempfile.NamedTemporaryFile(prefix="layer-", suffix=".tmp", dir=self.cache) as handle:
                await source.client.blob(source.reference.repository, blob.digest, blob.size, handle)
                yield Path(handle.name)

    # Step 4

    async def _layout(self, proven: Proven) -> Finding[Contents]:
        known = self._contents.get(proven.digest)
        if known is None:
            layout = layout_of(proven.manifest)
            _check_total(layout)
            check_config(await self._small(proven.source, layout.config), layout)
            app = None
            if layout.application is not None:
                app = locked_app(await self._small(proven.source, layout.application), layout)
                archived = [await self._archive(proven.source, layer) for layer in layout.archives]
                check_file_layers(app, layout, frozenset().union(*archived))
            known = self._contents[proven.digest] = layout, app
            while len(self._contents) > _MOST_CONTENTS:
                self._contents.popitem(last=False)
        layout, app = known
        return Finding(value=Contents(proven=proven, layout=layout, app=app), detail=_layers(layout))

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

        return await self._once.do(("archive", layer.digest), str(source.reference), look)

    # Step 5

    async def _git(self, contents: Contents, expected: Expected) -> Finding[bool]:
        if expected.application is None:
            return Finding(value=True, asked=False, detail="no spin.toml to compare with")
        if contents.app is None:
            warning = "the artifact is a bare Wasm module: its grants can't be compared with spin.toml"
            return Finding(value=True, warnings=(warning,), detail="not comparable")
        found = await asyncio.to_thread(compare, contents.app, expected.application, expected.sources)
        if found.errors:
            raise ArtifactError(
                "artifact.differs-from-git",
                "; ".join(found.errors[:5]) + (f"; and {len(found.errors) - 5} more" if len(found.errors) > 5 else ""),
                hint="push the artifact built from this spin.toml, and put its digest into Git",
            )
        return Finding(value=True, warnings=found.warnings, detail="; ".join(found.notes))

    # Step 6

    async def _wasm(self, contents: Contents, expected: Expected) -> Finding[Mapping[str, WasmReport]]:
        """Look inside every Wasm layer, referenced or not: nodes compile them all, and keep native code as it is."""
        source = contents.proven.source
        reports = {layer.digest: await self._layer(source, layer, expected.compile) for layer in contents.layout.wasm}
        done = dict.fromkeys(report.what_was_done() for report in reports.values())
        return Finding(value=reports, detail="; ".join(list(done)[:5]))

    async def _layer(self, source: Source, layer: Descriptor, policy: CompilePolicy) -> WasmReport:
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
        return await self._once.do(("wasm", layer.digest, wanted), str(source.reference), look)

    # Step 7

    async def _world(self, contents: Contents, wasm: Mapping[str, WasmReport], expected: Expected) -> Finding[bool]:
        app = contents.app
        found = check_imports(wasm, expected.spin) if app is None else check_world(app, wasm, expected.spin)
        if found.errors:
            raise ArtifactError(
                "artifact.world",
                "; ".join(found.errors[:5]),
                hint="build it for the world of its trigger and the cluster's Spin",
            )
        missing = _undeclared(app, wasm) if app is not None and expected.undeclared != "Allow" else ()
        if missing and expected.undeclared == "Deny":
            raise ArtifactError(
                "artifact.undeclared-capability",
                "; ".join(missing[:5]),
                hint="grant it in spin.toml, build the component without it, or set artifacts.undeclaredCapabilities",
            )
        return Finding(value=True, warnings=(*found.warnings, *missing), detail="; ".join(found.notes))

    # Step 8

    async def _signature(self, proven: Proven, expected: Expected) -> Finding[tuple[str, ...]]:
        """Keep every rule by itself; gives the names of the signers that counted."""
        if not expected.signatures:
            return Finding(value=(), asked=False, detail="no signature was asked for")
        found = [await self._signed(proven, rule) for rule in expected.signatures]
        names = tuple(dict.fromkeys(signer.name for signed in found for signer in signed.signers))
        return Finding(value=names, detail=f"signed by {', '.join(names)}", lasts=SIGNED_FOR)

    async def _signed(self, proven: Proven, rule: SignatureRule) -> Signed:
        """Give who signed, from what was found today or from the registry. What is missing is never remembered: it may come."""
        reference = proven.source.reference
        place = f"{reference.registry}/{reference.repository}"

        async def look() -> Signed:
            if (
                known := signed_of(await self.findings.get("signature", place, proven.digest, rule.digest))
            ) is not None:
                return known
            candidates = Candidates(
                client=proven.source.client, repository=reference.repository, digest=proven.digest,
                predicates=frozenset(rule.attestations),
            )  # fmt: skip
            signed = await verify_signatures(candidates, rule, proven.manifest)
            value = signed.to_json()
            await self.findings.put("signature", place, proven.digest, rule.digest, value=value, lasts=SIGNED_FOR)
            return signed

        return await self._once.do(("signature", place, proven.digest, rule.digest), place, look)

    # Step 9

    def _once_for(
        self, step: Step, work: Callable[..., Awaitable[Finding[bool]]]
    ) -> Callable[..., Awaitable[Finding[bool]]]:
        """Have a step taken once for an artifact and all that is asked of it; its last argument is what is asked."""

        async def take(contents: Contents, *more: Any) -> Finding[bool]:
            key = (contents.proven.digest, rules(), self._key(more[-1]))
            return await remembered(self.findings, step, key, lambda: work(contents, *more))

        return take

    def _known(self, key: tuple[str, str]) -> Verdict | None:
        known = self._verdicts.get(key)
        if known is None:
            return None
        verdict, until = known
        if until is not None and time.monotonic() >= until:
            del self._verdicts[key]
            return None
        self._verdicts.move_to_end(key)
        return verdict

    def _remember(self, key: tuple[str, str], verdict: Verdict) -> None:
        """Keep what would be found again: never what is incomplete, or what another answer of the registry may change."""
        if not verdict.lasting or "@" not in verdict.reference:
            return
        until = time.monotonic() + verdict.lasts if verdict.lasts is not None else None
        self._verdicts[key] = verdict.remembered(), until
        while len(self._verdicts) > _MOST_VERDICTS:
            self._verdicts.popitem(last=False)

    def _key(self, expected: Expected) -> str:
        """Give a digest of what is asked, with that of its spin.toml taken once."""
        application = expected.application
        sources = expected.sources.key if expected.sources is not None else ""
        rest = f"{dataclasses.replace(expected, application=None, sources=None)!r} {sources}"
        if application is None:
            return rest
        held = self._keys.get(id(application))
        if held is None or held[0] is not application:
            held = self._keys[id(application)] = application, application_key(application)
            while len(self._keys) > _MOST_VERDICTS:
                self._keys.popitem(last=False)
        return f"{held[1]} {rest}"


@lru_cache(maxsize=1)
def rules() -> str:
    """Name what steps 5 and 7 hold an artifact against besides what is asked: this verifier, and its table of interfaces."""
    table = (Path(__file__).parent / "spin_interfaces.json").read_bytes()
    return f"{VERIFIER} {hashlib.sha256(table).hexdigest()[:16]}"


def application_key(application: Application) -> str:
    """Give a digest of what an application is, wherever it stands in its file."""

    def plain(value: Any) -> Any:
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            names = [each.name for each in dataclasses.fields(value) if each.name != "line"]
            return {name: plain(getattr(value, name)) for name in names}
        if isinstance(value, Mapping):
            return {str(key): plain(each) for key, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [plain(each) for each in value]
        return value

    text = json.dumps(plain(application), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _not_allowed(reference: Reference, prefixes: Sequence[str]) -> ArtifactError:
    allowed = ", ".join(prefixes) or "none"
    return ArtifactError(
        "artifact.registry",
        f"{reference.registry}/{reference.repository} is not among the allowed registries ({allowed})",
        hint="push it to one of them, or list its prefix",
    )


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


def _undeclared(app: LockedApp, wasm: Mapping[str, WasmReport]) -> tuple[str, ...]:
    """Tell the imports of each component that nothing is granted for."""
    found = {each.id: undeclared(granted(each), wasm[each.digest].import_names) for each in app.components}
    return tuple(
        f"component {name!r} imports without a grant: {', '.join(names)}" for name, names in found.items() if names
    )
