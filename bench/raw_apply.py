"""The limit: how many server-side applies a second an API server takes from a client that does nothing else.

    python -m bench.raw_apply --kubeconfig FILE [--apps 500] [--in-flight 16]

The objects are those of bench/workload.py, which a cold sync is measured with too. Bodies are made beforehand; an answer is read and only its
status looked at.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import secrets
import statistics
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from yarl import URL

from bench.workload import request_of, workload
from reconciler.cluster.credentials import Credentials

MANAGER = "raw-apply"
_HEADERS = {"Content-Type": "application/apply-patch+yaml", "Accept": "application/json"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """What one run showed: applies a second, client CPU milliseconds an apply, and answer times in milliseconds."""

    applies: int
    seconds: float
    cpu_ms: float
    median_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        return self.applies / self.seconds

    def __str__(self) -> str:
        return (
            f"{self.applies} applies in {self.seconds:.1f} s: {self.rate:.0f}/s, {self.cpu_ms:.2f} ms CPU each, "
            f"answers {self.median_ms:.1f} ms median, {self.p99_ms:.1f} ms p99"
        )


async def raw_apply(kubeconfig: Path, requests: Iterable[tuple[str, bytes]], *, in_flight: int = 16) -> Measured:
    """Apply everything, `in_flight` at a time. Raises RuntimeError at the first refusal."""
    credentials = await Credentials.read(kubeconfig)
    work = list(requests)
    queue, times = iter(work), []
    token = await credentials.authorization()
    headers = {**_HEADERS, "Authorization": token} if token else _HEADERS
    connector = aiohttp.TCPConnector(limit=0, ssl=credentials.tls())
    async with aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), headers=headers
    ) as session:

        async def worker() -> None:
            for path, body in queue:
                began = time.perf_counter()
                query = f"?fieldManager={MANAGER}&force=true&fieldValidation=Strict"
                url = URL(f"{credentials.server}{path}{query}", encoded=True)
                async with session.patch(url, data=body) as answer:
                    raw = await answer.read()
                    if answer.status not in {200, 201}:
                        raise RuntimeError(f"{path}: {answer.status} {raw[:300].decode(errors='replace')}")
                times.append(time.perf_counter() - began)

        began, cpu = time.perf_counter(), _cpu()
        async with asyncio.TaskGroup() as group:
            for _ in range(in_flight):
                group.create_task(worker())
        seconds, cpu = time.perf_counter() - began, _cpu() - cpu
    times.sort()
    return Measured(
        applies=len(work),
        seconds=seconds,
        cpu_ms=cpu / len(work) * 1000,
        median_ms=statistics.median(times) * 1000,
        p99_ms=times[int(len(times) * 0.99)] * 1000,
    )


async def measure(kubeconfig: Path, *, apps: int, in_flight: int) -> dict[str, Measured]:
    """Create, change, and apply without a change; then take the namespaces away again."""
    prefix = f"raw-{secrets.token_hex(3)}"
    namespaces, _ = workload(apps, prefix)
    await raw_apply(kubeconfig, map(request_of, namespaces), in_flight=in_flight)
    measured = {}
    for what, label in (("create", "1"), ("change", "2"), ("no change", "2")):
        requests = [request_of(obj) for obj in workload(apps, prefix, label=label)[1]]
        measured[what] = await raw_apply(kubeconfig, requests, in_flight=in_flight)
    credentials = await Credentials.read(kubeconfig)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=credentials.tls())) as session:
        for namespace in namespaces:
            await session.delete(f"{credentials.server}/api/v1/namespaces/{namespace['metadata']['name']}")
    return measured


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure raw server-side applies a second.")
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--apps", type=int, default=500)
    parser.add_argument("--in-flight", type=int, default=16)
    options = parser.parse_args()
    for what, measured in asyncio.run(
        measure(options.kubeconfig, apps=options.apps, in_flight=options.in_flight)
    ).items():
        print(f"{what:>10}: {measured}")


if __name__ == "__main__":
    main()
