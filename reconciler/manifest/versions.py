"""Semantic versions and requirements as Rust's semver crate reads them (source: docs.rs/semver; spin, crates/loader/src/local.rs)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_U64 = 2**64
_PRE = r"(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)"
_VERSION = re.compile(
    rf"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-{_PRE}(?:\.{_PRE})*)?(\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?", re.ASCII
)
_NUMBER = r"(0|[1-9]\d{0,19})"
_REQUIREMENT = re.compile(
    rf"(?:(?:=|>=|>|<=|<|~|\^) *)?{_NUMBER}"
    rf"(?:\.(?:[*xX](?:\.[*xX])?|{_NUMBER}(?:\.(?:[*xX]|{_NUMBER}(?:-{_PRE}(?:\.{_PRE})*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?))?))?",
    re.ASCII,
)
_MOST_REQUIREMENTS = 32


@dataclass(frozen=True, slots=True)
class Version:
    """A semantic version; `pre` with its `-`, build metadata left out."""

    major: int
    minor: int
    patch: int
    pre: str = ""

    def track(self) -> tuple[int, int, int, str]:
        """Give what compatible versions have in common."""
        if self.pre:
            return self.major, self.minor, self.patch, self.pre
        if self.major:
            return self.major, 0, 0, ""
        return (0, self.minor, 0, "") if self.minor else (0, 0, self.patch, "")


def version(text: str) -> Version | None:
    """Read a version, or give None where it is none."""
    found = _VERSION.fullmatch(text)
    if found is None or any(len(found[part]) > 20 or int(found[part]) >= _U64 for part in (1, 2, 3)):
        return None
    return Version(int(found[1]), int(found[2]), int(found[3]), found[4] or "")


def is_requirement(text: str) -> bool:
    """Tell whether a text is a version requirement such as `1.2`, `>=1.2, <2` or `*`."""
    if text.strip(" ") in {"*", "x", "X"}:
        return True
    # Spaces around a part are taken away first: two runs of them side by side would make the time of a long one its square.
    each = [_REQUIREMENT.fullmatch(part.strip(" ")) for part in text.split(",", maxsplit=_MOST_REQUIREMENTS)]
    return len(each) <= _MOST_REQUIREMENTS and all(
        found is not None and all(int(number) < _U64 for number in found.groups("0")) for found in each
    )
