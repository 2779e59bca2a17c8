"""What is sent of a wanted object, given the live one: everything in plain, but for fields that may differ and are others' by now."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.agent.decryption import Decryption
from reconciler.agent.desired import Desired
from reconciler.agent.handover import keep_replicas
from reconciler.agent.workloads import Workloads
from reconciler.cluster.apply import Applied
from reconciler.cluster.discovery import Resource
from reconciler.plan.drift import packed, without_yielded


@dataclass(kw_only=True, slots=True)
class Sender:
    """Applies wanted objects."""

    workloads: Workloads
    decryption: Decryption

    async def apply(
        self,
        wanted: Desired,
        resource: Resource,
        live: Mapping[str, Any] | None,
        *,
        force: bool,
        dry_run: bool = False,
    ) -> Applied:
        """Apply an object that is there as `live`, or that is taken to be absent (None), with force where it is there already.

        Raises ClusterError, InputError and UnavailableError.
        """
        if force and not dry_run:
            await keep_replicas(self.workloads, wanted, resource)
        body = self.decryption.body(wanted)
        if live is not None and wanted.drift.yields:
            kept = without_yielded(json.loads(body), live, self.workloads.identity.manager, wanted.drift)
            body = packed(kept)
        return await self.workloads.apply(wanted.key, resource, body, force=force, dry_run=dry_run)

    async def apply_member(self, wanted: Desired, resource: Resource) -> Applied:
        """Apply an object that is known to be ours. It is read before only where fields of it may differ."""
        live = await self.workloads.live(wanted.key, resource) if wanted.drift.yields else None
        return await self.apply(wanted, resource, live, force=True)
