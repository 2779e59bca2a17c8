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
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from reconciler.artifact.access import Hosts, RegistryAccess, access_for
from reconciler.artifact.against_git import compare
from reconciler.artifact.checklist import Checklist
from reconciler.artifact.child import WasmReport
from reconciler.artifact.compile_policy import NEVER
from reconciler.artifact.findings import Findings
from reconciler.artifact.grants import granted, undeclared
from reconciler.artifact.inspection import Inspection
from reconciler.artifact.json_text import parse_json
from reconciler.artifact.locked_app import LockedApp
from reconciler.artifact.model import Expected, Finding, Step, Verdict
from reconciler.artifact.once import Once
from reconciler.artifact.reading import VERIFIER, Contents, Proven, Reader, Source
from reconciler.artifact.reference import Reference, parse_reference, prefix_matches
from reconciler.artifact.registry import Registries
from reconciler.artifact.remembering import remembered
from reconciler.artifact.signatures.candidates import Candidates
from reconciler.artifact.signatures.model import Signed, signed_of
from reconciler.artifact.signatures.verify import verify_signatures
from reconciler.artifact.verdicts import Verdicts
from reconciler.artifact.worlds import check_imports, check_world
from reconciler.errors import ArtifactError, UnavailableError
from reconciler.fleet.signature_rules import SignatureRule

#: Seconds for which it counts that somebody has signed; then the registry is asked again.
SIGNED_FOR = 24 * 60 * 60.0
_NOTHING_EXPECTED = Expected()
#: Imports and exports of all binaries of one artifact. An app of a hundred components has five thousand.
_MOST_NAMES = 20_000
#: Source: the OCI image specification, "Pre-Defined Annotation Keys"; spin registry push --annotation writes it.
_VERSION_ANNOTATION = "org.opencontainers.image.version"


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
    _reader: Reader = field(init=False)
    _verdicts: Verdicts = field(default_factory=Verdicts)

    def __post_init__(self) -> None:
        self.findings = Findings(self.cache)
        self._clients = Registries(Hosts.of(self.registries))
        self._reader = Reader(cache=self.cache, findings=self.findings, once=self._once)

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
        proven = (await self._reader.prove(source, (await self._reader.manifest(source)).value)).value
        return (await self._reader.layout(proven)).value

    async def resolve(self, reference: str) -> tuple[str, str]:
        """Give the digest that a reference stands for now, and the version that its manifest's annotations say, empty where they don't.

        Nothing but the manifest is read. Raises ArtifactError and UnavailableError.
        """
        source = (await self._reference(reference, Expected(require_digest=False))).value
        proven = (await self._reader.prove(source, (await self._reader.manifest(source)).value)).value
        return proven.digest, _annotated_version(proven.manifest)

    async def tags(self, name: str) -> tuple[str, ...]:
        """Give the tags of a repository, `host/path`, as its registry lists them. Raises ArtifactError and UnavailableError."""
        source = (await self._reference(f"{name}:latest", Expected(require_digest=False))).value
        return await source.client.tags(source.reference.repository)

    async def verify(self, reference: str, expected: Expected = _NOTHING_EXPECTED) -> Verdict:
        """Verify an artifact against what is asked of it. Nothing is raised: what could not be completed is Incomplete."""
        key = (reference, self._verdicts.key(expected))
        if (known := self._verdicts.get(key)) is not None:
            return known
        steps = Checklist()
        source = await steps.run(Step.REFERENCE, self._reference, reference, expected)
        manifest = await steps.run(Step.FETCH, self._reader.manifest, source)
        proven = await steps.run(Step.DIGEST, self._reader.prove, source, manifest)
        contents = await steps.run(Step.LAYOUT, self._reader.layout, proven)
        await steps.run(Step.GIT, self._once_for(Step.GIT, self._git), contents, expected)
        wasm = await steps.run(Step.WASM, self._wasm, contents, expected)
        await steps.run(Step.WORLD, self._once_for(Step.WORLD, self._world), contents, wasm, expected)
        signers = await steps.run(Step.SIGNATURE, self._signature, proven, expected)
        verdict = steps.verdict(reference, proven.digest if proven is not None else "")
        verdict = dataclasses.replace(verdict, signers=signers or ())
        self._verdicts.put(key, verdict)
        return verdict

    async def inspect(self, reference: str) -> Inspection:
        """Open an artifact without judging it; binaries are walked and validated, never compiled or run.

        Raises ArtifactError where it has no layout that can be read, UnavailableError where it can't be fetched.
        """
        contents = await self.read(reference)
        proven = contents.proven
        wasm: dict[str, WasmReport | str] = {}
        for layer in contents.layout.wasm:
            try:
                wasm[layer.digest] = await self._reader.layer(proven.source, layer, NEVER)
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
                _shortened(found.errors),
                hint="push the artifact built from this spin.toml, and put its digest into Git",
            )
        return Finding(value=True, warnings=found.warnings, detail=_shortened(found.notes))

    # Step 6

    async def _wasm(self, contents: Contents, expected: Expected) -> Finding[Mapping[str, WasmReport]]:
        """Look inside every Wasm layer, referenced or not: nodes compile them all, and keep native code as it is."""
        source = contents.proven.source
        reports: dict[str, WasmReport] = {}
        names = 0
        for layer in contents.layout.wasm:
            report = reports[layer.digest] = await self._reader.layer(source, layer, expected.compile)
            names += len(report.imports) + len(report.exports)
            if names > _MOST_NAMES:
                raise ArtifactError(
                    "artifact.wasm",
                    f"its binaries have more than {_MOST_NAMES} imports and exports",
                    hint="build fewer components into one app",
                )
        done = Counter(report.what_was_done() for report in reports.values())
        told = [f"{count} binaries, each a {what}" if count > 1 else what for what, count in done.items()]
        return Finding(value=reports, detail=_shortened(told))

    # Step 7

    async def _world(self, contents: Contents, wasm: Mapping[str, WasmReport], expected: Expected) -> Finding[bool]:
        app = contents.app
        if app is None:
            found = check_imports(wasm, expected.spin)
        else:
            found = await asyncio.to_thread(check_world, app, wasm, expected.spin)
        if found.errors:
            raise ArtifactError(
                "artifact.world",
                _shortened(found.errors),
                hint="build it for the world of its trigger and the cluster's Spin",
            )
        missing = _undeclared(app, wasm) if app is not None and expected.undeclared != "Allow" else ()
        if missing and expected.undeclared == "Deny":
            raise ArtifactError(
                "artifact.undeclared-capability",
                _shortened(missing),
                hint="grant it in spin.toml, build the component without it, or set artifacts.undeclaredCapabilities",
            )
        return Finding(value=True, warnings=(*found.warnings, *missing), detail=_shortened(found.notes))

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
            key = (contents.proven.digest, rules(), self._verdicts.key(more[-1]))
            return await remembered(self.findings, step, key, lambda: work(contents, *more))

        return take


@lru_cache(maxsize=1)
def rules() -> str:
    """Name what steps 5 and 7 hold an artifact against besides what is asked: this verifier, and its table of interfaces."""
    table = (Path(__file__).parent / "spin_interfaces.json").read_bytes()
    return f"{VERIFIER} {hashlib.sha256(table).hexdigest()[:16]}"


def _annotated_version(manifest: bytes) -> str:
    value = parse_json(manifest, "the manifest")
    annotations = value.get("annotations") if isinstance(value, dict) else None
    found = annotations.get(_VERSION_ANNOTATION) if isinstance(annotations, dict) else None
    return found if isinstance(found, str) and len(found) <= 128 else ""


def _not_allowed(reference: Reference, prefixes: Sequence[str]) -> ArtifactError:
    allowed = ", ".join(prefixes) or "none"
    return ArtifactError(
        "artifact.registry",
        f"{reference.registry}/{reference.repository} is not among the allowed registries ({allowed})",
        hint="push it to one of them, or list its prefix",
    )


def _shortened(texts: Sequence[str]) -> str:
    return "; ".join(texts[:5]) + (f"; and {len(texts) - 5} more" if len(texts) > 5 else "")


def _undeclared(app: LockedApp, wasm: Mapping[str, WasmReport]) -> tuple[str, ...]:
    """Tell the imports of each component that nothing is granted for."""
    found = {each.id: undeclared(granted(each), wasm[each.digest].import_names) for each in app.components}
    return tuple(
        f"component {name!r} imports without a grant: {', '.join(names)}" for name, names in found.items() if names
    )
