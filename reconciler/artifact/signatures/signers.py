"""Counting signers: each counts once, and each of the rule's keys and identities stands for one of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.artifact.signatures.model import Signer


def distinct(signers: Iterable[Signer]) -> tuple[Signer, ...]:
    """Give a largest set of signers in which no signer and no entry of the rule occurs twice, in a stable order.

    One who signs twice, a key that is listed under two names, and one workflow that signs from two branches under one pattern
    count once; two entries that both cover the same two signers count as two (a maximum matching).
    """
    found = sorted(set(signers), key=lambda each: (each.id, each.entry))
    by_signer: dict[str, list[Signer]] = {}
    for each in found:
        by_signer.setdefault(each.id, []).append(each)
    taken: dict[str, Signer] = {}
    for identity in by_signer:
        _place(identity, by_signer, taken, set())
    return tuple(sorted(taken.values(), key=lambda each: (each.entry, each.id)))


def _place(identity: str, by_signer: dict[str, list[Signer]], taken: dict[str, Signer], tried: set[str]) -> bool:
    """Give a signer an entry, moving others to another of theirs where that makes room."""
    for each in by_signer[identity]:
        if each.entry in tried:
            continue
        tried.add(each.entry)
        holder = taken.get(each.entry)
        if holder is None or _place(holder.id, by_signer, taken, tried):
            taken[each.entry] = each
            return True
    return False
