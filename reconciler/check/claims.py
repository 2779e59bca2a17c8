"""What only one app or bundle of a cluster can have, held for a whole fleet: hosts and paths, objects, shared accounts.

A claim is text, and so are templates of it (`shop.${cluster.domain}/`): who else wants the same is found without looking at each
cluster. Two claims that are written differently and become the same on some cluster are found through that cluster's variables:
whatever of a claim's text equals a variable's value may have been written as the variable.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from reconciler.fleet.variables import filled

#: Which of the variables whose values occur in a claim are put in their place, by how many occur: one, or two together.
_SUBSETS: Sequence[Sequence[tuple[int, ...]]] = tuple(
    tuple(chosen for count in (1, 2) for chosen in combinations(range(number), count)) for number in range(9)
)


#: So many are put in their places one by one; more are sorted together.
_FEW = 16
#: Longer ends are not compared: it would cost the square of their length.
_LONGEST_END = 512


@dataclass(frozen=True, slots=True)
class Claim:
    """What is claimed, as written, and the pointer of the field that claims it in the App.

    `content` is what the claim is made with, where several may share it if they want the same; otherwise empty.
    """

    text: str
    pointer: str
    content: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """A claim of an owner on some clusters, a bit each."""

    owner: str
    claim: Claim
    clusters: int


@dataclass(frozen=True, slots=True)
class Clash:
    """`loser` claims on a cluster (by number) what `winner`, who comes first by name, has there."""

    loser: Held
    winner: Held
    cluster: int


class Claims:
    """All claims of a fleet by their text."""

    def __init__(self, variables: Sequence[Mapping[str, str]]) -> None:
        """Begin with none. `variables` are those of each cluster, in the order of the bits."""
        self._variables = variables
        self._longest_first = [_placeholders(each) for each in variables]
        self._held: dict[str, list[Held]] = {}
        self._of: dict[str, tuple[str, ...]] = {}
        self._templates: set[str] = set()
        self._contended: set[str] = set()
        self._alike: dict[str, set[str]] = {}
        self._heads, self._tails = _Ends(), _Ends()

    def replace(self, owner: str, claims: Iterable[tuple[Claim, int]]) -> None:
        """Set what an owner claims, with the clusters of each; an empty list lets go of everything."""
        for text in self._of.pop(owner, ()):
            self._drop(owner, text)
        texts = []
        for claim, clusters in claims:
            held = self._held.get(claim.text)
            if held is None:
                held = self._held[claim.text] = []
                self._heads.add(_head(claim.text))
                self._tails.add(_tail(claim.text))
            held.append(Held(owner, claim, clusters))
            texts.append(claim.text)
            if any(each.owner != owner for each in held):
                self._contended.add(claim.text)
            if "${" in claim.text:
                self._templates.add(claim.text)
        self._of[owner] = tuple(dict.fromkeys(texts))

    def link(self, texts: Iterable[str] | None = None) -> None:
        """Find claims that become the same on some cluster; of the given texts with any other, None for all templates."""
        if not self._templates:
            return
        for text in self._templates if texts is None else texts:
            for other in self._coinciding(text):
                self._alike.setdefault(text, set()).add(other)
                self._alike.setdefault(other, set()).add(text)

    def texts(self, owner: str) -> tuple[str, ...]:
        """Give what an owner claims."""
        return self._of.get(owner, ())

    def clashes(self) -> Iterator[Clash]:
        """Give every clash, in the order of their texts."""
        for text in sorted(self._contended):
            yield from _first_by_name(sorted(self._held[text], key=lambda each: each.owner))
        for text, others in sorted(self._alike.items()):
            for other in sorted(others):
                if text < other:
                    yield from self._across(text, other)

    def _drop(self, owner: str, text: str) -> None:
        held = [each for each in self._held[text] if each.owner != owner]
        if len({each.owner for each in held}) < 2:
            self._contended.discard(text)
        if held:
            self._held[text] = held
            return
        del self._held[text]
        self._heads.remove(_head(text))
        self._tails.remove(_tail(text))
        self._templates.discard(text)
        for other in self._alike.pop(text, ()):
            self._alike[other].discard(text)

    def _coinciding(self, text: str) -> set[str]:
        found: set[str] = set()
        # What no other text begins like, or none ends like, can't become the same as another.
        if self._heads.is_alone(_head(text)) or self._tails.is_alone(_tail(text)):
            return found
        clusters = 0
        for each in self._held.get(text, ()):
            clusters |= each.clusters
        held = self._held
        for index in _bits(clusters):
            variables = self._variables[index]
            literal = filled(text, variables)
            if literal != text and literal in held:
                found.add(literal)
            inside = [pair for pair in self._longest_first[index] if pair[1] in literal]
            for written in _spellings(literal, inside):
                if written != text and written in held:
                    found.add(written)
        return found

    def _across(self, text: str, other: str) -> Iterator[Clash]:
        """Give the clashes of two texts on the clusters where they are the same."""
        same = 0
        for index, variables in enumerate(self._variables):
            if filled(text, variables) == filled(other, variables):
                same |= 1 << index
        together = [*self._held.get(text, ()), *self._held.get(other, ())]
        limited = [Held(each.owner, each.claim, each.clusters & same) for each in together if each.clusters & same]
        yield from _first_by_name(sorted(limited, key=lambda each: each.owner))


class _Ends:
    """How texts begin (or end, turned around), as far as no variable stands there."""

    def __init__(self) -> None:
        self._sorted: list[str] = []
        self._new: list[str] = []

    def add(self, end: str) -> None:
        """Add one; each counts as often as it was added."""
        self._new.append(end)

    def remove(self, end: str) -> None:
        """Take one away that was added."""
        self._settle()
        del self._sorted[bisect_left(self._sorted, end)]

    def is_alone(self, end: str) -> bool:
        """Tell whether none but one begins with this, and this begins with no other."""
        if len(end) > _LONGEST_END:
            return False
        self._settle()
        found = self._sorted
        if bisect_left(found, end + chr(0x10FFFF)) - bisect_left(found, end) > 1:
            return False
        for length in range(len(end)):
            at = bisect_left(found, end[:length])
            if at < len(found) and found[at] == end[:length]:
                return False
        return True

    def _settle(self) -> None:
        if len(self._new) > _FEW:
            self._sorted += self._new
            self._sorted.sort()
        else:
            for each in self._new:
                insort(self._sorted, each)
        self._new.clear()


def _head(text: str) -> str:
    return text.partition("${")[0]


def _tail(text: str) -> str:
    return text.rpartition("}")[2][::-1] if "${" in text else text[::-1]


def _first_by_name(held: list[Held]) -> Iterator[Clash]:
    for number, loser in enumerate(held):
        left = loser.clusters
        for winner in held[:number]:
            shared = left & winner.clusters
            if not shared or winner.owner == loser.owner:
                continue
            left &= ~shared
            if not loser.claim.content or loser.claim.content != winner.claim.content:
                yield Clash(loser, winner, (shared & -shared).bit_length() - 1)
            if not left:
                break


def _spellings(literal: str, inside: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Give how a text may have been written with the variables whose values occur in it: one or two of them, at all places or at some."""
    for chosen in _SUBSETS[min(len(inside), len(_SUBSETS) - 1)]:
        written = literal
        for number in chosen:
            written = written.replace(inside[number][1], inside[number][0])
        yield written
    places = sorted((at, at + len(value), name) for name, value in inside for at in _occurrences(literal, value))
    if len(places) == len(inside):  # each value occurs once: that was all
        return
    for chosen in _SUBSETS[min(len(places), len(_SUBSETS) - 1)]:
        picked = [places[number] for number in chosen]
        if len(picked) == 1 or picked[0][1] <= picked[1][0]:
            written, behind = "", 0
            for start, end, name in picked:
                written, behind = written + literal[behind:start] + name, end
            yield written + literal[behind:]


def _occurrences(text: str, value: str) -> Iterator[int]:
    at = text.find(value)
    while at >= 0:
        yield at
        at = text.find(value, at + len(value))


def _placeholders(variables: Mapping[str, str]) -> list[tuple[str, str]]:
    """Give how each variable is written, and its value, longest value first."""
    pairs = sorted(variables.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    return [(f"${{cluster.{name}}}", value) for name, value in pairs if value]


def _bits(mask: int) -> Iterator[int]:
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest
