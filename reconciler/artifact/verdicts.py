"""Verdicts in memory: asked again, an artifact costs microseconds."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.artifact.model import Expected, Verdict
from reconciler.manifest.model import Application

_MOST = 20_000
#: Seconds after which what does not last is looked up on disk again, where it is known since when it holds.
_LONGEST = 3600.0


@dataclass(slots=True)
class Verdicts:
    """The latest verdicts, by reference and what was asked. 20,000 at most; the longest unused go first."""

    _verdicts: OrderedDict[tuple[str, str], tuple[Verdict, float | None]] = field(default_factory=OrderedDict)
    _keys: OrderedDict[int, tuple[Application, str]] = field(default_factory=OrderedDict)

    def get(self, key: tuple[str, str]) -> Verdict | None:
        """Give the verdict that is remembered for a reference and what is asked of it; None where none holds any more."""
        known = self._verdicts.get(key)
        if known is None:
            return None
        verdict, until = known
        if until is not None and time.monotonic() >= until:
            del self._verdicts[key]
            return None
        self._verdicts.move_to_end(key)
        return verdict

    def put(self, key: tuple[str, str], verdict: Verdict) -> None:
        """Keep what would be found again: never what is incomplete, or what another answer of the registry may change."""
        if not verdict.lasting or "@" not in verdict.reference:
            return
        until = time.monotonic() + min(verdict.lasts, _LONGEST) if verdict.lasts is not None else None
        self._verdicts[key] = verdict.remembered(), until
        while len(self._verdicts) > _MOST:
            self._verdicts.popitem(last=False)

    def key(self, expected: Expected) -> str:
        """Give a digest of what is asked, with that of its spin.toml taken once."""
        application = expected.application
        sources = expected.sources.key if expected.sources is not None else ""
        rest = f"{dataclasses.replace(expected, application=None, sources=None)!r} {sources}"
        if application is None:
            return rest
        held = self._keys.get(id(application))
        if held is None or held[0] is not application:
            held = self._keys[id(application)] = application, application_key(application)
            while len(self._keys) > _MOST:
                self._keys.popitem(last=False)
        return f"{held[1]} {rest}"


def application_key(application: Application) -> str:
    """Give a digest of what an application is, wherever it stands in its file."""

    def plain(value: Any) -> Any:
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            names = [each.name for each in dataclasses.fields(value) if each.name != "line"]
            return {name: plain(getattr(value, name)) for name in names}
        if isinstance(value, Mapping):
            return {str(key): plain(each) for key, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [plain(each) for each in value]
        return value

    text = json.dumps(plain(application), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
