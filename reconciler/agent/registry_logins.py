"""Logins of registries that were changed in their Secrets: many last for hours only, and an agent for months."""

from __future__ import annotations

import asyncio

from reconciler.agent.fleetsync import FleetSync
from reconciler.agent.releases import Releases
from reconciler.agent.source import registries_of
from reconciler.cluster.connection import Connection
from reconciler.errors import SpinfleetError

#: Seconds between looks, which are made only while a registry refuses the login that is in use.
_EVERY = 10.0


async def until_logins_changed(connection: Connection, sync: FleetSync, releases: Releases) -> None:
    """Return once the policy's registries are reached otherwise than with what is in use, after a registry has refused that."""
    while True:
        await asyncio.sleep(_EVERY)
        if not any(_refused(name, releases) for name in releases.held):
            continue
        try:
            now = await registries_of(connection, sync)
        except SpinfleetError:
            continue  # a Secret that is not there yet; the refusals stand in the status already
        if now != tuple(releases.verifier.registries):
            return


def _refused(name: str, releases: Releases) -> bool:
    verdict = releases.held[name].verdict
    return verdict is not None and verdict.code == "artifact.unauthorized"
