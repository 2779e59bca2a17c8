"""Which values of a file SOPS encrypts: by suffix or by pattern of the keys above them (source: getsops/sops, sops.go)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: What SOPS goes by where a file names no rule.
_DEFAULT_SUFFIX = "_unencrypted"
_LONGEST_PATTERN = 256
#: A pattern comes from the repository and is matched in the agent: its time must not explode. A repeated group can make it
#: exponential, each unbounded repeat of a single character adds one power of the key's length.
_REPEATED_GROUP = re.compile(r"\)[*+{]")
_REPEAT = re.compile(r"[*+}]")
_MOST_REPEATS = 2
#: Go's syntax and Python's agree on these; what is left out (classes by name, flags, look-around, back references) differs or costs.
_COMMON_SYNTAX = re.compile(r"(?:[^\\?{}(]|\\[.\\^$|?*+()\[\]{}\-/dwsDWS]|\((?:\?:)?|(?<=[^(|^])\?|\{[0-9]{1,3}\})*")


class RuleError(ValueError):
    """The file's rule can't be followed here; the text says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """A file's rule: values below a key that fits are encrypted (`encrypts` True), or are the only ones that are not."""

    encrypts: bool
    suffix: str = ""
    pattern: re.Pattern[str] | None = None

    def covers(self, keys: Sequence[str]) -> bool:
        """Tell whether SOPS encrypts the value below these keys; places in lists don't count."""
        fits = any(self._fits(key) for key in keys)
        return fits is self.encrypts

    def _fits(self, key: str) -> bool:
        if self.pattern is not None:
            return self.pattern.search(key) is not None
        return key.endswith(self.suffix)


def rule_of(metadata: Mapping[str, Any]) -> Rule:
    """Give the rule that a file's `sops` entry names. Raises RuleError."""
    named = [
        name
        for side in ("encrypted", "unencrypted")
        for name in (f"{side}_suffix", f"{side}_regex", f"{side}_comment_regex")
        if metadata.get(name)
    ]
    if not named:
        return Rule(encrypts=False, suffix=_DEFAULT_SUFFIX)
    if len(named) > 1:
        raise RuleError(f"sops.{named[0]} and sops.{named[1]} exclude one another")
    name, written = named[0], metadata[named[0]]
    if "comment" in name:
        raise RuleError(f"sops.{name} goes by comments, which are not read here")
    if not isinstance(written, str):
        raise RuleError(f"sops.{name} must be text")
    encrypts = name.startswith("encrypted")
    if name.endswith("suffix"):
        return Rule(encrypts=encrypts, suffix=written)
    return Rule(encrypts=encrypts, pattern=_pattern(name, written))


def _pattern(name: str, written: str) -> re.Pattern[str]:
    if len(written) > _LONGEST_PATTERN:
        raise RuleError(f"sops.{name} is longer than {_LONGEST_PATTERN} characters")
    if _REPEATED_GROUP.search(written) or len(_REPEAT.findall(written)) > _MOST_REPEATS:
        raise RuleError(f"sops.{name} repeats too much to be matched in bounded time")
    try:
        if _COMMON_SYNTAX.fullmatch(written) is None or "[[" in written or "[:" in written:
            raise re.error("syntax")
        return re.compile(written, re.ASCII)
    except re.error as error:
        raise RuleError(f"sops.{name} is not a pattern that can be read here") from error
