"""The spin.toml of artifacts in a registry, for `spinfleet init`: read where they can be, anonymously."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from reconciler.artifact.access import RegistryAccess
from reconciler.artifact.against_git import compare
from reconciler.artifact.as_manifest import as_manifest
from reconciler.artifact.locked_app import LockedApp
from reconciler.artifact.verify import Verifier
from reconciler.errors import SpinfleetError
from reconciler.local.binary import cache_folder
from reconciler.manifest import parse

#: An artifact that does not come within this many seconds is left: its placeholder says so.
_PATIENCE = 20.0
_AT_ONCE = 8


async def artifact_manifests(
    references: Iterable[str], registries: Sequence[RegistryAccess]
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Give, by reference, the manifests of artifacts that can be read, and why others can't."""
    found: dict[str, str] = {}
    failed: dict[str, str] = {}
    slots = asyncio.Semaphore(_AT_ONCE)
    async with Verifier(registries=registries, cache=cache_folder() / "verdicts") as verifier:

        async def read(reference: str) -> None:
            try:
                async with slots, asyncio.timeout(_PATIENCE):
                    contents = await verifier.read(reference)
                if contents.app is None:
                    failed[reference] = "it is a bare Wasm module without a locked app"
                    return
                text = _checked(contents.app, reference)
            except TimeoutError:
                failed[reference] = f"no answer within {_PATIENCE:.0f} s"
            except SpinfleetError as error:
                failed[reference] = error.message
            else:
                if text:
                    found[reference] = text
                else:
                    failed[reference] = "a spin.toml can't say what its locked app says"

        await asyncio.gather(*(read(each) for each in sorted(set(references))))
    return found, failed


def _checked(app: LockedApp, reference: str) -> str:
    """Give the manifest, if the agent would find the artifact to fit it."""
    try:
        text = as_manifest(app, reference)
    except TypeError:
        return ""
    application = parse(text.encode(), "spin.toml").application
    return text if application is not None and not compare(app, application).errors else ""
