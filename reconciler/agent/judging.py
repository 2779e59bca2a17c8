"""The Fleet's own health rules, as the accepted commit has them, and what is judged anew when they change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from reconciler.agent.members import Member, Members
from reconciler.agent.spinapps import SpinApps
from reconciler.agent.workloads import Workloads
from reconciler.errors import SpinfleetError
from reconciler.plan.health_rules import health_rules


@dataclass(kw_only=True, slots=True)
class Judging:
    """Has live objects judged by the Fleet's rules. `changed` is told whose objects' health is another."""

    spinapps: SpinApps
    members: Members
    workloads: Workloads
    changed: Callable[[str], None]

    async def renew(self, spec: Mapping[str, Any]) -> None:
        """Take the rules of a Fleet's spec. Objects of kinds whose rule is another are read again: what is kept of them does not tell."""
        before, now = self.spinapps.rules, health_rules(spec)
        if before == now:
            return
        self.spinapps.rules = now
        kinds = {kind for kind in before.keys() | now.keys() if before.get(kind) != now.get(kind)}
        await self._again(member for member in self.members if (member.key.group, member.key.kind) in kinds)

    async def _again(self, members: Iterable[Member]) -> None:
        await asyncio.gather(*(self._judge(member) for member in members))

    async def _judge(self, member: Member) -> None:
        resource = self.workloads.discovery.find(member.key.group, member.key.kind, member.api_version)
        if resource is None:
            return
        try:
            live = await self.workloads.live(member.key, resource)
        except SpinfleetError:
            return  # its next event is judged by the new rules
        known = self.members.get(member.key)
        if live is None or known is None or known.uid != live["metadata"]["uid"]:
            return
        health = self.spinapps.health_of(live)
        if health != known.health:
            self.members.put(replace(known, health=health))
            self.changed(known.owner)
