"""Keyless bundles, by sigstore-python in a child process (`_keyless.py`): only who is proven to have signed comes back."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.artifact.signatures.model import shown
from reconciler.errors import ArtifactError, UnavailableError

_CHILD = Path(__file__).with_name("_keyless.py")
#: sigstore-python takes about 60 MB resident; address space is several times that.
_MEMORY = 1024 * 1024 * 1024
_SECONDS = 20
_CODES = {"expired": "artifact.signature-expired", "log": "artifact.signature-log"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Proven:
    """Who signed a bundle, as the verified certificate says, and the payload that was signed (empty without an envelope)."""

    issuer: str
    subject: str
    payload: bytes


async def verify_keyless(
    bundles: Sequence[tuple[str, bytes]], *, digest: str, trust_root: str
) -> list[Proven | ArtifactError]:
    """Verify bundles, given with their origin, against a trust root (empty: the public instance's that came with sigstore).

    Raises UnavailableError where none of it could be completed, ArtifactError where the trust root can't be used.
    """
    job = {
        "trust_root": trust_root,
        "digest": digest.removeprefix("sha256:"),
        "bundles": [content.decode(errors="replace") for _, content in bundles],
    }
    answer = await _run(job)
    if isinstance(answer, dict):
        if answer.get("error") == "missing":
            raise UnavailableError(
                "the rule names identities, and keyless signatures need sigstore-python",
                hint="install spinfleet with its `keyless` extra: pip install 'spinfleet[keyless]'",
            )
        if answer.get("error") == "root":
            raise ArtifactError(
                "artifact.signature-policy",
                f"the trust root can't be used: {shown(answer.get('message'), 300)}",
                hint="make it with `cosign trusted-root create`, or take trustRoot away to use the public instance's",
            )
    if not isinstance(answer, list) or len(answer) != len(bundles):
        raise UnavailableError("verifying keyless signatures was ended from outside")
    return [_proven(origin, each) for (origin, _), each in zip(bundles, answer, strict=True)]


def _proven(origin: str, answer: Any) -> Proven | ArtifactError:
    try:
        return Proven(
            issuer=str(answer["issuer"]),
            subject=str(answer["subject"]),
            payload=base64.b64decode(answer["payload"], validate=True),
        )
    except (KeyError, TypeError, ValueError):
        kind, message = (answer.get("error"), answer.get("message")) if isinstance(answer, dict) else ("", "no answer")
        return ArtifactError(_CODES.get(str(kind), "artifact.signature-invalid"), f"{origin}: {shown(message, 300)}")


async def _run(job: dict[str, Any]) -> Any:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-I", str(_CHILD), str(_MEMORY), str(_SECONDS),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, env={},
    )  # fmt: skip
    try:
        # Other work may hold the processors: the wall clock is only there to end what hangs.
        async with asyncio.timeout(4 * _SECONDS + 10):
            output, _ = await child.communicate(json.dumps(job).encode())
    except TimeoutError:
        return None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    try:
        return json.loads(output)
    except ValueError:
        return None
