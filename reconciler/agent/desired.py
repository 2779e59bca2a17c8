"""What is wanted, object by object, as it will be sent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.plan.model import ObjectKey, key_of
from reconciler.plan.order import rank
from reconciler.sops.sealed import Sealed


@dataclass(frozen=True, kw_only=True, slots=True)
class Desired:
    """One wanted object. `body` is the JSON that is sent: bytes take a sixth of the memory of the dict.

    `content` is a digest of `body`: equal content needs no write. `wave` orders objects within their app, lowest first.
    Where `sealed` is there, `body` has marks in place of encrypted values (agent.decryption puts those in).
    """

    key: ObjectKey
    api_version: str
    owner: str
    wave: int
    body: bytes
    content: bytes
    sealed: Sealed | None = None

    def object(self) -> dict[str, Any]:
        """Give the object as a dict, parsed anew: callers may change it."""
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed


def desired(obj: Mapping[str, Any], owner: str, sealed: Sealed | None = None) -> Desired:
    """Give the wanted form of a prepared object (membership label set, see plan.prepare)."""
    body = json.dumps(obj, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return Desired(
        key=key_of(obj),
        api_version=obj["apiVersion"],
        owner=owner,
        wave=rank(obj),
        body=body,
        content=hashlib.blake2b(body, digest_size=16).digest(),
        sealed=sealed,
    )


@dataclass(slots=True)
class DesiredSet:
    """All wanted objects by owner (an app, a bundle or `_shared`) and by key.

    An object that two owners want stays with the first; the second's wish is given back as refused.
    """

    _by_owner: dict[str, tuple[Desired, ...]] = field(default_factory=dict)
    _by_key: dict[ObjectKey, Desired] = field(default_factory=dict)

    def of(self, owner: str) -> tuple[Desired, ...]:
        """Give an owner's objects in apply order; empty for one that has none or is not known."""
        return self._by_owner.get(owner, ())

    def get(self, key: ObjectKey) -> Desired | None:
        """Give the wanted object of this identity."""
        return self._by_key.get(key)

    def __contains__(self, key: object) -> bool:
        return key in self._by_key

    def knows(self, owner: str) -> bool:
        """Tell whether an owner's wishes are known: it was released by this process, even with no objects."""
        return owner in self._by_owner

    def owners(self) -> tuple[str, ...]:
        """Give every owner whose wishes are known."""
        return tuple(self._by_owner)

    def values(self) -> tuple[Desired, ...]:
        """Give every wanted object."""
        return tuple(self._by_key.values())

    def replace(self, owner: str, objects: tuple[Desired, ...]) -> tuple[tuple[Desired, str], ...]:
        """Set an owner's objects. Gives those refused, each with the owner that already wants it."""
        self.forget(owner)
        refused: list[tuple[Desired, str]] = []
        kept: list[Desired] = []
        for wanted in sorted(objects, key=lambda item: (item.wave, item.key)):
            holder = self._by_key.get(wanted.key)
            if holder is not None:
                refused.append((wanted, holder.owner))
                continue
            self._by_key[wanted.key] = wanted
            kept.append(wanted)
        self._by_owner[owner] = tuple(kept)
        return tuple(refused)

    def forget(self, owner: str) -> None:
        """Drop an owner and its objects."""
        for wanted in self._by_owner.pop(owner, ()):
            del self._by_key[wanted.key]
