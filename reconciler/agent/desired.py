"""What is wanted, object by object, as it will be sent."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.agent.members import Member
from reconciler.manifest.report import mapping
from reconciler.plan.drift import HEAL, DriftPolicy, is_left_alone, marked, unmarked
from reconciler.plan.membership import Places
from reconciler.plan.model import ObjectKey, key_of
from reconciler.plan.order import rank
from reconciler.plan.replicas import is_autoscaled
from reconciler.sops.sealed import Sealed


@dataclass(frozen=True, kw_only=True, slots=True)
class Desired:
    """One wanted object. `body` is the JSON that is sent: bytes take a sixth of the memory of the dict.

    `content` is a digest of `body`: equal content needs no write. `wave` orders objects within their app, lowest first.
    Where `sealed` is there, `body` has marks in place of encrypted values (agent.decryption puts those in).
    `adoption` is what Git says of taking it over where it exists (plan.adoption); empty where it says nothing. `drift` is what is
    done about drift of it; `left_alone`: Git says not to write it. `autoscaled` is True where an autoscaler sets the number of its pods;
    `replicas` is the number that Git gives, sent while none does.
    """

    key: ObjectKey
    api_version: str
    owner: str
    wave: int
    body: bytes
    content: bytes
    sealed: Sealed | None = None
    adoption: str = ""
    drift: DriftPolicy = HEAL
    left_alone: bool = False
    autoscaled: bool = False
    replicas: Any = None

    def object(self) -> dict[str, Any]:
        """Give the object as a dict, parsed anew: callers may change it."""
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed


def desired(
    obj: Mapping[str, Any],
    owner: str,
    sealed: Sealed | None = None,
    *,
    adoption: str = "",
    drift: DriftPolicy = HEAL,
    autoscaled: bool = False,
    replicas: Any = None,
) -> Desired:
    """Give the wanted form of a prepared object (membership label set, see plan.prepare)."""
    sent, body, digest = marked(obj, drift)
    return Desired(
        key=key_of(sent),
        api_version=sent["apiVersion"],
        owner=owner,
        wave=rank(sent),
        body=body,
        content=digest,
        sealed=sealed,
        adoption=adoption,
        drift=drift,
        left_alone=is_left_alone(obj),
        autoscaled=autoscaled,
        replicas=replicas,
    )


def rescaled(item: Desired, scaled: Container[ObjectKey]) -> Desired:
    """Give what is wanted of an object now that `scaled` are the workloads that an autoscaler targets; the same where that changes nothing."""
    obj = unmarked(item.object(), item.drift)
    autoscaled = is_autoscaled(obj, scaled)
    if item.replicas is not None:
        spec = {key: value for key, value in mapping(obj.get("spec")).items() if key != "replicas"}
        obj["spec"] = spec if item.key in scaled else {**spec, "replicas": item.replicas}
    _, body, digest = marked(obj, item.drift)
    if (body, autoscaled) == (item.body, item.autoscaled):
        return item
    return replace(item, body=body, content=digest, autoscaled=autoscaled)


def _nobody(_key: ObjectKey) -> str:
    return ""


@dataclass(slots=True)
class DesiredSet:
    """All wanted objects by owner (an app, a bundle or `_shared`) and by key.

    Where several owners want one object, the one that has it in the cluster keeps it (`holder_of`: the live annotation's
    owner, or nothing), else the first by name: the others' wishes wait until it lets go.
    """

    holder_of: Callable[[ObjectKey], str] = _nobody
    _by_owner: dict[str, tuple[Desired, ...]] = field(default_factory=dict)
    _by_key: dict[ObjectKey, Desired] = field(default_factory=dict)
    _rivals: dict[ObjectKey, dict[str, Desired]] = field(default_factory=dict)
    _kinds: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    places: Places = field(default_factory=Places)

    def of(self, owner: str) -> tuple[Desired, ...]:
        """Give the objects that an owner wants and has, in apply order; empty for one that has none or is not known."""
        wishes = self._by_owner.get(owner, ())
        return tuple(item for item in wishes if self._by_key[item.key] is item) if self._rivals else wishes

    def get(self, key: ObjectKey) -> Desired | None:
        """Give the wanted object of this identity."""
        return self._by_key.get(key)

    def __contains__(self, key: object) -> bool:
        return key in self._by_key

    def unwanted(self, members: Iterable[Member]) -> list[Member]:
        """Give the members that nobody wants: a look at each of a whole cluster's, so it does no more than it must."""
        wanted = self._by_key
        return [member for member in members if member.key not in wanted]

    def knows(self, owner: str) -> bool:
        """Tell whether an owner's wishes are known: it runs a release, even with no objects."""
        return owner in self._by_owner

    def owners(self) -> tuple[str, ...]:
        """Give every owner whose wishes are known."""
        return tuple(self._by_owner)

    def values(self) -> tuple[Desired, ...]:
        """Give every wanted object."""
        return tuple(self._by_key.values())

    def kinds(self) -> tuple[tuple[str, str, str], ...]:
        """Give group, kind and apiVersion of what is wanted, each once."""
        return tuple(self._kinds)

    def waiting(self) -> tuple[tuple[Desired, str], ...]:
        """Give the wishes that wait, each with the owner that has the object."""
        found = ((item, self._by_key[key]) for key, rivals in self._rivals.items() for item in rivals.values())
        return tuple((item, held.owner) for item, held in found if item is not held)

    def replace(self, owner: str, objects: Iterable[Desired]) -> frozenset[str]:
        """Set an owner's wishes. Gives the other owners that have another set of objects by it."""
        once = {item.key: item for item in objects}
        wishes = tuple(sorted(once.values(), key=lambda item: (item.wave, item.key)))
        touched = self._set(owner, wishes)
        self._by_owner[owner] = wishes
        return touched

    def forget(self, owner: str) -> frozenset[str]:
        """Drop an owner and its wishes. Gives the other owners that have another set of objects by it."""
        touched = self._set(owner, ())
        self._by_owner.pop(owner, None)
        return touched

    def exchange(self, key: ObjectKey, made: Callable[[Desired], Desired]) -> frozenset[str]:
        """Put what `made` makes of each wish for an object in its place: of the same identity and owner. Gives whose wish is another."""
        rivals, held = self._rivals.get(key), self._by_key.get(key)
        wishes = (held,) if rivals is None else tuple(rivals.values())
        touched = set[str]()
        for item in wishes:
            if item is None or (now := made(item)) is item:
                continue
            self._by_owner[item.owner] = tuple(now if each is item else each for each in self._by_owner[item.owner])
            if rivals is not None:
                rivals[item.owner] = now
            if held is item:
                self._by_key[key] = now
            touched.add(item.owner)
        return frozenset(touched)

    def contested(self, key: ObjectKey) -> bool:
        """Tell whether several owners want an object."""
        return key in self._rivals

    def chosen(self, key: ObjectKey) -> Desired | None:
        """Give the wanted object once it has been looked at again who has it, now that more of the cluster is known."""
        if key in self._rivals:
            self._choose(key)
        return self._by_key.get(key)

    def settle(self) -> frozenset[str]:
        """Look again at all that several want, as `chosen` does. Gives the owners it touches."""
        return frozenset(name for key in tuple(self._rivals) for name in self._choose(key))

    def _set(self, owner: str, wishes: tuple[Desired, ...]) -> frozenset[str]:
        before = {item.key: item for item in self._by_owner.get(owner, ())}
        now = {item.key: item for item in wishes}
        touched: set[str] = set()
        for key in before.keys() | now.keys():
            touched |= self._wish(key, owner, now.get(key))
        for key in before:
            self.places.remove(key)
        for key in now:
            self.places.add(key)
        self._kinds.subtract((key.group, key.kind, item.api_version) for key, item in before.items())
        self._kinds.update((key.group, key.kind, item.api_version) for key, item in now.items())
        self._kinds += Counter()
        return frozenset(touched - {owner})

    def _wish(self, key: ObjectKey, owner: str, item: Desired | None) -> set[str]:
        """Change one owner's wish for an object. Gives the owners whose objects change."""
        rivals, held = self._rivals.get(key), self._by_key.get(key)
        if rivals is None and (held is None or held.owner == owner):
            if item is not None:
                self._by_key[key] = item
            else:
                self._by_key.pop(key, None)
            return set()
        if rivals is None and held is not None:
            if item is None:
                return set()
            rivals = self._rivals[key] = {held.owner: held}
        assert rivals is not None  # noqa: S101 - either there before or just made
        if item is None:
            rivals.pop(owner, None)
        else:
            rivals[owner] = item
        return self._choose(key)

    def _choose(self, key: ObjectKey) -> set[str]:
        rivals, held = self._rivals[key], self._by_key[key]
        holder = self.holder_of(key)
        chosen = rivals[holder if holder in rivals else min(rivals)]
        self._by_key[key] = chosen
        if len(rivals) == 1:
            del self._rivals[key]
        return {held.owner, chosen.owner} if chosen.owner != held.owner else set()
