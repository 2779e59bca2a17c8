"""What watching costs in memory: ConfigMaps kept whole, as metadata, and trimmed to what the agent keeps.

    python -m bench.watch_memory --kubeconfig FILE [--objects 20000]

Each way runs in a process of its own; figures are what it grew by after its imports, at its highest and at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import multiprocessing
import resource
import secrets
import time
from collections.abc import Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any

import psutil

from bench.raw_apply import MANAGER, raw_apply
from bench.workload import request_of
from reconciler.cluster.connection import JSON, Connection
from reconciler.cluster.discovery import discover
from reconciler.cluster.watch import METADATA, Complete, Selection, watch
from reconciler.plan.owned import owned_hash


def trimmed(obj: Mapping[str, Any]) -> Mapping[str, Any]:
    """Identity, version and the hash of the fields that are ours."""
    metadata = obj["metadata"]
    return {
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "uid": metadata["uid"],
        "resourceVersion": metadata["resourceVersion"],
        "hash": owned_hash(obj, MANAGER),
    }


WAYS: Mapping[str, Mapping[str, Any]] = {
    "whole": {"accept": JSON},
    "metadata": {"accept": METADATA},
    "trimmed": {"accept": JSON, "trim": trimmed},
}


async def _watch(kubeconfig: Path, namespace: str, way: str) -> dict[str, float]:
    async with await Connection.open(kubeconfig) as connection:
        config_maps = (await discover(connection)).find("", "ConfigMap")
        assert config_maps is not None
        gc.collect()
        before, began = psutil.Process().memory_info().rss, time.perf_counter()
        selection = Selection(resource=config_maps, namespace=namespace, label_selector="round=1", **WAYS[way])
        async with aclosing(watch(connection, selection)) as events:
            first = await anext(events)
            assert isinstance(first, Complete)
            seconds = time.perf_counter() - began
            gc.collect()
            after = psutil.Process().memory_info().rss
            highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            count = len(first.items)
    return {
        "objects": count,
        "seconds": seconds,
        "kept": (after - before) / count,
        "highest": (highest - before) / count,
        "rss": after / 2**20,
    }


def _run(kubeconfig: Path, namespace: str, way: str, answers: Any) -> None:
    answers.put(asyncio.run(_watch(kubeconfig, namespace, way)))


async def fill(kubeconfig: Path, namespace: str, objects: int) -> None:
    """Create a namespace with so many ConfigMaps."""
    obj: dict[str, Any] = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    await raw_apply(kubeconfig, [request_of(obj)])
    maps = (
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": f"app-{number:05}",
                "namespace": namespace,
                "labels": {"round": "1", "applyset.kubernetes.io/part-of": "applyset-0123456789abcdef-v1"},
                "annotations": {"spinfleet.dev/app": f"app-{number:05}", "spinfleet.dev/source": "apps/app.yaml:1"},
            },
            "data": {f"key-{index}": "a value of some length" * 2 for index in range(8)},
        }
        for number in range(objects)
    )
    await raw_apply(kubeconfig, map(request_of, maps))


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure memory per watched object.")
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--objects", type=int, default=20_000)
    options = parser.parse_args()
    namespace = f"watched-{secrets.token_hex(3)}"
    asyncio.run(fill(options.kubeconfig, namespace, options.objects))
    context = multiprocessing.get_context("spawn")
    for way in WAYS:
        answers = context.Queue()
        process = context.Process(target=_run, args=(options.kubeconfig, namespace, way, answers))
        process.start()
        print(way, json.dumps({name: round(value, 1) for name, value in answers.get(timeout=300).items()}))
        process.join()

    async def clean() -> None:
        async with await Connection.open(options.kubeconfig) as connection:
            await connection.request("DELETE", f"/api/v1/namespaces/{namespace}")

    asyncio.run(clean())


if __name__ == "__main__":
    main()
