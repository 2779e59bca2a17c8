"""What is known of the live members of a FleetSync: enough to see drift, order deletes and tell health, and no more.

A full object is looked at when an event brings it and then let go: a member costs a few hundred bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from reconciler.plan.membership import Places
from reconciler.plan.model import HealthResult, ObjectKey


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """One live object that carries our membership label.

    `owned_hash` is the hash over the fields that our field manager owned at our last answer (plan.owned), `content` the
    digest of what we had sent for it. `content` None: not known to be as wanted, so the next pass applies it.
    `prunable` False: controlled by another object, or none of its fields are ours; such an object is never deleted.
    `kept`: its annotation says that it is not to be pruned.
    `sent` is the digest of what was last applied of it, as far as that is known; unlike `content` it outlives drift.
    `reported` is the digest of the live object where drift of it was found and only told. `left_alone`: its annotation says that it is neither healed nor changed.
    `scales` is the workload that it sets the number of pods of, where it is an autoscaler.
    `gone` is a member that left the set: deleted, or its label was taken away; the next pass looks before it concludes.
    """

    key: ObjectKey
    api_version: str
    uid: str
    resource_version: int
    owner: str
    owned_hash: bytes | None
    content: bytes | None
    health: HealthResult
    sent: bytes | None = None
    reported: bytes | None = None
    left_alone: bool = False
    prunable: bool = True
    kept: bool = False
    scales: ObjectKey | None = None
    gone: bool = False


@dataclass(slots=True)
class Members:
    """Members by key and by owner."""

    _by_key: dict[ObjectKey, Member] = field(default_factory=dict)
    _by_owner: dict[str, set[ObjectKey]] = field(default_factory=dict)
    places: Places = field(default_factory=Places)
    left_alone: set[ObjectKey] = field(default_factory=set)
    _scalers: dict[ObjectKey, set[ObjectKey]] = field(default_factory=dict)
    _rescaled: set[ObjectKey] = field(default_factory=set)

    def get(self, key: ObjectKey) -> Member | None:
        """Give the member of this identity."""
        return self._by_key.get(key)

    def owner_of(self, key: ObjectKey) -> str:
        """Give the app that has an object in the cluster, by its annotation; empty where it is no member."""
        member = self._by_key.get(key)
        return member.owner if member is not None and not member.gone else ""

    def __len__(self) -> int:
        return len(self._by_key)

    def __iter__(self) -> Iterator[Member]:
        return iter(tuple(self._by_key.values()))

    def of(self, owner: str) -> tuple[Member, ...]:
        """Give an owner's members, sorted by key."""
        return tuple(self._by_key[key] for key in sorted(self._by_owner.get(owner, ())))

    def owners(self) -> frozenset[str]:
        """Give every owner that has members."""
        return frozenset(self._by_owner)

    def has_scaler(self, workload: ObjectKey) -> bool:
        """Tell whether a member is an autoscaler of a workload."""
        return workload in self._scalers

    def take_rescaled(self) -> frozenset[ObjectKey]:
        """Give the workloads whose autoscalers came or went since this was last asked."""
        found, self._rescaled = frozenset(self._rescaled), set()
        return found

    def put(self, member: Member) -> None:
        """Record a member, in place of what was known of it."""
        if member.left_alone:
            self.left_alone.add(member.key)
        else:
            self.left_alone.discard(member.key)
        known = self._by_key.get(member.key)
        if known is not None and (known.owner, known.scales) == (member.owner, member.scales):
            self._by_key[member.key] = member
            return
        self._forget(member.key)
        self.places.add(member.key)
        self._by_key[member.key] = member
        self._by_owner.setdefault(member.owner, set()).add(member.key)
        if member.scales is not None:
            self._scalers.setdefault(member.scales, set()).add(member.key)
            self._rescaled.add(member.scales)

    def drop(self, key: ObjectKey) -> None:
        """Forget a member: its deletion was confirmed, or it is no member any more."""
        self.left_alone.discard(key)
        self._forget(key)

    def _forget(self, key: ObjectKey) -> None:
        old = self._by_key.pop(key, None)
        if old is None:
            return
        self.places.remove(key)
        keys = self._by_owner[old.owner]
        keys.discard(key)
        if not keys:
            del self._by_owner[old.owner]
        if old.scales is not None:
            self._rescaled.add(old.scales)
            scalers = self._scalers[old.scales]
            scalers.discard(key)
            if not scalers:
                del self._scalers[old.scales]

    def suspect(self, key: ObjectKey) -> None:
        """Say that a member is no longer known to be as wanted."""
        if (member := self._by_key.get(key)) is not None:
            self._by_key[key] = replace(member, content=None)
