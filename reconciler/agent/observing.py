"""What watch events mean: the live side of drift, health and membership. Pure decisions over Members; no requests."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.agent.contests import Contests
from reconciler.agent.desired import Desired, DesiredSet
from reconciler.agent.identity import Identity
from reconciler.agent.members import Member, Members
from reconciler.plan.drift import applied_digest, is_left_alone, lost, own_digest, without_yielded
from reconciler.plan.membership import is_controlled, keeps_itself
from reconciler.plan.model import HealthResult, ObjectKey, key_of
from reconciler.plan.owned import covers_exactly, is_applied_by, owned_hash
from reconciler.plan.prepare import scaled_workload
from reconciler.render.model import APP_ANNOTATION


@dataclass(kw_only=True, slots=True)
class Observer:
    """Turns live objects into members and says, through `drifted`, whose objects need a look.

    `comparable` gives a wanted object with every value in plain, or None. `surplus` is called where nobody wants a member and it is news
    that it is there, or whether it may go. While a write of an object is in flight its events are kept, not judged: the answer comes
    first (`begin`, `end`).
    """

    identity: Identity
    desired: DesiredSet
    members: Members
    health_of: Callable[[Mapping[str, Any]], HealthResult]
    drifted: Callable[[str], None]
    changed: Callable[[str], None]
    contests: Contests = field(default_factory=Contests)
    comparable: Callable[[Desired], Mapping[str, Any] | None] = Desired.object
    surplus: Callable[[], None] = lambda: None
    _in_flight: dict[ObjectKey, Mapping[str, Any] | None] = field(default_factory=dict)
    _missed: dict[ObjectKey, str] = field(default_factory=dict)

    def begin(self, key: ObjectKey) -> None:
        """Say that a write of this object is on its way."""
        self._in_flight[key] = None

    def end(self, key: ObjectKey) -> None:
        """Say that the write was answered (and recorded, where it succeeded); judges what came in between."""
        kept, gone = self._in_flight.pop(key, None), self._missed.pop(key, None)
        if kept is not None:
            self.saw(kept)
        if gone is not None:
            self.missed(key, gone)

    def saw(self, obj: Mapping[str, Any]) -> None:
        """Take an object from a list, or from an ADDED or MODIFIED event."""
        key = key_of(obj)
        if key in self._in_flight:
            self._in_flight[key] = obj
            return
        known = self.members.get(key)
        version = int(obj["metadata"]["resourceVersion"])
        if (
            known is not None
            and known.uid == obj["metadata"]["uid"]
            and version <= known.resource_version
            and not known.gone
        ):
            return
        self._judge(obj, key, known, version)

    def _judge(self, obj: Mapping[str, Any], key: ObjectKey, known: Member | None, version: int) -> None:
        live_hash = owned_hash(obj, self.identity.manager)
        if known is None and not is_applied_by(obj, self.identity.manager):
            return  # it carries our label but no field of ours: copied or forged, never a member
        health = self.health_of(obj)
        if known is not None and self._is_as_left(obj, known, live_hash):
            now = replace(
                known, resource_version=version, health=health, gone=False, prunable=not is_controlled(obj), kept=keeps_itself(obj)
            )  # fmt: skip
            self.members.put(now)
            if known.health != health:
                self.changed(known.owner)
            if (known.prunable, known.kept) != (now.prunable, now.kept) and self.desired.get(key) is None:
                self.surplus()
            return
        owner = _owner(obj)
        if self.desired.contested(key):
            self.members.put(self._member_of(obj, owner=owner, owned=live_hash, content=None, health=health))
        wanted = self.desired.chosen(key)
        as_wanted = wanted is not None and self._as_wanted(obj, known, wanted)
        member = self._member_of(
            obj,
            owner=owner or (wanted.owner if wanted is not None else ""),
            owned=live_hash,
            content=wanted.content if wanted is not None and as_wanted else None,
            health=health,
        )
        self.members.put(replace(member, sent=known.sent if known is not None else applied_digest(obj)))
        if wanted is None:
            self.surplus()
        elif member.left_alone:
            self.changed(member.owner)
        elif not as_wanted:
            self.drifted(wanted.owner)

    def _is_as_left(self, obj: Mapping[str, Any], known: Member, live_hash: bytes | None) -> bool:
        """Tell whether an object is as we left it, or as it was when we told of it, and in nobody else's hands since."""
        if known.left_alone != is_left_alone(obj) or self.contests.on(known.key):
            return False
        if known.reported is not None:
            return known.reported == own_digest(obj)
        return known.owned_hash is not None and known.owned_hash == live_hash

    def _as_wanted(self, obj: Mapping[str, Any], known: Member | None, wanted: Desired) -> bool:
        """Tell whether an object that is not as we left it is as wanted all the same; if not, who has taken what of it is remembered."""
        plain = self.comparable(wanted)
        if plain is None or is_left_alone(obj):
            return False
        manager = self.identity.manager
        plain = without_yielded(plain, obj, manager, wanted.drift)
        compared = known is None or known.owned_hash is None or wanted.drift.yields
        if compared and covers_exactly(obj, manager, plain):
            return True
        if known is not None and known.sent == wanted.content and not wanted.drift.report:
            self.contests.lost(wanted.key, lost(obj, manager, plain), wanted.content)
        return False

    def missed(self, key: ObjectKey, uid: str) -> None:
        """Take a DELETED event, or an absence from a complete list: the object left the set; look before concluding.

        `uid` tells a late word about an earlier object of the name from one about the present one.
        """
        if key in self._in_flight:
            self._missed[key] = uid
            return
        known = self.members.get(key)
        if known is None or known.gone or known.uid != uid:
            return
        wanted = self.desired.get(key)
        if wanted is None:
            self.members.drop(key)
            self.changed(known.owner)
            return
        self.members.put(replace(known, content=None, gone=True))
        self.drifted(wanted.owner)

    def record(self, obj: Mapping[str, Any], *, owner: str, content: bytes) -> Member:
        """Take the API server's answer to our own apply: from now on this is what the object is compared with."""
        member = self._member_of(
            obj, owner=owner, owned=owned_hash(obj, self.identity.manager), content=content, health=self.health_of(obj)
        )
        member = replace(member, sent=content)
        self.members.put(member)
        return member

    def _member_of(
        self, obj: Mapping[str, Any], *, owner: str, owned: bytes | None, content: bytes | None, health: HealthResult
    ) -> Member:
        """Give what is kept of a live object."""
        metadata, key = obj["metadata"], key_of(obj)
        wanted = self.desired.get(key)
        return Member(
            # What is wanted has the same names: kept once, they are half of what a member costs.
            key=wanted.key if wanted is not None else key,
            api_version=sys.intern(obj["apiVersion"]),
            uid=metadata["uid"],
            resource_version=int(metadata["resourceVersion"]),
            owner=owner,
            owned_hash=owned,
            content=content,
            health=health,
            left_alone=is_left_alone(obj),
            prunable=is_applied_by(obj, self.identity.manager) and not is_controlled(obj),
            kept=keeps_itself(obj),
            scales=scaled_workload(obj),
        )


def _owner(obj: Mapping[str, Any]) -> str:
    return str((obj["metadata"].get("annotations") or {}).get(APP_ANNOTATION, ""))
