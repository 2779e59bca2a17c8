"""While it verifies, a process neither grows with what it verifies nor keeps its loop from other work."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.local.publish import assemble_application, push
from reconciler.manifest import parse

pytestmark = pytest.mark.cluster

MANIFEST = b'spin_manifest_version = 2\n[application]\nname = "a"\n[[trigger.http]]\nroute = "/..."\ncomponent = "m"\n[component.m]\nsource = "m.wasm"\n'
#: Verifies one artifact; tells the growth of its peak memory in bytes and the most CPU seconds that one callback of its loop took.
PROGRAM = """
import asyncio, json, resource, sys, time
from pathlib import Path
from reconciler.artifact.access import RegistryAccess
from reconciler.artifact.model import Expected
from reconciler.artifact.verify import Verifier
from reconciler.manifest import parse

longest, run = 0.0, asyncio.Handle._run

def timed(handle):
    global longest
    began = time.thread_time()
    run(handle)
    longest = max(longest, time.thread_time() - began)

async def main(host, reference, cache, other):
    async with Verifier(registries=[RegistryAccess(prefix=host, plain_http=True)], cache=Path(cache)) as verifier:
        await verifier.verify(other)  # everything is imported and connected now
        asyncio.Handle._run = timed
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        verdict = await verifier.verify(reference)
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"status": verdict.status, "message": verdict.message, "grown": (after - before) * 1024, "longest": longest}))

asyncio.run(main(*sys.argv[1:]))
"""


def leb(number: int) -> bytes:
    out = bytearray()
    while True:
        byte, number = number & 0x7F, number >> 7
        out.append(byte | (0x80 if number else 0))
        if not number:
            return bytes(out)


def test_25_megabytes_cost_it_nearly_nothing(registry: str, component: bytes, tmp_path: Path) -> None:
    application = parse(MANIFEST, "spin.toml").application
    assert application is not None
    ballast = b"\x07ballast" + secrets.token_bytes(25_000_000)
    place = f"small-{secrets.token_hex(4)}"
    references = []
    for name, wasm in (("large", component + b"\0" + leb(len(ballast)) + ballast), ("tiny", component)):
        digest = push(assemble_application(application, {"m": wasm}), registry, f"{place}/{name}")
        references.append(f"{registry}/{place}/{name}@{digest}")
    arguments = [registry, references[0], str(tmp_path), references[1]]
    answer = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=True)
    found = json.loads(answer.stdout)
    assert found["status"] == "Verified", found
    assert found["grown"] < 20_000_000
    assert found["longest"] < 0.05
